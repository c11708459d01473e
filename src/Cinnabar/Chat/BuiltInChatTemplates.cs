// Chat templates for models that come without one, by family; written from the layouts the families' papers and code describe, not
// copied from their files. They know system, user and assistant messages and refuse tools: a model that can use tools brings a template.
//
//   llada, llama3       bos, then per message <|start_header_id|>role<|end_header_id|>\n\n text <|eot_id|>
//   llada2, llada-moe   <role>SYSTEM</role> text \n detailed thinking off <|role_end|> <role>HUMAN</role> text <|role_end|> …; no bos
//   chatml              <|im_start|>role\n text <|im_end|>\n (Dream, DiffuCoder, Fast-dLLM v2, SDAR, Open-dCoder); no bos
//   gemma               bos, <|turn>role\n text <turn|>\n with the assistant called model; <|think|> in the system turn if
//                       enable_thinking; thoughts <|channel>…<channel|> of earlier answers are left out (DiffusionGemma)
//
// LLaDA-MoE shares LLaDA2's tokenizer and end of turn; that its instruct model was trained on the same system text is assumed.
using Cinnabar.Checkpoints;
using Cinnabar.Tokenizers;

namespace Cinnabar.Chat;

/// <summary>Templates for models without one.</summary>
public static class BuiltInChatTemplates
{
    private const string NoTools = """
        {%- if tools %}{{ raise_exception('the built-in template has no place for tools') }}{% endif -%}

        """;

    private const string Headers = NoTools + """
        {{- bos_token }}
        {%- for message in messages %}
            {{- '<|start_header_id|>' ~ message.role ~ '<|end_header_id|>\n\n' }}
            {{- message.content | trim ~ '<|eot_id|>' }}
        {%- endfor %}
        {%- if add_generation_prompt %}
            {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
        {%- endif %}
        """;

    private const string Roles = NoTools + """
        {%- set names = {'user': 'HUMAN', 'assistant': 'ASSISTANT', 'system': 'SYSTEM'} %}
        {{- '<role>SYSTEM</role>' }}
        {%- if messages and messages[0].role == 'system' %}
            {{- messages[0].content ~ '\n' }}
            {%- set messages = messages[1:] %}
        {%- endif %}
        {{- 'detailed thinking off<|role_end|>' }}
        {%- for message in messages %}
            {%- if message.role not in names %}
                {{- raise_exception('roles are system, user and assistant, not ' ~ message.role) }}
            {%- endif %}
            {{- '<role>' ~ names[message.role] ~ '</role>' ~ message.content ~ '<|role_end|>' }}
        {%- endfor %}
        {%- if add_generation_prompt %}
            {{- '<role>ASSISTANT</role>' }}
        {%- endif %}
        """;

    private const string ChatMl = NoTools + """
        {%- for message in messages %}
            {{- '<|im_start|>' ~ message.role ~ '\n' ~ message.content ~ '<|im_end|>\n' }}
        {%- endfor %}
        {%- if add_generation_prompt %}
            {{- '<|im_start|>assistant\n' }}
        {%- endif %}
        """;

    private const string Gemma = NoTools + """
        {{- bos_token }}
        {%- set has_system = messages and messages[0].role == 'system' %}
        {%- if has_system or enable_thinking %}
            {{- '<|turn>system\n' }}
            {%- if enable_thinking %}
                {{- '<|think|>\n' }}
            {%- endif %}
            {%- if has_system %}
                {{- messages[0].content | trim }}
                {%- set messages = messages[1:] %}
            {%- endif %}
            {{- '<turn|>\n' }}
        {%- endif %}
        {%- for message in messages %}
            {%- if message.role == 'assistant' %}
                {{- '<|turn>model\n' }}
                {%- set answer = namespace(text='') %}
                {%- for part in message.content.split('<channel|>') %}
                    {%- set answer.text = answer.text ~ part.split('<|channel>')[0] %}
                {%- endfor %}
                {{- answer.text | trim }}
            {%- else %}
                {{- '<|turn>' ~ message.role ~ '\n' ~ message.content | trim }}
            {%- endif %}
            {{- '<turn|>\n' }}
        {%- endfor %}
        {%- if add_generation_prompt %}
            {{- '<|turn>model\n' }}
        {%- endif %}
        """;

    private static readonly SortedDictionary<string, string> s_templates = new(StringComparer.Ordinal)
    {
        ["chatml"] = ChatMl,
        ["gemma"] = Gemma,
        ["llada"] = Headers,
        ["llada-moe"] = Roles,
        ["llada2"] = Roles,
        ["llama3"] = Headers,
    };

    /// <summary>Names of the families, in alphabetical order.</summary>
    public static IReadOnlyCollection<string> Families => s_templates.Keys;

    /// <summary>Whether a tokenizer has the token that turns begin or end with: without it, it is no chat model's.</summary>
    internal static bool Fits(string family, Tokenizer tokenizer) => tokenizer.TokenToId(family switch
    {
        "chatml" => "<|im_start|>",
        "gemma" => "<|turn>",
        "llada-moe" or "llada2" => "<|role_end|>",
        _ => "<|start_header_id|>",
    }) is not null;

    /// <summary>The template of a family.</summary>
    /// <param name="family">One of <see cref="Families"/>.</param>
    /// <exception cref="CinnabarException">There is none of that name.</exception>
    public static ChatTemplate For(string family)
    {
        ArgumentNullException.ThrowIfNull(family);
        return s_templates.TryGetValue(family, out string? template)
            ? ChatTemplate.Parse(template, $"the built-in chat template {family}")
            : throw new CinnabarException(
                $"Expected one of the chat templates {string.Join(", ", Families)}, found {ErrorText.Quote(family)}.",
                "Name one of these, or give the model's own chat_template.jinja.");
    }
}
