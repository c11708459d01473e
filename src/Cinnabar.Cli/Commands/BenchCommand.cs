// cinnabar bench kernels | train: how fast the machine is, and which share of that the program reaches.
using System.CommandLine;

namespace Cinnabar.Cli.Commands;

internal static class BenchCommand
{
    public static Command Create() => new("bench", "Measure speed against the machine's peak.");
}
