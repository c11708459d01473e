// Sudoku as a task: "sudoku" (side 9) and "sudoku4x4" (side 4).
//
//   prompt      side² characters, row by row, 0 for an empty cell, and a line break
//   reference   side² digits
//   template    the reference with '_' for each cell that is to be found: question and answer in one
//
// Test examples are read where a folder is given, train and validation ones are always made. Which split a made puzzle belongs to
// follows from its key: for side 9 that of the solution, the same under all symmetries of Sudoku, so that no solution of one split
// occurs in another in any guise. Side 4 has only 288 solutions, 2 of them essentially different, which every split must share:
// there the key is that of the puzzle (solution and places of the clues), the same under relabelling only. Puzzles of the files in
// the folder (of side 9: their solutions' classes) are excluded from train and validation, so give the folder there too.
// A split is drawn with replacement: the few puzzles of side 4 with 4 clues repeat.
//
// "solved" asks for the rules and the clues alone, since a quarter of d1's puzzles have several solutions; "cells" compares with the
// reference.
using Cinnabar.Diffusion;
using Cinnabar.Evaluation.Puzzles;

namespace Cinnabar.Evaluation.Tasks;

/// <summary>Fill a Sudoku of side 9 or 4.</summary>
/// <param name="side">9 or 4.</param>
/// <exception cref="CinnabarException">The side is neither.</exception>
public sealed class SudokuTask(int side) : EvaluationTask
{
    private const string CommaFile = "sudoku.csv";
    private const string CommaOrigin = "Kaggle, \"1 million Sudoku games\" (or any file of lines \"puzzle,solution\", 0 for an empty cell)";
    private const string FourOrigin = "DreamLM/Dream, eval/data (sudoku_4x4_N.jsonl), or dllm-reasoning/d1, dataset (4x4_test_sudoku.csv)";
    private const int MostAttempts = 100_000; // Side 4, 4 clues, a sixteenth of all puzzles: about 25 attempts.
    private readonly int _side = SudokuGeometry.Of(side).Side;

    /// <inheritdoc/>
    public override string Name => _side == 9 ? "sudoku" : "sudoku4x4";

    /// <inheritdoc/>
    public override string Description =>
        $"Fill a {_side}×{_side} Sudoku: right is a full grid that keeps the rules and every clue.";

    /// <summary>Side² digits, and room for line breaks between rows.</summary>
    public override int MaxAnswerCharacters => _side * (_side + 1);

    /// <inheritdoc/>
    public override bool IsGenerated => true;

    /// <inheritdoc/>
    public override IReadOnlyList<TaskMeasure> Score(IReadOnlyList<TaskAnswer> answers) =>
    [
        TaskMeasure.Share("solved", answers.Select(IsSolved)),
        TaskMeasure.Mean("cells", answers.Select(RightCells)),
    ];

    /// <inheritdoc/>
    protected override IEnumerable<TaskExample> Read(TaskSource source)
    {
        if (source.Split == TaskSplit.Test && source.Folder is string folder)
        {
            return TaskExample.InTurn(Files(source, folder).Select(file => file.Select(line => line.Example))).Take(source.Count);
        }

        return Generate(source).Take(source.Count);
    }

    private bool IsSolved(TaskAnswer answer) =>
        SudokuGrid.TryParse(answer.Text, _side, out SudokuGrid? grid) && grid.IsSolutionOf(Clues(answer.Example));

    /// <summary>The share of empty cells that are filled as in the reference; 1 where none is empty.</summary>
    private double RightCells(TaskAnswer answer)
    {
        string reference = answer.Example.Reference;
        string cells = string.Concat(answer.Text.Where(c => !char.IsWhiteSpace(c)));
        ReadOnlySpan<byte> clues = Clues(answer.Example).Cells;
        int empty = 0;
        int right = 0;
        for (int i = 0; i < clues.Length; i++)
        {
            if (clues[i] == 0)
            {
                empty++;
                right += i < cells.Length && cells[i] == reference[i] ? 1 : 0;
            }
        }

        return empty == 0 ? 1 : (double)right / empty;
    }

    private SudokuGrid Clues(TaskExample example) => SudokuGrid.Parse(example.Prompt, _side);

    private IEnumerable<TaskExample> Generate(TaskSource source)
    {
        HashSet<ulong> excluded = source.Folder is string folder
            ? [.. Files(source, folder).SelectMany(file => file.Select(line => line.Key))]
            : [];
        PuzzleSplit split = new(source.Split, excluded);
        SudokuGenerator generator = new(_side, new DeterministicRandom(source.Seed));
        while (true)
        {
            SudokuPuzzle puzzle = Next(generator, split);
            yield return Example(Group(puzzle.Clues.Clues), puzzle.Clues, puzzle.Solution);
        }
    }

    private SudokuPuzzle Next(SudokuGenerator generator, PuzzleSplit split)
    {
        // The number is drawn once: few grids of side 4 get down to 4 clues, and drawing again would make those puzzles rare.
        int clues = generator.NextClues();
        for (int attempt = 0; attempt < MostAttempts; attempt++)
        {
            SudokuGrid solution = generator.NextSolution();
            if ((_side == 4 || split.Holds(SudokuKey.OfSolution(solution)))
                && generator.Cut(solution, clues) is SudokuPuzzle puzzle
                && (_side == 9 || split.Holds(SudokuKey.OfClues(puzzle.Clues))))
            {
                return puzzle;
            }
        }

        throw new CinnabarException(
            $"Expected Sudoku with {clues} clues that are not excluded, found none in {MostAttempts} attempts.",
            "Leave puzzles to draw: the files in the folder must not hold nearly all of them.");
    }

    /// <summary>The files of the folder, each read line by line.</summary>
    private IReadOnlyList<IEnumerable<(TaskExample Example, ulong Key)>> Files(TaskSource source, string folder)
    {
        List<IEnumerable<(TaskExample, ulong)>> files = [];
        if (_side == 4)
        {
            for (int clues = 4; clues <= 12; clues++)
            {
                if (PuzzleLine.FirstPresent(folder, $"sudoku_4x4_{clues}.jsonl", $"sudoku_4x4_{clues}_half_a.jsonl") is string name)
                {
                    files.Add(PuzzleLine.OfJson(source, name, FourOrigin).Select(line => Read(line, null)));
                }
            }

            if (PuzzleLine.FirstPresent(folder, "d1_4x4_test_sudoku.csv", "d1_4x4_test_sudoku_half_a.csv") is string other)
            {
                files.Add(PuzzleLine.OfCommas(source, other, FourOrigin).Select(line => Read(line, "d1")));
            }
        }

        // Side 9 has no other file, so there a missing one is the error.
        if (_side == 9 || PuzzleLine.FirstPresent(folder, CommaFile) is not null)
        {
            files.Add(PuzzleLine.OfCommas(source, CommaFile, CommaOrigin).Select(line => Read(line, null)));
        }

        if (files.Count == 0)
        {
            throw new CinnabarException(
                $"Expected sudoku_4x4_N.jsonl (N from 4 to 12), d1_4x4_test_sudoku.csv or {CommaFile} in '{folder}', found none.",
                $"Give the right folder as --data; the files are from {FourOrigin}.");
        }

        return files;
    }

    private (TaskExample Example, ulong Key) Read(PuzzleLine line, string? group)
    {
        SudokuGrid clues = SudokuGrid.Parse(line.Input, _side, out string problem) ?? throw line.Fault($"puzzle: {problem}");
        SudokuGrid solution = SudokuGrid.Parse(line.Output, _side, out problem) ?? throw line.Fault($"solution: {problem}");
        if (clues.Conflicts() is [SudokuConflict conflict, ..])
        {
            throw line.Fault($"expected a puzzle without conflicts, found {conflict}");
        }

        if (!solution.IsSolutionOf(clues))
        {
            throw line.Fault("expected a full grid that keeps the rules and the clues as solution, found another one");
        }

        ulong key = _side == 9 ? SudokuKey.OfSolution(solution) : SudokuKey.OfClues(clues);
        return (Example(group ?? Group(clues.Clues), clues, solution), key);
    }

    /// <summary>Side 9: three numbers of clues a group, from a multiple of 3; side 4: one.</summary>
    private string Group(int clues) => _side == 4 ? $"{clues} clues" : $"{clues / 3 * 3}–{(clues / 3 * 3) + 2} clues";

    private static TaskExample Example(string group, SudokuGrid clues, SudokuGrid solution) =>
        new(group, $"{clues}\n", solution.ToString()) { Template = clues.ToString(TaskExample.Unknown) };
}
