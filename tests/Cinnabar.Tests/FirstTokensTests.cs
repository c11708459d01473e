using Cinnabar.Checkpoints;
using Cinnabar.Constraints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tests.Checkpoints;
using Cinnabar.Tests.Tokenizers;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests;

public sealed class FirstTokensTests : IDisposable
{
    private const string Before = "{\n";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Others_OfATokenizerWithIndentation_AreTheTokensThatBeginOtherwise()
    {
        Tokenizer tokenizer = Model("plain").Tokenizer;
        FirstTokens starts = new(tokenizer, tokenizer.VocabularySize + 5);
        int[] others = starts.Others("\n")!;
        Assert.Equal(others.Order(), others);
        Assert.Contains(tokenizer.VocabularySize + 4, others);
        Assert.Contains(tokenizer.PaddingTokenId, others);
        int[] allowed = [.. Enumerable.Range(0, tokenizer.VocabularySize).Except(others)];
        Assert.All(allowed, id => Assert.Equal((byte)'\n', tokenizer.DecodeBytes([id])[0]));
        Assert.Contains(allowed, id => tokenizer.Decode([id]) == "\n  ");
        Assert.Null(starts.Others(""));
        Assert.Null(starts.Others(new string('\n', 1_000_000)));
        Assert.Null(new FirstTokens(TokenizerData.BytesOnly, 260).Others("\n")); // one that goes on with nothing
    }

    [Theory]
    [InlineData(Before, true)]
    [InlineData("{\r\n", true)]
    [InlineData("{ \n", true)]
    [InlineData("\n", true)]
    [InlineData("{\n ", false)]
    [InlineData("{", false)]
    public void CanvasFor_LineEndBeforeAHole_ShowsItOnlyToWhoWritesNone(string before, bool isHidden)
    {
        DiffusionModel model = Model("shown");
        string known = before.Replace("\r\n", "\n", StringComparison.Ordinal);
        TextCanvas canvas = model.CanvasFor(TextWithHoles.Parse($"{before}<fill:6>;{(before.Contains('\r') ? "\r\n" : "\n")}"));
        int[] shown = canvas.Canvas.Ids[..canvas.Canvas.Holes[0].Start].ToArray();
        Assert.Equal(isHidden ? known[..^1] : known, model.Tokenizer.Decode(shown));
        Assert.Equal(isHidden ? "\n" : "", canvas.Canvas.Holes[0].Lead);
        Assert.Equal(isHidden, canvas.Canvas.Holes[0].NotFirst.Length > 0);
    }

    // Whatever is drawn: the caller's text stands as it is, and no line end twice.
    [Theory]
    [InlineData("masks", false)]
    [InlineData("left to right", false)]
    [InlineData("drafts", false)]
    [InlineData("masks", true)]
    public void Generate_BehindALineEnd_BeginsWithATokenOfOne(string kind, bool usesCrLf)
    {
        DiffusionModel model = Model(kind, config => kind switch
        {
            "left to right" => config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true },
            "drafts" => config with { ShiftLogits = true },
            _ => config,
        });
        string before = usesCrLf ? "{\r\n" : Before;
        HashSet<string> starts = [];
        for (ulong seed = 0; seed < 20; seed++)
        {
            SamplerOptions options = new()
            {
                Seed = seed, Temperature = 2, MaxNewTokens = 5, DraftTokens = kind == "drafts" ? 3 : null,
            };
            GenerationResult continued = model.Generate(before, options);
            GenerationResult filled = model.Infill($"{before}<fill:5>{(usesCrLf ? "}\r\n" : "}")}", options);
            foreach (GenerationResult result in (GenerationResult[])[continued, filled])
            {
                string decoded = model.Tokenizer.Decode(result.Holes[0].TokenIds.ToArray(), first: false);
                decoded = usesCrLf ? TextCanvas.ToCrLf(decoded) : decoded;
                Assert.StartsWith(before[1..], decoded, StringComparison.Ordinal);
                Assert.Equal(decoded[(before.Length - 1)..], result.Holes[0].Text);
                Assert.StartsWith(before + result.Holes[0].Text, result.Text, StringComparison.Ordinal);
                starts.Add(model.Tokenizer.Decode([result.Holes[0].TokenIds[0]]));
            }
        }

        Assert.Contains("\n  ", starts);
    }

    // As many as are a token both with indentation and without; csharp-12m knows three only with.
    [Fact]
    public void LineEnds_AreThoseThatTheTokenizerJoinsWithIndentation()
    {
        Tokenizer tokenizer = Tokenizer.Load(ShippedModels.PathOf("csharp-12m"));
        FirstTokens starts = new(tokenizer, tokenizer.VocabularySize);
        Assert.Equal([0, 1, 2, 2, 2, 2], Enumerable.Range(0, 6).Select(starts.LineEnds));
        FirstTokens bytes = new(TokenizerData.BytesOnly, 260);
        Assert.Equal([0, 0, 0], Enumerable.Range(0, 3).Select(bytes.LineEnds));
        Assert.All(TokenizerData.Families, name => Assert.Equal(0, new FirstTokens(TokenizerData.Family(name), 1000).LineEnds(1)));
    }

    [Theory]
    [InlineData("using System;\n\n\n", "using System;\n", "\n\n")]
    [InlineData("using System;\n\n", "using System;", "\n\n")]
    public void CanvasFor_MoreLineEnds_LeavesTheLastOnesToTheHole(string before, string shown, string lead)
    {
        DiffusionModel model = DiffusionModel.Load(ShippedModels.PathOf("csharp-12m"), KernelTable.Create(threads: 1));
        TextCanvas canvas = model.CanvasFor(before, 8);
        Assert.Equal(shown, model.Tokenizer.Decode(canvas.Canvas.Ids[..canvas.Canvas.Holes[0].Start]));
        Assert.Equal(lead, canvas.Canvas.Holes[0].Lead);
        Constraint constraint = Constraint.FromRegex("class [A-Z][a-z]{1,3}");
        GenerationResult result = model.Generate(before, new SamplerOptions { MaxNewTokens = 8 }, constraint: constraint);
        Assert.Matches("^class [A-Z][a-z]{1,3}\\z", result.Holes[0].Text);
        Assert.Equal(before + result.Holes[0].Text, result.Text);
    }

    // Wherever a text is cut: the tokens that are left out stand for the lead, and as many are as some token begins with.
    [Fact]
    public void WordAtEnd_OfCutText_IsTheMostThatATokenBeginsWith()
    {
        Tokenizer tokenizer = Tokenizer.Load(ShippedModels.PathOf("csharp-12m"));
        FirstTokens starts = new(tokenizer, tokenizer.VocabularySize);
        Assert.Equal((2, " retu"), WordOf("            x = retu"));
        Assert.Equal(0, WordOf("x = 12").Count);
        Assert.Equal(0, WordOf("x.").Count);
        Assert.Equal(0, WordOf("public").Count); // nothing would stand before it
        const string Code = "public static IEnumerable<int> GetEnumerator(Dictionary<string, List<int>> _items) => throw NotSupported;";
        int words = 0;
        for (int cut = 1; cut <= Code.Length; cut++)
        {
            int[] ids = tokenizer.Encode(Code[..cut]);
            (int count, string lead) = starts.WordAtEnd(ids);
            Assert.Equal(tokenizer.Decode(ids.AsSpan(ids.Length - count)), lead);
            words += count > 0 ? 1 : 0;
            for (int more = count + 1; more < ids.Length && IsOneWord(tokenizer.Decode(ids.AsSpan(ids.Length - more))); more++)
            {
                Assert.Null(starts.Others(tokenizer.Decode(ids.AsSpan(ids.Length - more))));
            }
        }

        Assert.InRange(words, 50, Code.Length);

        (int Count, string Lead) WordOf(string text) => starts.WordAtEnd(tokenizer.Encode(text));

        static bool IsOneWord(string text) => text.TrimStart(' ') is { Length: > 0 } letters
            && letters.All(c => char.IsAsciiLetter(c) || c == '_') && text.LastIndexOf(' ') <= 0;
    }

    [Theory]
    [InlineData("<fill:5>;", true)]
    [InlineData("<fill:5>", true)]
    [InlineData("", false)]
    public void Infill_BehindTheBeginningOfAWord_GoesOnWithATokenOfIt(string behind, bool isSplit)
    {
        DiffusionModel model = Model("word");
        const string Before = "{ publi"; // the tokenizer has " public"
        TextCanvas canvas = behind.Length > 0 ? model.CanvasFor(TextWithHoles.Parse(Before + behind)) : model.CanvasFor(Before);
        string lead = canvas.Canvas.Holes[0].Lead;
        Assert.Equal(isSplit, lead.Length > 0 && Before.EndsWith(lead, StringComparison.Ordinal));
        for (ulong seed = 0; seed < 10; seed++)
        {
            SamplerOptions options = new() { Seed = seed, Temperature = 2, MaxNewTokens = 5 };
            GenerationResult result = behind.Length > 0 ? model.Infill(Before + behind, options) : model.Generate(Before, options);
            string decoded = model.Tokenizer.Decode(result.Holes[0].TokenIds.ToArray(), first: false);
            Assert.StartsWith(Before + result.Holes[0].Text, result.Text, StringComparison.Ordinal);
            Assert.StartsWith(lead, decoded, StringComparison.Ordinal);
            Assert.Equal(decoded[lead.Length..], result.Holes[0].Text);
        }

        TextWithHoles exact = TextWithHoles.Parse($"{Before}<fill:5>;") with { Length = LengthPolicy.Fixed };
        Assert.Equal("", model.CanvasFor(exact).Canvas.Holes[0].Lead);
    }

    [Theory]
    [InlineData("[a-z]{3}")]
    [InlineData(" {4}[a-z]")]
    [InlineData("\n?[0-9]+")]
    public void Generate_UnderAConstraint_MatchesWithoutTheLineEnd(string pattern)
    {
        DiffusionModel model = Model("constrained");
        TextWithHoles three = TextWithHoles.Parse("x;\n<fill:3>;}") with { Constraints = [Constraint.FromRegex("[0-9]{3}")] };
        Assert.Matches("^x;\n[0-9]{3};}\\z", model.Infill(three, new SamplerOptions()).Text); // each of its positions is needed
        for (ulong seed = 0; seed < 5; seed++)
        {
            SamplerOptions options = new() { Seed = seed, Temperature = 1, MaxNewTokens = 12 };
            GenerationResult result = model.Generate(Before, options, constraint: Constraint.FromRegex(pattern));
            Assert.Matches($"^(?:{pattern})\\z", result.Holes[0].Text);
            Assert.Equal(Before + result.Holes[0].Text, result.Text);
        }
    }

    // A constraint that comes when the text is laid out already: what goes on behind a word need not begin with one of its tokens.
    [Fact]
    public async Task Constrain_BehindAWord_LetsItGoOnOtherwise()
    {
        DiffusionModel model = Model("later");
        TextCanvas canvas = model.CanvasFor(TextWithHoles.Parse("{ publi<fill:6>;"));
        Assert.NotEqual("", canvas.Canvas.Holes[0].Lead);
        canvas.Constrain(0, Constraint.FromRegex("[0-9]{3}"));
        await foreach (DenoisingStep _ in model.StreamAsync(canvas.Canvas, new SamplerOptions()))
        {
        }

        Assert.Matches("^{ publi[0-9]{3};\\z", canvas.ToResult().Text);
    }

    private DiffusionModel Model(string name, Func<ModelConfig, ModelConfig>? change = null)
    {
        TinyModelFolder.Write(_folder[name], change);
        return DiffusionModel.Load(_folder[name], KernelTable.Create(threads: 1));
    }
}
