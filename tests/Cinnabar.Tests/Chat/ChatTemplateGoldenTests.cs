using System.Text.Json;
using Cinnabar.Chat;

namespace Cinnabar.Tests.Chat;

// Ten templates × nineteen conversations, rendered by @huggingface/jinja and by Jinja itself. Where the two differ (a list printed, an
// empty text compared with false), Jinja is right: models were trained with it.
public sealed class ChatTemplateGoldenTests
{
    private static readonly JsonElement s_golden = ChatData.Json("golden.json");

    [Theory]
    [InlineData("llada")]
    [InlineData("llada-moe")]
    [InlineData("llada2")]
    [InlineData("chatml")]
    [InlineData("open-dcoder")]
    [InlineData("qwen3")]
    [InlineData("diffusion-gemma")]
    [InlineData("modernbert-chat")]
    [InlineData("llama3")]
    [InlineData("llama2")]
    public void Render_EveryConversation_MatchesJinjaByteForByte(string name)
    {
        ChatTemplate template = ChatTemplate.Parse(ChatData.Template(name), name);
        int rendered = 0;
        foreach (JsonElement item in s_golden.GetProperty("renderings").EnumerateArray())
        {
            if (item.GetProperty("template").GetString() != name)
            {
                continue;
            }

            string conversation = item.GetProperty("conversation").GetString()!;
            string? expected = item.GetProperty(item.TryGetProperty("jinja", out _) ? "jinja" : "expected").GetString();
            string? actual = TryRender(template, conversation, item);
            Assert.True(expected == actual, $"{name}, {conversation}, {item.GetProperty("variables")}:\n{expected}\n-- but --\n{actual}");
            rendered += expected is null ? 0 : 1;
        }

        Assert.InRange(rendered, 20, 100);
    }

    [Fact]
    public void BuiltIn_PlainConversations_MatchTheTemplateOfTheFamily()
    {
        (string Family, string Template)[] pairs =
            [("llada", "llada"), ("llada2", "llada2"), ("chatml", "chatml"), ("gemma", "diffusion-gemma"), ("llada-moe", "llada2")];
        foreach ((string family, string template) in pairs)
        {
            foreach (string conversation in (ReadOnlySpan<string>)["system", "turns", "unicode"])
            {
                IReadOnlyList<ChatMessage> messages = Messages(s_golden.GetProperty("conversations").GetProperty(conversation));
                Assert.Equal(
                    ChatTemplate.Parse(ChatData.Template(template), template).Render(messages, true, "<s>", "</s>"),
                    BuiltInChatTemplates.For(family).Render(messages, true, "<s>", "</s>"));
            }
        }
    }

    private static string? TryRender(ChatTemplate template, string conversation, JsonElement item)
    {
        JsonElement chat = s_golden.GetProperty("conversations").GetProperty(conversation);
        try
        {
            return template.Render(
                Messages(chat),
                item.GetProperty("add_generation_prompt").GetBoolean(),
                "<s>",
                "</s>",
                chat.TryGetProperty("tools", out JsonElement tools) ? tools : null,
                item.GetProperty("variables").EnumerateObject().ToDictionary(pair => pair.Name, pair => pair.Value));
        }
        catch (CinnabarException)
        {
            return null;
        }
    }

    private static IReadOnlyList<ChatMessage> Messages(JsonElement chat) =>
        [.. chat.GetProperty("messages").EnumerateArray().Select((message, i) => ChatMessage.FromJson(message, $"messages[{i}]"))];
}
