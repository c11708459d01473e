using System.CommandLine;
using Cinnabar.Latents;

namespace Cinnabar.Cli;

/// <summary>How latents are denoised, for every command that does it.</summary>
internal static class LatentArguments
{
    /// <summary>The most passes.</summary>
    public const int MostSteps = 10_000;

    private const string DpmSolver = "dpm-solver";

    /// <summary>The option that says how a step is taken.</summary>
    public static Option<string> Method()
    {
        Option<string> method = new("--method") { Description = "How latents take a step.", DefaultValueFactory = _ => DpmSolver };
        method.AcceptOnlyFromAmong("ddim", "ddpm", DpmSolver);
        return method;
    }

    /// <summary>What it says.</summary>
    public static LatentMethod MethodOf(string name) => name switch
    {
        "ddim" => LatentMethod.Ddim,
        "ddpm" => LatentMethod.Ddpm,
        _ => LatentMethod.DpmSolver,
    };
}
