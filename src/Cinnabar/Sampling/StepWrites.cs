using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>What a step wrote on a canvas where every token may change until the last one.</summary>
/// <param name="canvas">Where.</param>
/// <param name="renews">Whether a token that stays gets the confidence of the step.</param>
internal sealed class StepWrites(Canvas canvas, bool renews)
{
    /// <summary>Noise that became tokens.</summary>
    public List<Commit> Commits { get; } = [];

    /// <summary>Tokens that others replaced.</summary>
    public List<Commit> Edits { get; } = [];

    /// <summary>Begins a step.</summary>
    public void Clear()
    {
        Commits.Clear();
        Edits.Clear();
    }

    /// <summary>Writes a token.</summary>
    /// <param name="commit">At a position of a hole.</param>
    /// <param name="step">Number of the step.</param>
    public void Write(Commit commit, int step)
    {
        if (canvas.StateOf(commit.Position) == PositionState.Noisy)
        {
            canvas.Commit(commit, step);
            Commits.Add(commit);
        }
        else if (canvas.Ids[commit.Position] != commit.TokenId)
        {
            canvas.Edit(commit, step);
            Edits.Add(commit);
        }
        else if (renews)
        {
            canvas.Edit(commit, canvas.CommittedAt(commit.Position));
        }
    }
}
