using System.Text.Json;
using Cinnabar.Chat;

namespace Cinnabar.Tests.Chat;

public sealed class ChatTemplateTests
{
    private static readonly ChatMessage[] s_question = [new("user", "Hi")];

    [Fact]
    public void Render_WithoutTokensAndTools_TheyAreUndefinedAndNone()
    {
        Assert.Equal(
            "[]TrueFalseTrueTrue",
            Render("[{{ bos_token }}]{{ bos_token is undefined }}{{ eos_token is defined }}{{ tools is none }}{{ documents is none }}"));
    }

    [Fact]
    public void Render_Variables_ReachTheTemplate()
    {
        Dictionary<string, JsonElement> variables = new()
        {
            ["enable_thinking"] = Json("false"),
            ["bos_token"] = Json("\"<bos>\""),
            ["big"] = Json("18446744073709551615"),
        };
        string text = ChatTemplate.Parse("{{ bos_token }}{{ enable_thinking is false }}{{ big }}", "t")
            .Render(s_question, true, "<s>", null, null, variables);
        Assert.Equal("<bos>True18446744073709551615", text);
    }

    [Theory]
    [InlineData("messages")]
    [InlineData("tools")]
    [InlineData("add_generation_prompt")]
    public void Render_VariableThatIsAnArgument_IsRefused(string name)
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => ChatTemplate.Parse("x", "t").Render(
            s_question, true, null, null, null, new Dictionary<string, JsonElement> { [name] = Json("1") }));
        Assert.Contains($"'{name}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Render_StrftimeNow_ReadsTheClock()
    {
        ChatTemplate template = ChatTemplate.Parse(
            "{{ strftime_now('%d %b %Y|%Y-%m-%d|%A %B %a %y %H:%M:%S %I %p %%') }}", "t", new FixedClock());
        Assert.Equal("05 Mar 2026|2026-03-05|Thursday March Thu 26 14:07:09 02 PM %", template.Render(s_question, true, null, null));
    }

    [Fact]
    public void Render_Generation_IsWrittenAsItIs()
    {
        Assert.Equal("a b c", Render("a {% generation %}b{% endgeneration %} c"));
        Assert.Equal("abc", Render("a {%- generation -%} b {%- endgeneration -%} c"));
    }

    [Fact]
    public void Render_TwiceAndInParallel_GivesTheSame()
    {
        ChatTemplate template = ChatTemplate.Parse(
            "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}", "t");
        Parallel.For(0, 50, i => Assert.Equal("1", template.Render(s_question, true, null, null)));
    }

    [Fact]
    public void Render_TemplateThatRefuses_SaysWhatItSays()
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => Render("\n\n{{ raise_exception('Roles must alternate') }}"));
        Assert.Equal(
            "t: line 3: the template refuses these messages: 'Roles must alternate'. Change the messages accordingly.", error.Message);
    }

    [Fact]
    public void Render_OperationThatDoesNotFit_NamesLineAndValues()
    {
        CinnabarException error = Assert.Throws<CinnabarException>(
            () => Render("{% for m in messages %}\n{{ m.content + m.other }}\n{% endfor %}"));
        Assert.StartsWith(
            "t: line 2: expected values that '+' fits, found a text and undefined: 'other' of a dict.",
            error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Message_WithEverything_HasItsKeysInOrder()
    {
        ChatMessage message = new("assistant", "c")
        {
            Name = "n",
            ReasoningContent = "r",
            ToolCalls = Json("[{\"function\": {\"name\": \"f\"}}]"),
            OtherFields = new Dictionary<string, JsonElement> { ["tool_call_id"] = Json("7") },
        };
        string text = ChatTemplate.Parse("{{ messages[0] | tojson }}", "t").Render([message], true, null, null);
        Assert.Equal(
            """{"role": "assistant", "content": "c", "name": "n", "reasoning_content": "r", "tool_calls": """
                + """[{"function": {"name": "f"}}], "tool_call_id": 7}""",
            text);
        text = ChatTemplate.Parse("{{ messages[0] | tojson }}", "t").Render([new("user", null)], true, null, null);
        Assert.Equal("""{"role": "user"}""", text);
    }

    [Fact]
    public void Message_WithCallsAndNoContent_HasNone()
    {
        ChatMessage message = new("assistant", null) { ToolCalls = Json("[]") };
        ChatTemplate template = ChatTemplate.Parse("{{ messages[0] | tojson }}{{ messages[0]['content'] is none }}", "t");
        Assert.Equal(
            """{"role": "assistant", "content": null, "tool_calls": []}True""", template.Render([message], true, null, null));
    }

    [Fact]
    public void Message_FromJson_KeepsNullAndParts()
    {
        ChatMessage message = ChatMessage.FromJson(Json("""{"role": "user", "content": null, "x": [1.0, 1e2], "name": "n"}"""), "m");
        Assert.Null(message.Content);
        Assert.Equal("n", message.Name);
        string text = ChatTemplate.Parse("{{ messages[0] }}", "t").Render([message], true, null, null);
        Assert.Equal("{'role': 'user', 'name': 'n', 'content': None, 'x': [1.0, 100.0]}", text);
        ChatMessage parts = ChatMessage.FromJson(Json("""{"role": "user", "content": [{"type": "text", "text": "t"}]}"""), "m");
        Assert.Equal("t", ChatTemplate.Parse("{{ messages[0].content[0].text }}", "t").Render([parts], true, null, null));
    }

    [Theory]
    [InlineData("[]", "m: expected an object with a role, found array.")]
    [InlineData("{}", "m.role: expected a text, found none.")]
    [InlineData("{\"role\": 1}", "m.role: expected a text, found a whole number.")]
    [InlineData("{\"role\": \"user\", \"name\": []}", "m.name: expected a text, found a list.")]
    [InlineData("{\"role\": \"\\ud800\"}", "m: expected texts of whole characters, found half a surrogate pair.")]
    [InlineData("{\"role\": \"user\", \"\\udc00\": 1}", "m: expected texts of whole characters, found half a surrogate pair.")]
    public void Message_FromWrongJson_SaysWhere(string json, string expected)
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => ChatMessage.FromJson(Json(json), "m"));
        Assert.StartsWith(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Message_WithANumberOfAThousandDigits_IsRefused()
    {
        ChatMessage message = new("user", "x") { ToolCalls = Json("[" + new string('1', 1000) + "]") };
        CinnabarException error = Assert.Throws<CinnabarException>(() => ChatTemplate.Parse("x", "t").Render([message], true, null, null));
        Assert.StartsWith(
            "messages[0].tool_calls: expected numbers of at most 400 digits, found one of 1000.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void BuiltIn_EveryFamily_WritesItsLayout()
    {
        ChatMessage[] messages = [new("system", "S"), new("user", "U"), new("assistant", "A"), new("user", "V ")];
        Dictionary<string, string> expected = new()
        {
            ["llada"] = "<b><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>"
                + "<|start_header_id|>user<|end_header_id|>\n\nU<|eot_id|>"
                + "<|start_header_id|>assistant<|end_header_id|>\n\nA<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nV<|eot_id|>"
                + "<|start_header_id|>assistant<|end_header_id|>\n\n",
            ["llada2"] = "<role>SYSTEM</role>S\ndetailed thinking off<|role_end|><role>HUMAN</role>U<|role_end|>"
                + "<role>ASSISTANT</role>A<|role_end|><role>HUMAN</role>V <|role_end|><role>ASSISTANT</role>",
            ["chatml"] = "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n"
                + "<|im_start|>user\nV <|im_end|>\n<|im_start|>assistant\n",
            ["gemma"] = "<b><|turn>system\nS<turn|>\n<|turn>user\nU<turn|>\n<|turn>model\nA<turn|>\n<|turn>user\nV<turn|>\n<|turn>model\n",
        };
        expected["llama3"] = expected["llada"];
        expected["llada-moe"] = expected["llada2"];
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), BuiltInChatTemplates.Families);
        foreach ((string family, string text) in expected)
        {
            Assert.Equal(text, BuiltInChatTemplates.For(family).Render(messages, true, "<b>", "<e>"));
            CinnabarException error = Assert.Throws<CinnabarException>(
                () => BuiltInChatTemplates.For(family).Render(messages, true, "<b>", "<e>", Json("[{}]")));
            Assert.Contains("no place for tools", error.Message, StringComparison.Ordinal);
        }

        Assert.Equal(
            "<|turn>system\n<|think|>\n<turn|>\n<|turn>model\nab<turn|>\n",
            BuiltInChatTemplates.For("gemma").Render(
                [new("assistant", "a<|channel>thought\nx<channel|>b")],
                false,
                null,
                null,
                null,
                new Dictionary<string, JsonElement> { ["enable_thinking"] = Json("true") }));
        Assert.Equal(
            "<role>SYSTEM</role>detailed thinking off<|role_end|>", BuiltInChatTemplates.For("llada2").Render([], false, null, null));
    }

    [Fact]
    public void BuiltIn_UnknownFamily_NamesTheKnownOnes()
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => BuiltInChatTemplates.For("gpt"));
        Assert.StartsWith(
            "Expected one of the chat templates chatml, gemma, llada, llada-moe, llada2, llama3, found 'gpt'.",
            error.Message,
            StringComparison.Ordinal);
    }

    private static string Render(string template) => ChatTemplate.Parse(template, "t").Render(s_question, true, null, null);

    private static JsonElement Json(string text)
    {
        using JsonDocument document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }

    private sealed class FixedClock : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.CreateCustomTimeZone("test", TimeSpan.FromHours(2), "test", "test");

        public override DateTimeOffset GetUtcNow() => new(2026, 3, 5, 12, 7, 9, TimeSpan.Zero);
    }
}
