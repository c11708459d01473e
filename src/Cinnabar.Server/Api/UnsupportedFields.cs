// Fields of OpenAI's, Inception's and llama.cpp's APIs that this server knows and does not follow. One that would change the answer is
// accepted only where it asks for nothing: null, false, 0, "", "none", [], {} or the value named here. Clients send those of their own
// accord. Hints that change no answer are accepted.
namespace Cinnabar.Server.Api;

/// <summary>Refuses what cannot be honoured, by its name and with the way out.</summary>
internal static class UnsupportedFields
{
    private const string OnlyChat = "Ask /v1/chat/completions, where the model may call tools.";
    private const string NoFunctions = "Send tools and tool_choice, which have taken its place.";
    private const string NoProbabilities =
        "Ask for \"stream_options\": {\"include_steps\": true} and \"alternatives\": k, which stream the probabilities of every step.";

    private const string NoPenalty = "All positions are written together here, so nothing is counted: raise temperature, or use bans.";
    private const string NoBias = "Use bans, which keep tokens away from a position.";
    private const string NoGrammar = "Use response_format, which takes a JSON Schema or a regular expression.";
    private const string OnlyText = "Models here read and write text.";
    private const string NoFilter = "Use temperature, top_p and top_k.";

    private static readonly (string Name, string Remedy, string[] Also)[] s_refused =
    [
        ("functions", NoFunctions, []),
        ("function_call", NoFunctions, ["\"auto\""]),
        ("grammar", NoGrammar, []),
        ("json_schema", NoGrammar, []),
        ("logprobs", NoProbabilities, []),
        ("top_logprobs", NoProbabilities, []),
        ("n_probs", NoProbabilities, []),
        ("logit_bias", NoBias, []),
        ("best_of", "Ask for n texts and choose yourself.", ["1"]),
        ("frequency_penalty", NoPenalty, []),
        ("repetition_penalty", NoPenalty, ["1"]),
        ("repeat_penalty", NoPenalty, ["1"]),
        ("dry_multiplier", NoPenalty, []),
        ("xtc_probability", NoFilter, []),
        ("min_p", NoFilter, []),
        ("typical_p", NoFilter, ["1"]),
        ("dynatemp_range", NoFilter, []),
        ("mirostat", NoFilter, []),
        ("ignore_eos", "Ask for a hole of exact length at /v1/infill.", []),
        ("lora", "Serve the adapted model as a model of its own.", []),
        ("modalities", OnlyText, ["[\"text\"]"]),
        ("audio", OnlyText, []),
        ("prediction", "Send the predicted text as segments of /v1/infill, with holes where it may change.", []),
        ("web_search_options", "Put what the model should know into the prompt.", []),
        ("store", "Nothing is stored here.", []),
        ("service_tier", "There is one tier.", ["\"auto\"", "\"default\""]),
        ("mode", "There is one mode.", ["\"chat\""]),
        ("verbosity", "Say in the prompt how long the answer is to be.", ["\"medium\""]),
        ("prompt_cache_retention", "Nothing is kept between requests here.", []),
    ];

    private static readonly string[] s_flags = ["realtime", "reasoning_summary", "reasoning_summary_wait"];
    private static readonly string[] s_texts = ["user", "safety_identifier", "prompt_cache_key"];

    /// <summary>Checks them all.</summary>
    /// <param name="fields">Those of the request.</param>
    /// <param name="presencePenalty">
    /// A presence_penalty beside 0 that is accepted without effect; null: none. Inception documents a default of 1.5 for fill-in-the-middle
    /// and 1.0 for edits, so its clients send those without anybody having chosen them.
    /// </param>
    /// <param name="hasTools">Whether the endpoint has read the fields of tools.</param>
    /// <exception cref="ApiException">400: one asks for what this server does not do.</exception>
    public static void Check(JsonFields fields, string? presencePenalty = null, bool hasTools = false)
    {
        if (!hasTools)
        {
            fields.Refuse("tools", OnlyChat);
            fields.Refuse("tool_choice", OnlyChat, "\"auto\"");
            fields.Flag("parallel_tool_calls");
        }

        foreach ((string name, string remedy, string[] also) in s_refused)
        {
            fields.Refuse(name, remedy, also);
        }

        fields.Refuse("presence_penalty", NoPenalty, presencePenalty is null ? [] : [presencePenalty]);
        foreach (string name in s_flags)
        {
            fields.Flag(name);
        }

        foreach (string name in s_texts)
        {
            fields.Get(name)?.Text(most: 512);
        }

        fields.Get("metadata")?.Object().AcceptAll();
    }
}
