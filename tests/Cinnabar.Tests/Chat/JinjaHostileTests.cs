using System.Diagnostics;
using Cinnabar.Chat;

namespace Cinnabar.Tests.Chat;

// Templates that want to crash, hang or fill the memory. Each ends in one CinnabarException that names the line, within seconds and on a
// thread with a small stack.
public sealed class JinjaHostileTests
{
    private const int SmallStack = 1 << 20;

    private static readonly Dictionary<string, (string Template, string Expected)> s_cases = Make();

    public static TheoryData<string> Names => [.. s_cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Render_HostileTemplate_EndsInOneClearError(string name)
    {
        (string template, string expected) = s_cases[name];
        long start = Stopwatch.GetTimestamp();
        Exception? error = OnSmallStack(template);
        Assert.True(error is CinnabarException, $"{error}");
        Assert.StartsWith("hostile.jinja: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(error.Message, char.IsControl);
        Assert.InRange(error.Message.Length, 20, 600);
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0, 10);
    }

    [Theory]
    [InlineData("sum", "{{ 1 + 1 + 1 }}", " + 1", 50_000)]
    [InlineData("concatenation", "{{ 1 ~ 2 }}", " ~ 2", 50_000)]
    [InlineData("or", "{{ 0 or 0 }}", " or 0", 40_000)]
    [InlineData("comparison", "{{ 1 <= 1 }}", " <= 1", 40_000)]
    [InlineData("list", "{{ [1, 1] }}", ", 1", 80_000)]
    [InlineData("elif", "{% if 0 %}{% elif 0 %}{% endif %}", "{% elif 0 %}", 20_000)]
    public void Render_LongChain_IsNoDeepTree(string name, string template, string link, int times)
    {
        int at = template.LastIndexOf(link, StringComparison.Ordinal);
        string text = template.Insert(at, string.Concat(Enumerable.Repeat(link, times)));
        Assert.True(OnSmallStack(text) is null, name);
    }

    [Fact]
    public void Render_DeepestLegalTemplates_FitASmallStack()
    {
        string macro = "{% macro f(n) %}{% if n > 0 %}{{ ((((f(n - 1))))) }}{% endif %}x{% endmacro %}{{ f(95) }}";
        Assert.Null(OnSmallStack(macro));
        Assert.Null(OnSmallStack("{{ " + Nested("(", "1", ")", 98) + " }}"));
        Assert.Null(OnSmallStack(Nested("{% for i in [1] %}", "x", "{% endfor %}", 98)));
        Assert.Null(OnSmallStack("{{ " + Nested("not ", "1", "", 97) + " }}"));
    }

    private static Exception? OnSmallStack(string template)
    {
        Exception? error = null;
        Thread thread = new(
            () =>
            {
                try
                {
                    ChatTemplate.Parse(template, "hostile.jinja").Render([new ChatMessage("user", "Hi")], true, "<s>", "</s>");
                }
                catch (Exception e)
                {
                    error = e;
                }
            },
            SmallStack);
        thread.Start();
        thread.Join();
        return error;
    }

    private static Dictionary<string, (string Template, string Expected)> Make()
    {
        Dictionary<string, (string Template, string Expected)> cases = new()
        {
            ["too long"] = (new string('a', 262_145), "at most 262144 bytes, found 262145"),
            ["too long in UTF-8"] = (new string('é', 131_073), "found 262146"),
            ["NUL in a tag"] = ("{{ \0 }}", "found '\\u0000'"),
            ["byte order mark in a tag"] = ("{{ \uFEFFa }}", "found '\\uFEFF'"),
            ["half a surrogate pair in a tag"] = ("{{ \ud800 }}", "expected an expression"),
            ["escape of no character"] = ("{{ '\\U00110000' }}", "which needs 8 digits"),
            ["escape cut off"] = ("{{ '\\u12", "which needs 4 digits"),
            ["escape by name"] = ("{{ '\\N{BULLET}' }}", "not supported"),
            ["number of 500 digits"] = ("{{ " + new string('9', 500) + " }}", "too large"),
            ["float of 500 digits"] = ("{{ 1." + new string('9', 500) + " }}", "too large"),
            ["number beyond 64 bits"] = ("{{ 9223372036854775808 }}", "too large"),
            ["float beyond its range"] = ("{{ 1e999 }}", "too large"),
            ["hexadecimal without digits"] = ("{{ 0x }}", "expected a number"),
            ["hexadecimal beyond 64 bits"] = ("{{ 0x8000000000000000 }}", "expected a number"),
            ["file to include"] = ("\n{% include '/etc/passwd' %}", "line 2: expected one of the tags"),
            ["file to import"] = ("{% import 'os' as os %}", "'import'"),
            ["template to extend"] = ("{% extends 'x' %}", "'extends'"),
            ["dunder walk"] = ("{{ ''.__class__.__mro__ }}", "undefined: '__class__' of a text"),
            ["globals of a function"] = ("{{ range.__globals__.os }}", "undefined: '__globals__' of a function"),
            ["list is not changed"] = ("{{ messages.append(1) }}", "undefined: 'append' of a list"),
            ["dict is not changed"] = ("{{ messages[0].pop('role') }}", "'pop', which is not supported"),
            ["range of a billion"] = ("{% for i in range(1000000000) %}{% endfor %}", "at most 10000 numbers of 'range', found 1000000000"),
            ["range between extremes"] = ("{{ range(-9223372036854775807, 9223372036854775807) }}", "at most 10000 numbers"),
            ["range of one more than allowed"] = ("{{ range(10001) | length }}", "found 10001"),
            ["loops in loops"] = (
                "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}", "at most 200000 turns of all loops"),
            ["loops in filters"] = (
                "{% for i in range(9999) %}{{ range(9999) | map('string') | list | length }}{% endfor %}", "200000 turns"),
            ["macro that calls itself"] = (
                "\n{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "line 2: expected macros that call each other at most 100 deep"),
            ["macros that call each other"] = (
                "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}", "100 deep"),
            ["macro that calls itself in brackets"] = (
                "{% macro f() %}" + Nested("{% if 1 %}", "{{ " + Nested("[", "f()", "]", 40) + " }}", "{% endif %}", 40)
                    + "{% endmacro %}{{ f() }}",
                "at most 1000 expressions and blocks inside each other"),
            ["macro that calls itself twice"] = (
                "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(90) }}", "at most 20000000 steps"),
            ["caller that calls its macro"] = (
                "{% macro m() %}{{ caller() }}{% endmacro %}{% macro f() %}{% call m() %}{{ f() }}{% endcall %}{% endmacro %}{{ f() }}",
                "100 deep"),
            ["text doubled"] = (Grown("{% set n.t = n.t + n.t %}"), "2097152"),
            ["text doubled by ~"] = (Grown("{% set n.t = n.t ~ n.t %}"), "2097152"),
            ["text doubled by replace"] = (Grown("{% set n.t = n.t | replace('a', 'aa') %}"), "2097152"),
            ["text doubled by join"] = (Grown("{% set n.t = [n.t, n.t] | join %}"), "2097152"),
            ["text doubled by format"] = (Grown("{% set n.t = '%s%s' % (n.t, n.t) %}"), "2097152"),
            ["text doubled by set"] = (Grown("{% set n.t %}{{ n.t }}{{ n.t }}{% endset %}"), "2097152"),
            ["text made again and again"] = (
                "{% set t = 'a' * 2000000 %}{% for i in range(9999) %}{% set u = t + 'b' %}{% endfor %}", "at most 20000000 steps"),
            ["text repeated"] = ("{{ 'a' * 10 ** 15 }}", "at most 2097152 characters"),
            ["text repeated beyond 64 bits"] = ("{{ 'ab' * 9223372036854775807 }}", "at most 2097152 characters"),
            ["list repeated"] = ("{{ [0] * 10 ** 15 }}", "2097152"),
            ["list doubled"] = ("{% set n = namespace(t=[0]) %}{% for i in range(64) %}{% set n.t = n.t + n.t %}{% endfor %}", "2097152"),
            ["result too long"] = ("{% for i in range(3) %}{{ 'a' * 1000000 }}{% endfor %}", "a result of at most 2097152 characters"),
            ["indent of a billion"] = ("{{ [1] | tojson(indent=1000000000) }}", "an indent of at most 64"),
            ["indent by a long text"] = ("{{ range(9999) | list | tojson(indent='a' * 1000000) }}", "at most 20000000 steps"),
            ["indent of many lines"] = ("{{ ('\n' * 1000000) | indent('abcdef', blank=true) }}", "2097152"),
            ["separators that are long"] = ("{{ range(9999) | list | tojson(separators=('a' * 1000000, ':')) }}", "20000000 steps"),
            ["value too deep to print"] = (Deep("{{ n.v }}"), "at most 100 deep"),
            ["value too deep for JSON"] = (Deep("{{ n.v | tojson }}"), "at most 100 deep"),
            ["values too deep to compare"] = (Deep("{{ n.v == n.w }}"), "at most 100 deep"),
            ["values too deep to sort"] = (Deep("{{ [n.v, n.w] | sort }}"), "at most 100 deep"),
            ["value in itself"] = ("{% set n = namespace() %}{% set n.me = n %}{{ n }}", "at most 100 deep"),
            ["value that doubles when printed"] = (Wide("{{ n.v }}"), "20000000 steps"),
            ["value that doubles in JSON"] = (Wide("{{ n.v | tojson }}"), "20000000 steps"),
            ["values that double when compared"] = (Wide("{{ n.v == n.w }}"), "20000000 steps"),
            ["search of the worst kind"] = (
                "{% set t = 'a' * 1000000 %}{{ ('a' * 500000 + 'b') in t }}", "20000000 steps"),
            ["all against all"] = ("{{ range(9999) | unique | list | length }}", "20000000 steps"),
            ["power beyond 64 bits"] = ("{{ 2 ** 63 }}", "a result of '**' of at most 64 bits"),
            ["power of a lifetime"] = ("{{ 2 ** 9223372036854775807 }}", "at most 64 bits"),
            ["sum beyond 64 bits"] = ("{{ 9223372036854775807 + 1 }}", "at most 64 bits"),
            ["quotient beyond 64 bits"] = ("{{ (-9223372036854775807 - 1) // -1 }}", "at most 64 bits"),
            ["negative beyond 64 bits"] = ("{{ -(-9223372036854775807 - 1) }}", "a number after a sign"),
            ["absolute value beyond 64 bits"] = ("{{ (-9223372036854775807 - 1) | abs }}", "a number after a sign"),
            ["power of a negative root"] = ("{{ (-1) ** 0.5 }}", "a power that is a number"),
            ["zero to a negative power"] = ("{{ 0 ** -1 }}", "a power that is a number"),
            ["format with a width"] = ("{{ '%1000000000d' % 1 }}", "expected %s, %d or %%"),
            ["format with a member"] = ("{{ '{0.__class__}'.format('') }}", "a number or the name of an argument"),
            ["format with a width in braces"] = ("{{ '{:1000000000}'.format(1) }}", "a number or the name of an argument"),
            ["time in an unknown form"] = ("{{ strftime_now('%Q') }}", "one of %Y"),
            ["refusal with terminal escapes"] = ("{{ raise_exception('\x1b[2J\\x1b[2J\\n') }}", "refuses these messages: '\\u001B[2J"),
            ["refusal that is long"] = ("{{ raise_exception('a' * 100000) }}", "refuses these messages"),
            ["unknown filter with a long name"] = ("{{ 1 | " + new string('f', 100_000) + " }}", "expected one of the filters"),
            ["lines counted"] = ("\r\n\r{% set a = 1 %}\n{{ 'x\ny' +\n 1 }}", "line 4"),
        };
        (string Name, string Open, string Inner, string Close)[] nested =
        [
            ("parentheses", "(", "1", ")"),
            ("lists", "[", "1", "]"),
            ("dicts", "{'a':", "1", "}"),
            ("calls", "f(", "1", ")"),
            ("subscripts", "a[", "1", "]"),
            ("filters with arguments", "1|f(", "1", ")"),
            ("not", "not ", "1", ""),
            ("signs", "- ", "1", ""),
            ("else", "1 if 0 else ", "1", ""),
            ("if", "", "1", " if 1"),
            ("members", "", "a", ".b"),
            ("indices", "", "a", "[0]"),
            ("calls of calls", "", "a", "()"),
            ("filters", "", "1", "|abs"),
            ("tests", "(", "1", " is string)"),
        ];
        foreach ((string name, string open, string inner, string close) in nested)
        {
            string template = "{{ " + Nested(open, inner, close, Math.Min(20_000, 250_000 / (open.Length + close.Length))) + " }}";
            cases[$"nested {name}"] = (template, "line 1: expected blocks, brackets and chains at most 100 deep");
        }

        cases["nested if blocks"] = (Nested("{% if 1 %}", "x", "{% endif %}", 10_000), "at most 100 deep");
        cases["nested for blocks"] = (Nested("{% for i in [1] %}", "x", "{% endfor %}", 8_000), "at most 100 deep");
        cases["nested macros"] = (Nested("{% macro m() %}", "x", "{% endmacro %}", 8_000), "at most 100 deep");
        cases["nested targets"] = ("{% for " + Nested("(", "a", ")", 50_000) + " in [1] %}{% endfor %}", "at most 100 deep");
        return cases;
    }

    private static string Nested(string open, string inner, string close, int times) =>
        string.Concat(Enumerable.Repeat(open, times)) + inner + string.Concat(Enumerable.Repeat(close, times));

    private static string Deep(string use) =>
        "{% set n = namespace(v=[], w=[]) %}{% for i in range(9999) %}{% set n.v = [n.v] %}{% set n.w = [n.w] %}{% endfor %}" + use;

    private static string Grown(string step) =>
        "{% set n = namespace(t='aa') %}{% for i in range(64) %}" + step + "{% endfor %}";

    private static string Wide(string use) =>
        "{% set n = namespace(v=1, w=1) %}{% for i in range(90) %}{% set n.v = [n.v, n.v] %}{% set n.w = [n.w, n.w] %}{% endfor %}" + use;
}
