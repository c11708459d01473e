// cinnabar solve sudoku PUZZLE: a diffusion model fills the grid, in every pass the cells it is sure of, at least the surest.
using System.CommandLine;
using System.Globalization;
using Cinnabar.Evaluation;
using Cinnabar.Evaluation.Puzzles;
using Cinnabar.Evaluation.Tasks;
using Cinnabar.Sampling;

namespace Cinnabar.Cli.Commands;

internal sealed class SolveCommand
{
    private const int Side = 9;

    private readonly Argument<string> _puzzle = new("puzzle")
    {
        Description = "81 digits row by row, 0, . or _ for an empty cell; a file with them, in lines or not; - is standard input.",
    };

    private readonly Option<string> _model = new("--model", "-m")
    {
        Description = "Name of a model under models/, or path of a model folder.",
        HelpName = "name or path",
        DefaultValueFactory = _ => ModelArguments.SudokuModel,
    };

    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object. [default: the grid]" };
    private readonly SamplerArguments _sampler = new();
    private readonly ModelArguments _form = new();

    public static Command Create()
    {
        SolveCommand solve = new();
        Command sudoku = new("sudoku", "Fill a Sudoku; whether the result is right is checked by the rules.")
        {
            solve._puzzle, solve._model, solve._json,
        };
        solve._sampler.AddTo(sudoku);
        solve._form.AddFormTo(sudoku);
        sudoku.SetWork(solve.Run);
        return new Command("solve", "Solve a puzzle with a model that was trained on its kind.") { sudoku };
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        SudokuGrid puzzle = Read(parsed.GetValue(_puzzle)!);
        DiffusionModel model = _form.Load(parsed, parsed.GetValue(_model)!, cancellation);
        string shown = puzzle.ToString(TaskExample.Unknown);
        TaskExample example = new("", puzzle.ToString() + "\n", shown.Replace(TaskExample.Unknown, '1')) { Template = shown };
        TaskAnswerer answerer = new(new SudokuTask(Side), model, _sampler.Read(parsed, model.DefaultOptions), shown.Length);
        if (!answerer.AnswersInPlace)
        {
            throw new CinnabarException(
                $"Expected a model that sees the whole grid at once (attention_kind full), found {model.Name}.",
                $"Use {ModelArguments.SudokuModel} or another one trained on `cinnabar examples sudoku --in-place`.");
        }

        List<int> order = [];
        using GridDisplay display = new(Console.Error, Screen.Detect(plain: parsed.GetValue(_json)), puzzle);
        (TaskAnswer answer, DecodingWork work) = answerer.Answer(example, Watch, cancellation);
        display.Dispose();
        double seconds = work.Seconds - display.Spent.TotalSeconds;
        string? fault = FaultOf(answer.Text, puzzle);
        if (parsed.GetValue(_json))
        {
            ResultWriter.WriteJson(json =>
            {
                json.WriteString("puzzle", puzzle.ToString());
                json.WriteString("grid", answer.Text);
                json.WriteBoolean("solved", fault is null);
                json.WriteStartArray("order");
                order.ForEach(json.WriteNumberValue);
                json.WriteEndArray();
                json.WriteNumber("forward_passes", work.ForwardPasses);
                json.WriteNumber("seconds", Math.Round(seconds, 4));
                json.WriteString("model", model.Name);
            });
        }
        else
        {
            foreach (string line in GridDisplay.Lines(answer.Text))
            {
                Console.WriteLine(line);
            }

            string verdict = fault is null ? "Solved" : $"Not solved ({fault})";
            Console.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{verdict}: {order.Count} cells in {work.ForwardPasses} passes, {seconds:F2} s (model {model.Name})."));
        }

        return fault is null ? 0 : CommandRunner.Failed;

        void Watch(DenoisingStep step)
        {
            order.AddRange(step.Commits.Select(commit => commit.Position - (step.Canvas.Length - shown.Length)));
            display.Show(step, model.Tokenizer);
        }
    }

    private static SudokuGrid Read(string argument)
    {
        bool isText = argument != InputText.StandardInput && !File.Exists(argument);
        SudokuGrid grid = SudokuGrid.Parse(isText ? argument : InputText.Read(argument), Side);
        return grid.Conflicts() is [SudokuConflict conflict, ..]
            ? throw new CinnabarException($"Expected a puzzle that keeps the rules, found {conflict}.", "Correct the puzzle.")
            : grid;
    }

    // What is wrong with a filled grid; null if nothing is.
    private static string? FaultOf(string text, SudokuGrid puzzle) =>
        !SudokuGrid.TryParse(text, Side, out SudokuGrid? grid) ? "the model wrote something else than digits"
        : grid.IsSolutionOf(puzzle) ? null
        : grid.Conflicts() is [SudokuConflict conflict, ..] ? conflict.ToString() : "a cell is empty";
}
