using Cinnabar.Constraints;

namespace Cinnabar.Tests.Constraints;

// What each construct matches, by hand.
public sealed class RegexConstraintTests
{
    [Theory]
    [InlineData("", new[] { "" }, new[] { "a" })]
    [InlineData("abc", new[] { "abc" }, new[] { "", "ab", "abcd", "xabc" })]
    [InlineData("^abc$", new[] { "abc" }, new[] { "^abc$", "xabc", "abc\n" })]
    [InlineData("^a|b$", new[] { "a", "b" }, new[] { "ab", "" })]
    [InlineData("a|bc|", new[] { "a", "bc", "" }, new[] { "b", "abc" })]
    [InlineData("a.c", new[] { "abc", "a c", "aéc", "a😀c" }, new[] { "a\nc", "a\rc", "a\u2028c", "ac" })]
    [InlineData("[a-cx]", new[] { "a", "b", "c", "x" }, new[] { "d", "w", "-" })]
    [InlineData("[^a-cx]", new[] { "d", "\n", "€", "😀" }, new[] { "a", "x", "" })]
    [InlineData("[-a]", new[] { "-", "a" }, new[] { "b" })]
    [InlineData("[a-]", new[] { "-", "a" }, new[] { "b" })]
    [InlineData("[a^[$.]", new[] { "^", "[", "$", "." }, new[] { "x" })]
    [InlineData("[\\]\\-\\\\\\b]", new[] { "]", "-", "\\", "\b" }, new[] { "b" })]
    [InlineData("\\d\\D", new[] { "0a", "9٣" }, new[] { "٣a", "00" })]
    [InlineData("\\w\\W", new[] { "_é", "Z-" }, new[] { "éa", "aa" })]
    [InlineData("\\s\\S", new[] { "\ta", "\u00a0x", "\ufeffé", "\u2028." }, new[] { "a\t", "\u0085a" })]
    [InlineData("[\\d\\s][^\\d\\s]", new[] { "1a", " é" }, new[] { "a1", "11" })]
    [InlineData("\\n\\r\\t\\f\\v\\0", new[] { "\n\r\t\f\v\0" }, new[] { "nrtfv0" })]
    [InlineData("\\x41\\u00e9\\u{1F600}\\uD83D\\uDE00", new[] { "Aé😀😀" }, new[] { "Aé😀" })]
    [InlineData("\\.\\/\\*\\{\\}\\|\\\\", new[] { "./*{}|\\" }, new[] { "" })]
    [InlineData("]}", new[] { "]}" }, new[] { "" })]
    [InlineData("(a)(?:b)(?<n>c)(?P<m_1>d)", new[] { "abcd" }, new[] { "abc" })]
    [InlineData("a*b+c?", new[] { "b", "aabbc", "abc" }, new[] { "a", "bcc" })]
    [InlineData("a*?b+?c??", new[] { "b", "aabbc", "abc" }, new[] { "a", "bcc" })]
    [InlineData("a{3}", new[] { "aaa" }, new[] { "aa", "aaaa" })]
    [InlineData("a{0}b", new[] { "b" }, new[] { "ab" })]
    [InlineData("a{2,}", new[] { "aa", "aaaaaaa" }, new[] { "a" })]
    [InlineData("(ab|c){1,2}", new[] { "ab", "c", "abc", "cab" }, new[] { "", "ccc", "a" })]
    [InlineData("(a*b*)*", new[] { "", "abba" }, new[] { "c" })]
    [InlineData("(a*)+b", new[] { "b", "aab" }, new[] { "", "ba" })]
    [InlineData("(a{0,2}){2}|(){5}|(a?){0,3}", new[] { "", "a", "aaaa" }, new[] { "aaaaa" })]
    [InlineData("(a*|b)c", new[] { "c", "aac", "bc" }, new[] { "abc", "bbc" })]
    [InlineData("((a|bc)*d)*", new[] { "", "d", "abcdd" }, new[] { "abc", "b" })]
    [InlineData("[😀-😂é]", new[] { "😁", "é" }, new[] { "😃", "e" })]
    [InlineData("[\\0-\\u{10FFFF}]", new[] { "\0", "\ud7ff", "\ue000", "\U0010ffff" }, new[] { "", "ab" })]
    public void FromRegex_Construct_MatchesWholeTexts(string pattern, string[] accepted, string[] refused)
    {
        Constraint constraint = Constraint.FromRegex(pattern);
        Assert.Equal((ConstraintKind.Regex, pattern), (constraint.Kind, constraint.Source));
        Assert.All(accepted, text => Assert.True(constraint.Matches(text), text));
        Assert.All(refused, text => Assert.False(constraint.Matches(text), text));
        AutomatonSamples.AssertTrimmed(constraint.Automaton);
    }

    [Fact]
    public void FromRegex_HalfASurrogatePair_IsRefused() => Assert.Contains(
        ", offset 1: expected a character, found half a surrogate pair, U+D800.",
        Assert.Throws<CinnabarException>(() => Constraint.FromRegex("a\ud800")).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Matches_HalfASurrogatePair_IsFalse() => Assert.False(Constraint.FromRegex("[\\s\\S]*").Matches("a\ud800"));

    [Theory]
    [InlineData("a", 2)]
    [InlineData("(a|b)*abb", 4)] // the textbook's example
    [InlineData("(a|b)*a(a|b){3}", 16)] // the last four letters
    [InlineData("(ab|cb|db)+", 3)]
    [InlineData("[a-z]{0,200}", 201)]
    [InlineData("[\\s\\S]", 9)] // start, end, and of UTF-8: 1, 2 or 3 bytes left, E0, ED, F0, F4
    [InlineData("(foo|food|foot|bar|bard)s?", 9)]
    public void FromRegex_KnownLanguage_HasTheMinimalNumberOfStates(string pattern, int states) =>
        Assert.Equal(states, Constraint.FromRegex(pattern).Automaton.StateCount);

    [Fact]
    public void FromRegex_BytesThatNoStateTellsApart_AreOneClass()
    {
        Assert.Equal(3, Constraint.FromRegex("[a-z0-9]x?[a-z0-9]|y[a-z0-9]").Automaton.Classes); // x, other letters and digits, the rest
    }

    [Theory]
    [InlineData("a(b", 1, "a ')' that closes this group", "the end of the pattern")]
    [InlineData("a)b", 1, "a '(' before this ')'", "none")]
    [InlineData("a|*", 2, "something to repeat before '*'", "none")]
    [InlineData("{2}", 0, "something to repeat before '{'", "none")]
    [InlineData("ab{x}", 2, "a quantifier {n}, {n,} or {n,m}", "'x'")]
    [InlineData("ab{2", 2, "a quantifier {n}, {n,} or {n,m}", "the end of the pattern")]
    [InlineData("a{,3}", 1, "a quantifier {n}, {n,} or {n,m}", "','")]
    [InlineData("a{3,2}", 1, "a first count up to the second", "'{3,2}'")]
    [InlineData("a{1000001}", 2, "a count up to 100000", "'1000001'")]
    [InlineData("a{99999999999999999999}", 2, "a count up to 100000", "'99999999999999999999'")]
    [InlineData("a++", 2, "an end of the quantifier '+'", "another quantifier")]
    [InlineData("a{2}{3}", 4, "an end of the quantifier '{2}'", "another quantifier")]
    [InlineData("a^b", 1, "'^' only at the start of the pattern", "one inside of it")]
    [InlineData("(^a)", 1, "'^' only at the start of the pattern", "one inside of it")]
    [InlineData("a$b", 1, "'$' only at the end of the pattern", "one inside of it")]
    [InlineData("a$*", 1, "'$' only at the end of the pattern", "one inside of it")]
    [InlineData("x(?=a)", 1, "a group (…), (?:…) or (?<name>…)", "'(?=a'")]
    [InlineData("(?<!a)", 0, "a group (…), (?:…) or (?<name>…)", "'(?<!'")]
    [InlineData("(?i)a", 0, "a group (…), (?:…) or (?<name>…)", "'(?i)'")]
    [InlineData("(?>a)", 0, "a group (…), (?:…) or (?<name>…)", "'(?>a'")]
    [InlineData("(a)\\1", 3, "an escape", "a backreference")]
    [InlineData("\\k<a>", 0, "an escape", "a backreference")]
    [InlineData("a\\b", 1, "an escape", "a test for the border of a word")]
    [InlineData("\\p{L}", 0, "an escape", "a Unicode category")]
    [InlineData("a\\q", 1, "an escape", "'\\q'")]
    [InlineData("\\😀", 0, "an escape", "'\\😀'")]
    [InlineData("\\01", 0, "an escape", "'\\0'")]
    [InlineData("a\\", 1, "a character after the backslash", "the end of the pattern")]
    [InlineData("\\x4", 0, "2 hexadecimal digits after '\\x'", "'\\x4'")]
    [InlineData("\\u12G4", 0, "4 hexadecimal digits after '\\u'", "'\\u12G4'")]
    [InlineData("\\u{110000}", 0, "a character up to U+10FFFF", "'\\u{110000}'")]
    [InlineData("\\u{}", 0, "a character up to U+10FFFF", "'\\u{}'")]
    [InlineData("\\uD800x", 0, "a character up to U+10FFFF", "'\\uD800x'")]
    [InlineData("[abc", 0, "a ']' that closes this class", "the end of the pattern")]
    [InlineData("x[]", 1, "at least one character in the class", "'[]'")]
    [InlineData("x[^]", 1, "at least one character in the class", "'[^]'")]
    [InlineData("[z-a]", 1, "a range from one character up to another", "'z-a'")]
    [InlineData("[a-\\d]", 1, "a range from one character up to another", "'a-\\d'")]
    public void FromRegex_Mistake_NamesPlaceExpectedAndFound(string pattern, int offset, string expected, string found)
    {
        string message = Assert.Throws<CinnabarException>(() => Constraint.FromRegex(pattern)).Message;
        Assert.StartsWith("Regular expression '", message, StringComparison.Ordinal);
        Assert.Contains($", offset {offset}: expected {expected}", message, StringComparison.Ordinal);
        Assert.Contains($", found {found}. ", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[^\\s\\S]")]
    [InlineData("a[^\\d\\D]*b[^\\w\\W]")]
    public void FromRegex_MatchesNothing_IsRefused(string pattern) => Assert.Contains(
        "expected a pattern that matches a text, found one without",
        Assert.Throws<CinnabarException>(() => Constraint.FromRegex(pattern)).Message,
        StringComparison.Ordinal);
}
