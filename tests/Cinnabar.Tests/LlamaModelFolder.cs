using System.Text;

namespace Cinnabar.Tests;

/// <summary>
/// A model folder with random weights and a tokenizer as Llama 2's, which puts a space in front of a text and leaves it out again at its
/// begin. Of words it has one, "sat".
/// </summary>
public static class LlamaModelFolder
{
    private const string Json =
        """
        {
          "added_tokens": [
            { "id": 0, "content": "<unk>", "special": true }, { "id": 1, "content": "<s>", "special": true },
            { "id": 2, "content": "</s>", "special": true }, { "id": 3, "content": "<mask>", "special": true },
            { "id": 4, "content": "<pad>", "special": true }
          ],
          "normalizer": {
            "type": "Sequence",
            "normalizers": [
              { "type": "Prepend", "prepend": "▁" }, { "type": "Replace", "pattern": { "String": " " }, "content": "▁" }
            ]
          },
          "pre_tokenizer": null,
          "post_processor": null,
          "decoder": {
            "type": "Sequence",
            "decoders": [
              { "type": "Replace", "pattern": { "String": "▁" }, "content": " " }, { "type": "ByteFallback" }, { "type": "Fuse" },
              { "type": "Strip", "content": " ", "start": 1, "stop": 0 }
            ]
          },
          "model": {
            "type": "BPE",
            "unk_token": "<unk>",
            "vocab": {
              "▁": 5, "T": 6, "h": 7, "e": 8, "c": 9, "a": 10, "t": 11, "s": 12, "(": 13, ")": 14, "\n": 15, "sa": 16, "sat": 17, "▁sat": 18
            },
            "merges": [["s", "a"], ["sa", "t"], ["▁", "sat"]]
          }
        }
        """;

    /// <summary>Its tokenizer.json.</summary>
    public static byte[] TokenizerJson => Encoding.UTF8.GetBytes(Json);

    /// <summary>Writes the folder.</summary>
    /// <param name="path">Where it will be.</param>
    public static void Write(string path) => TinyModelFolder.WriteWith(TokenizerJson, path);
}
