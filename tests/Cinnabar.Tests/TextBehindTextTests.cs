using System.Text;
using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using Cinnabar.Serving;
using Cinnabar.Tests.Checkpoints;
using Cinnabar.Tests.Tokenizers;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests;

/// <summary>Tokenizers that put a space in front of a text and leave it out again do so where a text begins, not behind another.</summary>
public sealed class TextBehindTextTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private DiffusionModel? _loaded;

    public void Dispose()
    {
        _loaded?.Kernels.Workers.Dispose();
        _folder.Dispose();
    }

    public static TheoryData<string> WithBytes => ["gpt2", "roberta", "llada", "llada-moe", "llama2", "metaspace", "gemma"];

    public static TheoryData<string> Unaffected => ["gpt2", "qwen2", "llada", "llada-moe", "gemma"];

    public static TheoryData<string> Families => [.. TokenizerData.Families];

    private DiffusionModel Model => _loaded ??= Load();

    [Theory]
    [InlineData("The cat", " sat", "The cat sat")]
    [InlineData("The cat", "sat", "The catsat")]
    [InlineData("The cat ", " sat", "The cat sat")] // the space stands there already
    [InlineData("The cat ", "sat", "The cat sat")]
    [InlineData("(", " sat", "( sat")]
    [InlineData("", " sat", "sat")] // here the text begins
    public void Generate_WordBehindAPrompt_KeepsItsSpace(string prompt, string token, string expected)
    {
        TextCanvas text = Model.CanvasFor(prompt, 1);
        Write(text, 0, token);
        GenerationResult result = text.ToResult();
        Assert.Equal(expected, result.Text);
        Assert.Equal(expected, prompt + result.Holes[0].Text);

        SettledText settled = new(text, Model.Tokenizer, 0, []);
        DenoisingStep step = new(1, 1, 0, text.Canvas.NoisyCount, text.Canvas.Copy()) { FinalBefore = text.Canvas.Length };
        Assert.Equal(result.Holes[0].Text, settled.Append(step));
        Assert.Equal("", settled.Finish(result));
    }

    [Theory]
    [InlineData("The cat", ")", " sat", "The cat sat)")]
    [InlineData("The cat", " sat", "sat", "The catsat sat")]
    [InlineData("", " sat", " sat", "sat sat")]
    public void Infill_TextBehindAHole_GetsNoSpaceInFront(string before, string behind, string token, string expected)
    {
        TextCanvas text = Model.CanvasFor(new TextWithHoles([before, behind], [1]));
        Assert.Equal([Id(behind)], text.Canvas.Ids[text.Canvas.Holes[0].End..].ToArray());
        Write(text, 0, token);
        Assert.Equal(expected, text.ToResult().Text);
    }

    [Theory]
    [InlineData("The cat", " sat", " sat", "The cat sat)")]
    [InlineData("The cat", "sat", "sat", "The catsat)")]
    [InlineData("", "sat", null, "sat)")]
    public void Infill_Constraint_IsAboutTheTextThatGoesOn(string before, string pattern, string? token, string expected)
    {
        TextWithHoles text = new([before, ")"], [1]) { Constraints = [Constraint.FromRegex(pattern)], LeastTokens = [1] };
        for (ulong seed = 0; seed < 8; seed++)
        {
            GenerationResult result = Model.Infill(text, new SamplerOptions { Temperature = 1, Seed = seed });
            Assert.Equal(expected, result.Text);
            Assert.True(token is null || result.Holes[0].TokenIds[0] == Id(token), $"{result.Holes[0].TokenIds[0]}");
        }
    }

    [Fact]
    public void Generate_Ids_GivesATextOfWhichTheHoleIsTheEnd()
    {
        int[] prompt = Model.Tokenizer.Encode("The");
        List<string> written = [];
        for (ulong seed = 0; seed < 100; seed++)
        {
            GenerationResult result = Model.Generate(prompt, new SamplerOptions { MaxNewTokens = 1, Temperature = 1, Seed = seed });
            written.Add(result.Holes[0].Text);
            Assert.Equal("The" + written[^1], result.Text);
        }

        Assert.Contains(written, text => text.StartsWith(' '));
        Assert.Equal("sat", Model.Tokenizer.Decode([Id(" sat")]));
    }

    [Fact]
    public void LongText_LinesAndRooms_GoOn()
    {
        LongText text = new("The cat", 2) { Outline = ["sat"] };
        Canvas canvas = text.Layout(Model);
        Assert.Equal([Id("\n"), Id("\n"), Id("sat")], canvas.Ids[canvas.Holes[0].End..canvas.Holes[1].Start].ToArray());
        canvas.Commit(new Commit(canvas.Holes[0].Start, Id(" sat"), 1), 1);
        canvas.Commit(new Commit(canvas.Holes[1].Start, Id(" sat"), 1), 1);
        Assert.Equal("The cat sat\n\nsat sat", text.Of(Model, canvas));
        Assert.Equal("The cat sat\n\nsat sat", text.Settled(Model, canvas, canvas.Length));

        LongText first = new("", 1);
        Assert.Equal("sat", first.Written(Model, first.Layout(Model), 0, [Id(" sat")]));
    }

    [Theory]
    [MemberData(nameof(WithBytes))]
    public void EncodeBehind_AnyTwoTexts_GiveBothBack(string family)
    {
        Tokenizer tokenizer = TokenizerData.Family(family);
        for (int seed = 0; seed < 200; seed++)
        {
            int[] before = tokenizer.Encode("x" + TokenizerData.Jumble(seed, seed % 9));
            string behind = TokenizerData.Jumble(seed + 1000, 1 + (seed % 7));
            int[] ids = tokenizer.EncodeBehind(behind);
            Assert.Equal(tokenizer.Decode(before) + behind, tokenizer.Decode([.. before, .. ids]));
            Assert.Equal(behind, tokenizer.Decode(ids, first: false));
        }
    }

    [Theory]
    [MemberData(nameof(Unaffected))]
    public void EncodeBehind_TokenizersWithoutPrefix_GivesTheSameIds(string family)
    {
        Tokenizer tokenizer = TokenizerData.Family(family);
        for (int seed = 0; seed < 200; seed++)
        {
            string text = TokenizerData.Jumble(seed, seed % 9);
            int[] ids = tokenizer.Encode(text);
            Assert.Equal(ids, tokenizer.EncodeBehind(text));
            Assert.Equal(tokenizer.Decode(ids), tokenizer.Decode(ids, first: false));
        }
    }

    [Fact]
    public void Decode_WordPieceBehindText_IsAWordOfItsOwn()
    {
        Tokenizer tokenizer = TokenizerData.Family("bert");
        int[] ids = tokenizer.Encode("lazy");
        Assert.Equal("lazy", tokenizer.Decode(ids));
        Assert.Equal(" lazy", tokenizer.Decode(ids, first: false));
    }

    // Of the tokens of every family those may come first that have letters and spaces only, in the bytes they have there.
    [Theory]
    [MemberData(nameof(Families))]
    public void Lift_HoleThatBeginsOrGoesOn_ReadsTheBytesOfItsFirstToken(string family)
    {
        Tokenizer tokenizer = TokenizerData.Family(family);
        int v = tokenizer.VocabularySize;
        CanvasTokens tokens = new(MaskTokenId: v, EosTokenId: v + 1, PaddingTokenId: v + 1);
        ConstraintLifter lifter = new(tokenizer, v + 2);
        Constraint letters = Constraint.FromRegex("[a-z ]{1,99}");
        foreach (bool begins in (bool[])[true, false])
        {
            TokenAutomaton automaton = lifter.Lift(letters, HoleKind.Infill, tokens, lead: "", beginsText: begins);
            for (int id = 0; id < v; id++)
            {
                string bytes = Encoding.Latin1.GetString(tokenizer.DecodeBytes([id], first: begins));
                bool fits = bytes.Length is > 0 and < 100 && bytes.All(c => c is ' ' or (>= 'a' and <= 'z'));
                Assert.True(fits == (automaton.Next(automaton.Start, id) != ByteAutomaton.Dead), $"{id}: '{bytes}', {begins}");
            }
        }
    }

    private int Id(string text) => Model.Tokenizer.TokenToId(text)!.Value;

    private void Write(TextCanvas text, int hole, string token) =>
        text.Canvas.Commit(new Commit(text.Canvas.Holes[hole].Start, Id(token), 1), 1);

    private DiffusionModel Load()
    {
        string path = _folder["model"];
        LlamaModelFolder.Write(path);
        return DiffusionModel.Load(path, KernelTable.Create(threads: 1));
    }
}
