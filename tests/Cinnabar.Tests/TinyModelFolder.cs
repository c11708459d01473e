using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Families;
using Cinnabar.Models;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests;

/// <summary>A model folder with random weights: 2 layers, width 32, a context of 96 tokens, an alphabet of 300.</summary>
public static class TinyModelFolder
{
    public const int Context = 96;

    /// <summary>Writes the folder.</summary>
    /// <param name="path">Where it will be.</param>
    /// <param name="change">Changes the configuration, for instance to an autoregressive one; null: masked diffusion.</param>
    /// <param name="generation">Its sampling settings; null: 12 new tokens.</param>
    public static void Write(string path, Func<ModelConfig, ModelConfig>? change = null, GenerationConfig? generation = null)
    {
        string[] lines = [.. Enumerable.Repeat("public static int Max(int a, int b) { return a > b ? a : b; }\n    // naïve – 日本 🙂\n", 4)];
        Tokenizer tokenizer = new BpeTrainer(new BpeTrainerOptions { VocabularySize = 300, Threads = 1 }).Train(lines);
        string tokenizerFile = $"{path}.tokenizer.json";
        tokenizer.Save(tokenizerFile);
        ModelConfig config = ConfigFor(tokenizer);
        config = change?.Invoke(config) ?? config;
        ModelFolder.Save(
            path,
            config,
            config.Latents is null
                ? TransformerDenoiser.Initialize(config, seed: 5)
                : InitialWeights.Draw(LatentWeights.Expected(config), config.NumHiddenLayers, seed: 5),
            File.ReadAllBytes(tokenizerFile),
            generation ?? new GenerationConfig { MaxNewTokens = 12 },
            "---\nlicense: mit\n---\n# tiny\n");
        File.Delete(tokenizerFile);
    }

    /// <summary>The token of a byte: the alphabet of its tokenizer holds one for each.</summary>
    public static int ByteToken(Tokenizer tokenizer, byte value) => Enumerable.Range(0, tokenizer.VocabularySize)
        .First(id => !tokenizer.IsSpecial(id) && tokenizer.DecodeBytes([id]).SequenceEqual([value]));

    /// <summary>Writes the folder of a model that drafts unless it is told not to.</summary>
    /// <param name="path">Where it will be.</param>
    public static void WriteDrafting(string path) => Write(
        path,
        config => config with { ShiftLogits = true },
        new GenerationConfig { MaxNewTokens = 12, BlockSize = 4, DraftTokens = 6 });

    /// <summary>Writes the folder of a model of masked diffusion with another tokenizer.</summary>
    /// <param name="tokenizerJson">Its file.</param>
    /// <param name="path">Where it will be.</param>
    public static void WriteWith(byte[] tokenizerJson, string path)
    {
        string tokenizerFile = $"{path}.tokenizer.json";
        File.WriteAllBytes(tokenizerFile, tokenizerJson);
        ModelConfig config = ConfigFor(Tokenizer.Load(tokenizerFile));
        ModelFolder.Save(
            path,
            config,
            TransformerDenoiser.Initialize(config, seed: 5),
            tokenizerJson,
            new GenerationConfig { MaxNewTokens = 12 },
            "---\nlicense: mit\n---\n# tiny\n");
        File.Delete(tokenizerFile);
    }

    /// <summary>A configuration that writes through latents of four tokens.</summary>
    public static ModelConfig WithLatents(ModelConfig config) => config with
    {
        Family = new LatentFamily(),
        NumHiddenLayers = 4,
        Latents = new LatentShape
        {
            Downsampling = 4,
            Size = 8,
            CodebookGroups = 2,
            CodebookSize = 16,
            TokenLayers = 1,
            Denoiser = new LatentDenoiserShape { HiddenSize = 16, NumAttentionHeads = 2, IntermediateSize = 24, Layers = [1, 1] },
        },
    };

    /// <summary>Its configuration, with another tokenizer.</summary>
    public static ModelConfig ConfigFor(Tokenizer tokenizer) => new()
    {
        HiddenSize = 32,
        NumHiddenLayers = 2,
        NumAttentionHeads = 2,
        NumKeyValueHeads = 2,
        IntermediateSize = 64,
        VocabularySize = tokenizer.VocabularySize,
        EmbeddingSize = tokenizer.VocabularySize,
        MaxSequenceLength = Context,
        MaskTokenId = tokenizer.MaskTokenId,
        EosTokenId = tokenizer.EndOfTextTokenId,
        PadTokenId = tokenizer.PaddingTokenId,
        BosTokenId = tokenizer.BeginOfTextTokenId,
    };
}
