using System.CommandLine;
using Cinnabar.Checkpoints;
using Cinnabar.Machines;
using Cinnabar.Numerics;

namespace Cinnabar.Cli;

/// <summary>The options that say which model runs, in which form and where, for every command that loads one.</summary>
/// <param name="standard">The model of a command that is given none.</param>
internal sealed class ModelArguments(string standard = ModelArguments.DefaultModel)
{
    /// <summary>The model that ships with the program.</summary>
    public const string DefaultModel = "csharp-12m";

    /// <summary>The one that solves puzzles.</summary>
    public const string SudokuModel = "sudoku-3m";

    private readonly Option<string> _model = new("--model", "-m")
    {
        Description = "Name of a model under models/, path of a model folder or GGUF file, or org/name of a model that was pulled.",
        HelpName = "name or path",
        DefaultValueFactory = _ => standard,
    };

    private readonly DeviceArguments _device = new();

    private readonly Option<string?> _weights = new("--weights")
    {
        Description = "Hold the matrices as bf16, int8 or int4. [default: as the file has them, as nearly as the engine can]",
        HelpName = "type",
    };

    private readonly Option<bool> _exact = new("--exact")
    {
        Description = "Compute with the exact weights in 32 bits: slow, for comparing with other programs. [default: off]",
    };

    private readonly Option<string?> _machines = new("--machines")
    {
        Description = "Machines that compute the last layers, for a model too large for this one: host, host:port or host:port=layers, "
            + "several divided by commas; each runs 'cinnabar worker'. [default: none]",
        HelpName = "addresses",
    };

    private readonly Option<string?> _machinesKey = new("--machines-key-file")
    {
        Description = $"File with the key of the machines. [default: the key in {MachineKey.Variable}, else none]",
        HelpName = "file",
    };

    public ModelArguments AddTo(Command command)
    {
        command.Add(_model);
        return AddFormTo(command);
    }

    /// <summary>Adds all but --model, for a command that has its own.</summary>
    public ModelArguments AddFormTo(Command command)
    {
        _device.AddTo(command);
        _weights.AcceptOnlyFromAmong("bf16", "int8", "int4");
        foreach (Option option in (Option[])[_weights, _exact, _machines, _machinesKey])
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            if (result.GetValue(_exact) && result.GetValue(_weights) is not null)
            {
                result.AddError("Expected --weights or --exact, found both.");
            }

            if (result.GetValue(_machinesKey) is not null && result.GetValue(_machines) is null)
            {
                result.AddError("Expected --machines with --machines-key-file, found none.");
            }
        });
        return this;
    }

    /// <summary>Loads the model of --model.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="cancellation">Looked at after every weight.</param>
    public DiffusionModel Load(ParseResult parsed, CancellationToken cancellation) =>
        Load(parsed, parsed.GetValue(_model)!, cancellation);

    /// <summary>Loads the model of this name or path, whatever --model says.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="model">Name or path.</param>
    /// <param name="cancellation">Looked at after every weight.</param>
    /// <param name="beside">A model that is loaded already and runs on the same threads.</param>
    public DiffusionModel Load(ParseResult parsed, string model, CancellationToken cancellation, DiffusionModel? beside = null)
    {
        using LoadDisplay display = new(Console.Error, Screen.Detect(plain: false), cancellation);
        DiffusionModel loaded = DiffusionModel.Load(model, beside?.Kernels ?? Kernels(parsed), Form(parsed), display, Machines(parsed));
        if (loaded.Placement is not null && parsed.IsVerbose())
        {
            Console.Error.WriteLine(TerminalText.Safe($"{loaded.Name}: {loaded.Placement}."));
        }

        return loaded;
    }

    public KernelTable Kernels(ParseResult parsed) => _device.Kernels(parsed);

    /// <summary>What the matrices of a model are held as, loaded with these options from a folder.</summary>
    public DType TypeOf(ParseResult parsed, DiffusionModel model) => Form(parsed) switch
    {
        WeightForm.Exact => DType.F32,
        WeightForm.BF16 => DType.BF16,
        WeightForm.Int8 => DType.Int8,
        WeightForm.Int4 => DType.Int4,
        _ => model.Config.Quantization?.Type ?? DType.BF16,
    };

    private MachineList? Machines(ParseResult parsed)
    {
        if (parsed.GetValue(_machines) is not string addresses)
        {
            return null;
        }

        string? file = parsed.GetValue(_machinesKey);
        MachineKey key = MachineKey.Read(file, Environment.GetEnvironmentVariable(MachineKey.Variable));
        KeyFiles.WarnIfOthersRead(file, "key of the machines");
        return MachineList.Parse(addresses, key);
    }

    private WeightForm Form(ParseResult parsed) => (parsed.GetValue(_exact), parsed.GetValue(_weights)) switch
    {
        (true, _) => WeightForm.Exact,
        (_, string type) => Enum.Parse<WeightForm>(type, ignoreCase: true),
        _ => WeightForm.AsStored,
    };
}
