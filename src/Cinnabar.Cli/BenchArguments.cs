using System.CommandLine;

namespace Cinnabar.Cli;

/// <summary>The options of every benchmark.</summary>
internal sealed class BenchArguments
{
    private readonly Option<string> _model = new("--model", "-m")
    {
        Description = "Model whose shapes are measured: a name under models/, or the path of a model folder.",
        HelpName = "name or path",
        DefaultValueFactory = _ => ModelArguments.DefaultModel,
    };

    private readonly Option<int?> _threads = new("--threads")
    {
        Description = "Most threads to measure. [default: all cores]",
        HelpName = "n",
    };

    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object. [default: a table]" };

    public void AddTo(Command command)
    {
        DeviceArguments.RequireThreads(_threads);
        command.Add(_model);
        command.Add(_threads);
        command.Add(_json);
    }

    public string Model(ParseResult parsed) => parsed.GetValue(_model)!;

    public int Threads(ParseResult parsed) => parsed.GetValue(_threads) ?? Environment.ProcessorCount;

    public bool Json(ParseResult parsed) => parsed.GetValue(_json);
}
