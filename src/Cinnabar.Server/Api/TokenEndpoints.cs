// POST /tokenize and POST /detokenize, as llama.cpp's server has them, but for one thing: the name of a special token in a text stays text.
// A piece that is only a part of a character is a list of its bytes, there as here: {"id": 176, "piece": [240]}.
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using Cinnabar.Server.Hosting;
using Cinnabar.Tokenizers;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Api;

/// <summary>Text to tokens and back.</summary>
internal static class TokenEndpoints
{
    private const int MostTokens = 1 << 20;

    /// <summary>POST /tokenize: {"content"} → {"tokens": [ids]}; with "with_pieces" → [{"id", "piece"}], piece text or bytes.</summary>
    public static async Task TokenizeAsync(HttpContext http)
    {
        JsonFields fields = await JsonBody.ReadAsync(http).ConfigureAwait(false);
        Tokenizer tokenizer = GenerationRequest.ModelOf(fields, http).Engine.Model.Tokenizer;
        JsonField content = fields.Require("content");
        string text = content.Text();
        bool showsPieces = fields.Flag("with_pieces") ?? false;
        bool adds = fields.Flag("add_special") ?? false;
        fields.Refuse("parse_special", "Texts of requests hold no special tokens: their names stay text.");
        fields.Finish();

        int[] ids = tokenizer.Encode(text, parseSpecialTokens: false, addSpecialTokens: adds);
        if (ids.Length > MostTokens)
        {
            throw content.Wrong($"text of at most {MostTokens} tokens", $"one of {ids.Length}", "Send it in parts.");
        }

        // Written as it goes: nodes of a million tokens would take hundreds of megabytes.
        await WholeAnswer.WriteJsonAsync(
            http, StatusCodes.Status200OK, json => WriteTokens(json, ids, showsPieces ? tokenizer : null)).ConfigureAwait(false);
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

    // pieces: whose pieces stand beside the ids; null: the ids stand alone.
    private static void WriteTokens(Utf8JsonWriter json, int[] ids, Tokenizer? pieces)
    {
        json.WriteStartArray("tokens");
        foreach (int id in ids)
        {
            if (pieces is null)
            {
                json.WriteNumberValue(id);
                continue;
            }

            json.WriteStartObject();
            json.WriteNumber("id", id);
            WritePiece(json, pieces, id);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WritePiece(Utf8JsonWriter json, Tokenizer tokenizer, int id)
    {
        byte[] bytes = tokenizer.DecodeBytes([id], skipSpecialTokens: false, first: false);
        if (Utf8.IsValid(bytes))
        {
            json.WriteString("piece", bytes);
            return;
        }

        json.WriteStartArray("piece");
        Array.ForEach(bytes, value => json.WriteNumberValue(value));
        json.WriteEndArray();
    }
}
