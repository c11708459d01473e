// tokenizer_config.json of a Hugging Face folder says which tokens are mask, end, padding and beginning:
//
//   "mask_token": "<|mdm_mask|>"      or      "mask_token": { "content": "<|mdm_mask|>", … }
//
// A name that the tokenizer does not have is passed over: the training code adds such tokens later, and the model's config has their id.
using System.Text.Json;

namespace Cinnabar.Tokenizers;

/// <summary>Finds the special tokens of a folder.</summary>
internal static class TokenizerConfig
{
    private const int MaxDepth = 64;

    /// <summary>The ids by tokenizer_config.json, if there is one, else by the names in use.</summary>
    public static SpecialTokenIds SpecialIds(string folder, AddedTokens tokens)
    {
        string path = Path.Combine(folder, "tokenizer_config.json");
        SpecialTokenIds usual = SpecialTokenIds.Of(tokens);
        if (!File.Exists(path))
        {
            return usual;
        }

        TokenizerJson json = new(path);
        using JsonDocument document = json.Parse(json.ReadFile(), MaxDepth);
        JsonElement root = json.Object(document.RootElement, "the file");
        return new SpecialTokenIds(
            Named("mask_token") ?? usual.Mask,
            Named("eos_token") ?? usual.EndOfText,
            Named("pad_token") ?? usual.Padding,
            Named("bos_token") ?? usual.BeginOfText);

        int? Named(string setting)
        {
            if (json.Optional(root, setting, "the file") is not JsonElement value)
            {
                return null;
            }

            string name = value.ValueKind == JsonValueKind.Object ? json.Text(value, "content", setting) : json.Text(value, setting);
            return tokens.Find(name)?.Id;
        }
    }
}
