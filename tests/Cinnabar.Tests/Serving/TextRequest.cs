using Cinnabar.Diffusion;
using Cinnabar.Sampling;

namespace Cinnabar.Tests.Serving;

/// <summary>A text to be written, made from a number: prompts and holes of any kind, sampled in any way.</summary>
internal sealed class TextRequest
{
    private static readonly string[] s_prompts =
    [
        "", "public static int Max(", "a\r\nb\r\n", "// naïve – 日本 🙂\n", "int x = ", "x\r\n    return ", " ",
    ];

    private static readonly string[] s_infills =
    [
        "int Add(int a, int b) { return <fill:9>; }", "a = <fill:4>;\r\nb = <fill:11>;\r\n", "日本 <fill:6> naïve <fill:3>🙂",
        "<fill:20>", "x<fill:1>y<fill:1>z<fill:1>", "if (<fill:5>)\n    // <fill:16>\n",
    ];

    private static readonly SamplerOptions[] s_options =
    [
        new() { Steps = 5 },
        new(),
        new() { Temperature = 1, TopP = 0.9, TopK = 50, Steps = 7 },
        new() { Threshold = 0.2, BlockSize = 6 },
        new() { Threshold = 0.3, LowThreshold = 0.1, Temperature = 0.7 },
        new() { Threshold = 0.2, Stability = 1, Credit = true },
        new() { Threshold = 0.1, VerifyThreshold = 0.4, Temperature = 1 },
        new() { Steps = 6, RemaskBelow = 0.3, BlockSize = 8, Temperature = 0.6 },
        new() { Steps = 6, EditThreshold = 0.1, BlockSize = 5, Temperature = 1 },
        new() { EditThreshold = 0.1, BlockSize = 3, Temperature = 1, MaxPasses = 4 },
        new() { Remasking = Remasking.Origin, Remdm = RemdmKind.Cap, RemdmEta = 0.3, Steps = 9, Temperature = 1 },
        new() { Remasking = Remasking.Origin, Remdm = RemdmKind.Confidence, Steps = 9, BlockSize = 10, Temperature = 1 },
        new() { Remasking = Remasking.Origin, Remdm = RemdmKind.Loop, RemdmEta = 0.2, Steps = 12, Temperature = 1 },
        new() { Factor = 1, EarlyExit = 6 },
        new() { Remasking = Remasking.Entropy, EntropyBound = 0.5 },
        new() { Remasking = Remasking.Margin, Threshold = 0.3, BlockSize = 7 },
        new() { Remasking = Remasking.Random, Steps = 4, Transfer = Transfer.Timestep },
        new() { BlockSize = 6, Steps = 12, Cache = CacheKind.Dual, Temperature = 1, MeasureDrift = true },
        new() { BlockSize = 6, Steps = 12, Cache = CacheKind.Prefix, CacheRefresh = 2 },
        new() { Steps = 6, Cache = CacheKind.Active, Temperature = 0.5 },
        new() { Steps = 5, CfgScale = 1.5, Temperature = 1 },
        new() { Threshold = 0.2, Credit = true, RemaskBelow = 0.3, EditThreshold = 0.2, BlockSize = 9 },
        new() { Steps = 5, Alternatives = 3, MaxPasses = 3 },
    ];

    private readonly string _text;
    private readonly int _newTokens;
    private readonly DeterministicRandom _steering;

    public TextRequest(int number)
    {
        DeterministicRandom random = new((ulong)number);
        IsInfill = random.NextInt(2) == 0;
        _text = IsInfill ? s_infills[random.NextInt(s_infills.Length)] : s_prompts[random.NextInt(s_prompts.Length)];
        _newTokens = 1 + random.NextInt(30);
        Options = s_options[number % s_options.Length] with { Seed = (ulong)number };
        Options = IsInfill && Options is { BlockSize: < 6, Steps: int } ? Options with { Steps = 16 } : Options;
        Options = !IsInfill && Options is { BlockSize: int, Steps: int } ? Options with { Steps = 12 } : Options;
        _steering = random.Fork(1);
    }

    public bool IsInfill { get; }

    public SamplerOptions Options { get; }

    /// <summary>Lays the text out; one in three has a pin and bans.</summary>
    public TextCanvas LayOut(DiffusionModel model)
    {
        TextCanvas text = IsInfill ? model.CanvasFor(TextWithHoles.Parse(_text)) : model.CanvasFor(_text, _newTokens);
        DeterministicRandom random = _steering.Fork(1);
        if (random.NextInt(3) == 0)
        {
            Hole hole = text.Canvas.Holes[random.NextInt(text.Canvas.Holes.Count)];
            text.Canvas.Pin(hole.Start + random.NextInt(hole.Length), model.Tokenizer.Encode("b")[0]);
            text.Canvas.Ban(hole.Start, [model.Tokenizer.Encode("a")[0]]);
        }

        return text;
    }

    /// <summary>The steps of the text alone, each with a canvas of its own.</summary>
    public List<DenoisingStep> Steps(DiffusionModel model, TextCanvas text) =>
        [.. new Sampler(model.Denoiser, model.Kernels.Workers).Steps(text.Canvas, model.Followed(Options))
            .Select(step => step with { Canvas = step.Canvas.Copy() })];

    public override string ToString() => $"{_text.ReplaceLineEndings("⏎")} {_newTokens} {Options}";
}
