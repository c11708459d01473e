using System.Text.Json;
using Cinnabar.Chat;

namespace Cinnabar.Tests.Chat;

// Each construct of the language in a snippet of constructs.txt; what it gives is from Jinja itself (golden.py). null is an error there,
// and a CinnabarException here.
public sealed class JinjaConstructTests
{
    private static readonly JsonElement s_constructs = ChatData.Json("constructs.json");

    [Fact]
    public void Render_EverySnippet_MatchesJinja()
    {
        Dictionary<string, JsonElement> variables = s_constructs.GetProperty("variables").EnumerateObject()
            .Where(pair => pair.Name != "messages").ToDictionary(pair => pair.Name, pair => pair.Value);
        IReadOnlyList<ChatMessage> messages =
        [
            .. s_constructs.GetProperty("variables").GetProperty("messages").EnumerateArray()
                .Select((message, i) => ChatMessage.FromJson(message, $"messages[{i}]")),
        ];
        List<string> faults = [];
        int count = 0;
        foreach (JsonElement snippet in s_constructs.GetProperty("snippets").EnumerateArray())
        {
            string template = snippet.GetProperty("template").GetString()!;
            string? expected = snippet.GetProperty("expected").GetString();
            string? actual;
            string error = "no error";
            try
            {
                actual = ChatTemplate.Parse(template, "t").Render(messages, true, null, null, null, variables);
            }
            catch (CinnabarException e)
            {
                actual = null;
                error = e.Message;
            }

            count++;
            if (actual != expected)
            {
                faults.Add($"{template}\n  expected {expected ?? "an error"}\n  found    {actual ?? error}");
            }
        }

        Assert.True(faults.Count == 0, $"{faults.Count} of {count}:\n{string.Join('\n', faults)}");
        Assert.InRange(count, 200, 1000);
    }
}
