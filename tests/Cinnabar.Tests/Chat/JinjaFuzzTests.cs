using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Cinnabar.Chat;

namespace Cinnabar.Tests.Chat;

// Templates of the tests and snippets of all constructs are damaged and mixed; whatever comes out, reading and rendering it ends in a
// text or a CinnabarException. Runs about a second; CINNABAR_FUZZ_SECONDS sets another time.
public sealed class JinjaFuzzTests
{
    private static readonly string[] s_pieces =
    [
        "{{", "}}", "{%", "%}", "{#", "#}", "-", "+", "*", "**", "/", "//", "%", "~", "(", ")", "[", "]", "{", "}", ",", ".", ":", "|", "=",
        "==", "<", ">=", " in ", " not ", " is ", " and ", " or ", " if ", " else ", "'", "\"", "\\", "\n", "0", "1", "9223372036854775807",
        "1e308", "0.5", "none", "true", "missing", "messages", "loop", "range", "namespace", "n", "text", "list", "pairs", "deep",
        "mixed", "{% set a = ", "{% if ", "{% else %}", "{% elif ", "{% endif %}", "{% for m in ", "{% endfor %}", "{% macro m(a) %}",
        "{% endmacro %}", "{% call m() %}", "{% endcall %}", "{% break %}", "{% raw %}", "{% endset %}", "| tojson", "| length", "| sort",
        "| list", "| first", "| int", "| map('upper')", "| map(attribute='role')", "| selectattr('role')", "| join(',')", "| trim",
        "[::-1]",
        "[1:]", ".split('a')", ".items()", ".get('a')", ".replace('a', text)", "| replace('', text)", "| round(2)", "| indent", "| unique",
        "| dictsort", "é", "😀", "\ud800", "\0",
    ];

    [Fact]
    public void ParseAndRender_DamagedTemplates_EndInATextOrACinnabarException()
    {
        double seconds = double.TryParse(Environment.GetEnvironmentVariable("CINNABAR_FUZZ_SECONDS"), out double more) ? more : 1;
        JsonElement constructs = ChatData.Json("constructs.json");
        Dictionary<string, JsonElement> variables = constructs.GetProperty("variables").EnumerateObject()
            .Where(pair => pair.Name != "messages").ToDictionary(pair => pair.Name, pair => pair.Value);
        string[] seeds =
        [
            .. constructs.GetProperty("snippets").EnumerateArray().Select(snippet => snippet.GetProperty("template").GetString()!),
            .. Directory.GetFiles(Path.Combine(ChatData.Folder, "templates")).Order(StringComparer.Ordinal).Select(File.ReadAllText),
        ];
        ChatMessage[] messages = [new("system", "S"), new("user", "<think>😀</think> a\n"), new("assistant", null), new("user", "")];
        Random random = new(20261125);
        long start = Stopwatch.GetTimestamp();
        int inputs = 0;
        int rendered = 0;
        while (inputs < 200 || Stopwatch.GetElapsedTime(start).TotalSeconds < seconds)
        {
            string template = Damage(seeds, random);
            long begin = Stopwatch.GetTimestamp();
            inputs++;
            try
            {
                ChatTemplate.Parse(template, "t").Render(messages, random.Next(2) == 0, "<s>", "</s>", null, variables);
                rendered++;
            }
            catch (CinnabarException)
            {
                // The answer to a wrong template.
            }
            catch (Exception e)
            {
                Assert.Fail($"Input {inputs}: {e}\n{template}");
            }

            Assert.True(Stopwatch.GetElapsedTime(begin).TotalSeconds < 20, $"Input {inputs} takes too long:\n{template}");
        }

        // Damage that never hits, or always kills, would test nothing.
        Assert.InRange(rendered, inputs / 100, inputs * 9 / 10);
    }

    private static string Damage(string[] seeds, Random random)
    {
        StringBuilder template = new(seeds[random.Next(seeds.Length)]);
        for (int times = random.Next(1, 5); times > 0; times--)
        {
            int at = random.Next(template.Length + 1);
            int length = Math.Min(random.Next(1, 12), template.Length - at);
            string piece = s_pieces[random.Next(s_pieces.Length)];
            switch (random.Next(5))
            {
                case 0: template.Insert(at, piece); break;
                case 1: template.Remove(at, length); break;
                case 2: template.Remove(at, length).Insert(at, piece); break;
                case 3: template.Insert(at, template.ToString(at, length)); break;
                default: Splice(template, at, seeds[random.Next(seeds.Length)], random); break;
            }
        }

        return template.ToString();
    }

    // A stretch of another template.
    private static void Splice(StringBuilder template, int at, string other, Random random)
    {
        int from = random.Next(other.Length + 1);
        template.Insert(at, other.AsSpan(from, Math.Min(random.Next(60), other.Length - from)));
    }
}
