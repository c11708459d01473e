using System.Text.RegularExpressions;
using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tests.Serving;
using Cinnabar.Tests.Tokenizers;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Sampling;

/// <summary>A constraint is about the text that the caller gets; all around it stays as it is.</summary>
public sealed class ConstrainedTextTests(ServingModel serving) : IClassFixture<ServingModel>
{
    public static TheoryData<string> Families => [.. TokenizerData.Families];

    [Fact]
    public void Infill_TenThousandTemplates_KeepsTheirTextAndMatches()
    {
        DiffusionModel model = serving.Model;
        Random random = new(3);
        RandomConstraint[] constraints = [.. Enumerable.Range(0, 30).Select(_ => RandomConstraint.Next(random))];
        string[] parts =
            ["int x = ", "", " ", "\r\n", "\n", "\uFEFFa", "日本 🙂", "{\"a\": ", "\t", "}", "naïve – ", "<|mask|>", "\0", "a\r\nb "];
        double[] table = [.. Enumerable.Range(0, 4099).Select(_ => 5 * random.NextDouble())];
        int shift = 0;
        TableDenoiser network = new(model.Tokenizer.VocabularySize, model.Tokenizer.MaskTokenId, (_, position, token) =>
            table[(shift + (position * 31) + (token * 7)) % table.Length]);
        Sampler sampler = new(network);
        int filled = 0;
        for (int i = 0; i < 10_000; i++)
        {
            int holes = 1 + random.Next(2);
            RandomConstraint?[] chosen =
                [.. Enumerable.Range(0, holes).Select(_ => random.Next(8) == 0 ? null : constraints[random.Next(30)])];
            int[] most = [.. Enumerable.Range(0, holes).Select(_ => 1 + random.Next(8))];
            bool isExact = random.Next(4) == 0;
            TextWithHoles text = new(
                [.. Enumerable.Range(0, holes + 1).Select(_ => parts[random.Next(parts.Length)] + parts[random.Next(parts.Length)])], most)
            {
                Constraints = [.. chosen.Select(constraint => constraint?.Constraint)],
                LeastTokens = isExact ? most : random.Next(2) == 0 ? [.. most.Select(tokens => random.Next(tokens + 1))] : [],
            };
            TextCanvas canvas = model.CanvasFor(text);
            shift = random.Next(table.Length);
            try
            {
                sampler.Run(canvas.Canvas, new() { Steps = 1 + random.Next(2), Temperature = random.Next(2), Seed = (ulong)i });
            }
            catch (CinnabarException none) when (none.Message.Contains("room for a text", StringComparison.Ordinal))
            {
                continue;
            }

            filled++;
            GenerationResult result = canvas.ToResult();
            string[] found = [.. result.Holes.Select(hole => hole.Text)];
            Assert.Equal(string.Concat(text.Texts.Select((known, k) => k < holes ? known + found[k] : known)), result.Text);
            bool usesCrLf = text.Texts.Any(known => known.Contains("\r\n", StringComparison.Ordinal))
                && !Regex.IsMatch(string.Join('|', text.Texts), "(?<!\r)\n");
            for (int hole = 0; hole < holes; hole++)
            {
                Assert.InRange(result.Holes[hole].TokenIds.Count, text.LeastOf(hole), most[hole]);
                string content = usesCrLf ? found[hole].Replace("\r\n", "\n", StringComparison.Ordinal) : found[hole];
                Assert.True(chosen[hole]?.Holds(content) != false, $"'{content}' in '{string.Join('▁', text.Texts)}' of {chosen[hole]}");
            }
        }

        Assert.InRange(filled, 3000, 9800);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Run_TokenizersOfOtherModels_WriteTextsThatMatch(string family)
    {
        // Metaspace and SentencePiece lose a space at the start of a text, and have bytes as tokens; WordPiece adds spaces.
        Tokenizer tokenizer = TokenizerData.Family(family);
        int v = tokenizer.VocabularySize + 2;
        CanvasTokens tokens = new(v - 1, v - 2, v - 2);
        ConstraintLifter lifter = new(tokenizer, v);
        int filled = 0;
        for (int seed = 0; seed < 40; seed++)
        {
            Random random = new(seed);
            RandomConstraint constraint = RandomConstraint.Next(random);
            TableDenoiser network = new(
                v, v - 1, (_, position, token) => 5 * new CounterRandom((ulong)seed, 1, position).Unit((ulong)token));
            Canvas canvas = new([CanvasSegment.Hole(1 + random.Next(20))], tokens);
            string lead = random.Next(2) == 0 ? " " : "";
            canvas.Constrain(0, lifter.Lift(constraint.Constraint, HoleKind.Infill, tokens, lead));
            try
            {
                new Sampler(network).Run(canvas, new() { Steps = 3, Temperature = seed % 2, Seed = (ulong)seed });
            }
            catch (CinnabarException none) when (none.Message.Contains("room for a text", StringComparison.Ordinal))
            {
                continue;
            }

            filled++;
            string text = tokenizer.Decode(canvas.TextOf(0));
            text = text.StartsWith(lead, StringComparison.Ordinal) ? text[lead.Length..] : text;
            Assert.True(constraint.Holds(text), $"{family}, seed {seed}: '{text}' of {constraint}");
        }

        Assert.True(filled >= 5, $"{filled}");
    }

    [Theory]
    [InlineData("int x = ", "[0-9]{1,4}")]
    [InlineData("int x = ", " [0-9]+")] // a space of its own, behind the one that stands there
    [InlineData("int x =", "[0-9]{1,4}")]
    [InlineData("\uFEFF", "using [A-Z][a-z]*;")]
    [InlineData("a\r\nb\r\n", "x\ny\n")]
    [InlineData("a\r\nb ", "\\r?\\n")]
    [InlineData("", "")]
    public void Infill_SpacesLineEndsAndMarks_AreTheCallers(string before, string pattern)
    {
        foreach (double temperature in (double[])[0, 1.5])
        {
            for (ulong seed = 0; seed < 4; seed++)
            {
                TextWithHoles text = new([before, ";\r\n"], [16]) { Constraints = [Constraint.FromRegex(pattern)] };
                GenerationResult result = serving.Model.Infill(text, new() { Temperature = temperature, Seed = seed, Steps = 6 });
                string hole = result.Holes[0].Text;
                Assert.Equal($"{before}{hole};\r\n", result.Text);
                Assert.Matches($"^(?:{pattern})\\z", hole.Replace("\r\n", "\n", StringComparison.Ordinal));
                Assert.DoesNotMatch("(?<!\r)\n", hole);
            }
        }
    }

    [Fact]
    public void Constraints_OthersThanOneForEachHole_AreRefused()
    {
        Constraint any = Constraint.AnyJsonObject;
        Assert.Contains(
            "found 2", Assert.Throws<ArgumentException>(() => new TextWithHoles(["", ""], [4]) { Constraints = [any, null] }).Message);
        Assert.Empty(new TextWithHoles(["", ""], [4]) { Constraints = [] }.Constraints);
    }

    [Fact]
    public void Generate_AutoregressiveAndBlockCausalModels_WriteWhatMatches()
    {
        string schema = """{"type":"object","properties":{"a":{"type":"integer"},"b":{"enum":["x","y"]}},"required":["a","b"]}""";
        DiffusionModel left = serving.Load(
            1, config => config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true });
        DiffusionModel blocks = serving.Load(
            1, config => config with { AttentionKind = AttentionKind.BlockCausal, AttentionBlockSize = 8 });
        foreach (DiffusionModel model in (DiffusionModel[])[left, blocks])
        {
            for (ulong seed = 0; seed < 4; seed++)
            {
                SamplerOptions options = new() { MaxNewTokens = 40, Temperature = seed % 2, Seed = seed };
                string text = model.Generate("int x = ", options, constraint: Constraint.FromJsonSchema(schema)).Holes[0].Text;
                Assert.Matches("^\\{\"a\": ?-?(0|[1-9][0-9]*), ?\"b\": ?\"[xy]\"\\}\\z", text);
            }
        }

        TextWithHoles middle = new(["a = ", ";"], [12]) { Constraints = [Constraint.FromRegex("[a-c]{2,5}")] };
        Assert.Matches("^a = [a-c]{2,5};\\z", left.Infill(middle, new() { Temperature = 1 }).Text);
    }

    [Fact]
    public void Infill_ShippedModel_MatchesAtAnyTemperature()
    {
        DiffusionModel model = DiffusionModel.Load(Path.Combine(RepositoryFolder(), "models", "csharp-12m"));
        Random random = new(5);
        int filled = 0;
        for (int i = 0; i < 8; i++)
        {
            RandomConstraint constraint = RandomConstraint.Next(random);
            double[] temperatures = [0, 0.7, 1.5];
            TextWithHoles text = new(["    return ", ";\n}\n"], [48]) { Constraints = [constraint.Constraint] };
            GenerationResult result;
            try
            {
                result = model.Infill(text, new() { Steps = 5, Temperature = temperatures[i % 3], Seed = (ulong)i });
            }
            catch (CinnabarException none) when (none.Message.Contains("room for a text", StringComparison.Ordinal))
            {
                continue;
            }

            Assert.True(constraint.Holds(result.Holes[0].Text), $"'{result.Holes[0].Text}' of {constraint}");
            Assert.Equal($"    return {result.Holes[0].Text};\n}}\n", result.Text);
            filled++;
        }

        Assert.True(filled > 0);
        model.Kernels.Workers.Dispose();
    }

    private static string RepositoryFolder()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Cinnabar.slnx")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException($"No Cinnabar.slnx above {AppContext.BaseDirectory}.");
    }
}
