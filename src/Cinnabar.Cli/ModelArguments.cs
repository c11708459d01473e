using System.CommandLine;
using Cinnabar.Numerics;

namespace Cinnabar.Cli;

/// <summary>The options that say which model runs and on how many threads, for every command that loads one.</summary>
internal sealed class ModelArguments
{
    /// <summary>The model that ships with the program.</summary>
    public const string DefaultModel = "csharp-12m";

    private readonly Option<string> _model = new("--model", "-m")
    {
        Description = "Name of a model under models/, path of a model folder, or org/name of a model that was pulled.",
        HelpName = "name or path",
        DefaultValueFactory = _ => DefaultModel,
    };

    private readonly Option<int?> _threads = new("--threads")
    {
        Description = "Threads; the result does not depend on it. [default: all cores]",
        HelpName = "n",
    };

    public ModelArguments AddTo(Command command)
    {
        RequireThreads(_threads);
        command.Add(_model);
        command.Add(_threads);
        return this;
    }

    public DiffusionModel Load(ParseResult parsed) => DiffusionModel.Load(parsed.GetValue(_model)!, Kernels(parsed));

    public KernelTable Kernels(ParseResult parsed) => KernelTable.Create(parsed.GetValue(_threads));

    /// <summary>Refuses numbers that are no number of threads.</summary>
    public static void RequireThreads(Option<int?> threads) => threads.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int?>() is < 1 or > 1024)
        {
            result.AddError($"Expected {threads.Name} to be 1 … 1024, found {result.Tokens[0].Value}.");
        }
    });
}
