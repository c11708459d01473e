// The simple normalizers, one line of work each; BertNormalizer and CanonicalNormalizer have their own files. A normalizer sees the
// text between two added tokens, never the tokens.
// Source: Hugging Face tokenizers, normalizers/.
using System.Globalization;
using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>Changes text before it is cut.</summary>
internal abstract class Normalizer
{
    /// <summary>The changed text.</summary>
    public abstract string Normalize(string text);

    /// <summary>The changed text where other text stands right before it, for those that put something in front of a text.</summary>
    public virtual string NormalizeBehind(string text) => Normalize(text);

    /// <summary>Lower case, one code point at a time, so a final sigma is like any other.</summary>
    protected static string Lower(string text)
    {
        StringBuilder output = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            _ = rune.Value == 0x130
                ? output.Append("i\u0307") // İ, the one code point whose lower case is two
                : output.Append(Rune.ToLowerInvariant(rune));
        }

        return output.ToString();
    }

    /// <summary>Takes out marks.</summary>
    /// <param name="text">The text.</param>
    /// <param name="onlyNonspacing">Whether spacing and enclosing ones stay.</param>
    protected static string WithoutMarks(string text, bool onlyNonspacing)
    {
        StringBuilder output = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            UnicodeCategory category = Rune.GetUnicodeCategory(rune);
            bool isOther = category is UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;
            if (category != UnicodeCategory.NonSpacingMark && (onlyNonspacing || !isOther))
            {
                output.Append(rune);
            }
        }

        return output.ToString();
    }
}

/// <summary>One normalizer after another.</summary>
internal sealed class NormalizerSequence(IReadOnlyList<Normalizer> normalizers) : Normalizer
{
    public override string Normalize(string text) => normalizers.Aggregate(text, (current, next) => next.Normalize(current));

    public override string NormalizeBehind(string text) =>
        normalizers.Aggregate(text, (current, next) => next.NormalizeBehind(current));
}

/// <summary>Puts a text in front.</summary>
internal sealed class PrependNormalizer(string prefix) : Normalizer
{
    public override string Normalize(string text) => text.Length == 0 ? text : prefix + text;

    public override string NormalizeBehind(string text) => text;
}

/// <summary>Replaces every occurrence of a text.</summary>
internal sealed class ReplaceNormalizer(string find, string replacement) : Normalizer
{
    public override string Normalize(string text) => text.Replace(find, replacement, StringComparison.Ordinal);
}

/// <summary>Lower case.</summary>
internal sealed class LowercaseNormalizer : Normalizer
{
    public override string Normalize(string text) => Lower(text);
}

/// <summary>Takes out marks of all kinds; after a decomposition, accents.</summary>
internal sealed class StripAccentsNormalizer : Normalizer
{
    public override string Normalize(string text) => WithoutMarks(text, onlyNonspacing: false);
}
