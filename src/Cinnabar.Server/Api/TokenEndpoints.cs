// POST /tokenize and POST /detokenize, as llama.cpp's server has them, but for one thing: the name of a special token in a text stays text.
using System.Text.Json.Nodes;
using Cinnabar.Server.Hosting;
using Cinnabar.Tokenizers;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Api;

/// <summary>Text to tokens and back.</summary>
internal static class TokenEndpoints
{
    private const int MostTokens = 1 << 20;

    /// <summary>POST /tokenize: {"content"} → {"tokens": [ids]}; with "with_pieces" → [{"id", "piece"}].</summary>
    public static async Task TokenizeAsync(HttpContext http)
    {
        JsonFields fields = await JsonBody.ReadAsync(http).ConfigureAwait(false);
        Tokenizer tokenizer = GenerationRequest.ModelOf(fields, http).Engine.Model.Tokenizer;
        string content = fields.Require("content").Text();
        bool showsPieces = fields.Flag("with_pieces") ?? false;
        bool adds = fields.Flag("add_special") ?? false;
        fields.Refuse("parse_special", "Texts of requests hold no special tokens: their names stay text.");
        fields.Finish();

        int[] ids = tokenizer.Encode(content, parseSpecialTokens: false, addSpecialTokens: adds);
        JsonArray tokens = new([.. ids.Select<int, JsonNode?>(id => showsPieces
            ? new JsonObject { ["id"] = id, ["piece"] = tokenizer.TokenPiece(id) }
            : JsonValue.Create(id))]);
        await WholeAnswer.WriteJsonAsync(http, new JsonObject { ["tokens"] = tokens }).ConfigureAwait(false);
    }

    /// <summary>POST /detokenize: {"tokens": [ids]} → {"content"}; special tokens show their names.</summary>
    public static async Task DetokenizeAsync(HttpContext http)
    {
        JsonFields fields = await JsonBody.ReadAsync(http).ConfigureAwait(false);
        Tokenizer tokenizer = GenerationRequest.ModelOf(fields, http).Engine.Model.Tokenizer;
        JsonField[] items = fields.Require("tokens").Items(0, MostTokens);
        int[] ids = [.. items.Select(id => (int)id.Integer(0, tokenizer.VocabularySize - 1))];
        fields.Finish();

        string content = tokenizer.Decode(ids, skipSpecialTokens: false);
        await WholeAnswer.WriteJsonAsync(http, new JsonObject { ["content"] = content }).ConfigureAwait(false);
    }
}
