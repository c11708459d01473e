using System.Text;
using Cinnabar.Chat;
using Cinnabar.Tests.Checkpoints;

namespace Cinnabar.Tests.Chat;

public sealed class ChatTemplateFileTests
{
    private static readonly ChatMessage[] s_question = [new("user", "Hi")];

    [Fact]
    public void Load_NoTemplate_IsNull()
    {
        using TemporaryFolder folder = new();
        Assert.Null(ChatTemplateFile.Load(folder.Path));
        File.WriteAllText(folder["tokenizer_config.json"], "{\"bos_token\": \"<s>\", \"chat_template\": null}");
        Assert.Null(ChatTemplateFile.Load(folder.Path));
    }

    [Fact]
    public void Load_Text_WithTokensOfBothKinds()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(
            folder["tokenizer_config.json"],
            """{"bos_token": "<s>", "eos_token": {"content": "</s>", "x": false}, "chat_template": "{{ bos_token }}|{{ eos_token }}"}""");
        ChatTemplateFile file = ChatTemplateFile.Load(folder.Path)!;
        Assert.Equal(("<s>", "</s>"), (file.BosToken, file.EosToken));
        Assert.Equal("<s>|</s>", file.Render(s_question, addGenerationPrompt: true));
        Assert.Equal("{{ bos_token }}|{{ eos_token }}", file.Template.Text);
    }

    [Fact]
    public void Load_JinjaFile_ComesFirst()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["tokenizer_config.json"], """{"bos_token": "<s>", "chat_template": "settings"}""");
        File.WriteAllText(folder["chat_template.jinja"], "file {{ bos_token }}\n");
        Assert.Equal("file <s>", ChatTemplateFile.Load(folder.Path)!.Render(s_question, true));
        File.Delete(folder["tokenizer_config.json"]);
        Assert.Equal("file ", ChatTemplateFile.Load(folder.Path)!.Render(s_question, true));
    }

    [Fact]
    public void Load_List_TakesToolUseOnlyWithTools()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(
            folder["tokenizer_config.json"],
            """
            {"chat_template": [{"name": "rag", "template": "{% unknown %}"}, {"name": "tool_use", "template": "tools"},
            {"name": "default", "template": "plain"}]}
            """);
        ChatTemplateFile file = ChatTemplateFile.Load(folder.Path)!;
        using System.Text.Json.JsonDocument tools = System.Text.Json.JsonDocument.Parse("[]");
        Assert.Equal("plain", file.Render(s_question, true));
        Assert.Equal("tools", file.Render(s_question, true, tools.RootElement));
    }

    [Fact]
    public void FromGguf_NamesTheKey()
    {
        Assert.Equal("<s>", ChatTemplateFile.FromGguf("{{ bos_token }}", "<s>", null, "a.gguf").Render(s_question, true));
        CinnabarException error = Assert.Throws<CinnabarException>(() => ChatTemplateFile.FromGguf("{{", null, null, "a.gguf"));
        Assert.StartsWith("a.gguf: tokenizer.chat_template: line 1: expected '}}'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[]", "a template named 'default' in the list")]
    [InlineData("[{\"name\": \"rag\", \"template\": \"x\"}]", "a template named 'default' in the list, found 1 others")]
    [InlineData("[{\"name\": \"default\"}]", "a list of {\"name\"")]
    [InlineData("[1]", "a list of {\"name\"")]
    [InlineData("[{\"name\": \"default\", \"template\": \"a\"}, {\"name\": \"default\", \"template\": \"b\"}]", "'default' twice")]
    [InlineData("1", "a text or a list, found '1'")]
    [InlineData("{}", "a text or a list")]
    [InlineData("\"a{% if %}\"", "chat_template: line 1: expected an expression")]
    public void Load_WrongSettings_SayWhatIsExpected(string template, string expected)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["tokenizer_config.json"], $"{{\"chat_template\": {template}}}");
        CinnabarException error = Assert.Throws<CinnabarException>(() => ChatTemplateFile.Load(folder.Path));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(folder["tokenizer_config.json"], error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("{\"text\": \"<s>\"}")]
    [InlineData("{\"content\": 5}")]
    public void Load_WrongToken_SaysWhatIsExpected(string token)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["tokenizer_config.json"], $"{{\"chat_template\": \"x\", \"eos_token\": {token}}}");
        CinnabarException error = Assert.Throws<CinnabarException>(() => ChatTemplateFile.Load(folder.Path));
        Assert.Contains("eos_token: expected a text or {\"content\": …}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_FileThatIsNoText_SaysSo()
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder["chat_template.jinja"], [0x61, 0xFF]);
        CinnabarException error = Assert.Throws<CinnabarException>(() => ChatTemplateFile.Load(folder.Path));
        Assert.Contains("UTF-8", error.Message, StringComparison.Ordinal);
        File.WriteAllBytes(folder["chat_template.jinja"], Encoding.UTF8.GetBytes(new string('a', 262_145)));
        error = Assert.Throws<CinnabarException>(() => ChatTemplateFile.Load(folder.Path));
        Assert.Contains("262144", error.Message, StringComparison.Ordinal);
    }
}
