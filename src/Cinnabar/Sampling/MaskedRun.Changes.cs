// What a step changes on the canvas, in this order: tokens are committed, others replaced, settled holes filled, tokens masked again, and
// positions where the expand token was chosen become two.
using System.Runtime.InteropServices;
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

internal sealed partial class MaskedRun
{
    private void Apply()
    {
        _commits.Clear();
        _expanded.Clear();
        foreach (Candidate chosen in _choice.Commits)
        {
            if (chosen.TokenId == _canvas.Tokens.ExpandTokenId)
            {
                _expanded.Add(chosen.Position);
                continue;
            }

            Commit commit = new(chosen.Position, chosen.TokenId, (float)chosen.Probability);
            _commits.Add(commit);
            _canvas.Commit(commit, _step);
        }

        foreach (Commit edit in _choice.Edits)
        {
            _canvas.Edit(edit, _step);
        }

        _network.Committed(_commits, Rows);
        _network.Committed(_choice.Edits, Rows);

        // What is now behind the end of its hole is no text any more.
        _canvas.Settle(_step, _commits);
        _choice.Renoised.Sort();
        _renoised.Clear();
        _canvas.AddCommittedText(CollectionsMarshal.AsSpan(_choice.Renoised), _renoised);
        foreach (int position in _renoised)
        {
            _canvas.Renoise(position);
        }
    }

    // Each position that became two takes a step more than one that was committed: its own, and one for the new one. Of several in a hole
    // that is nearly full, the first ones get the room.
    private void Grow()
    {
        if (_expanded.Count == 0)
        {
            return; // as nearly always, without allocating
        }

        _expanded.Sort();
        _expanded.RemoveAll(position => _canvas.StateOf(position) != PositionState.Noisy);
        int more = 0;
        while (more < _expanded.Count)
        {
            int position = _expanded[more] + more; // each before it has moved it by one
            if (_canvas.GrowsAt(position))
            {
                _canvas.Expand(position);
                more++;
            }
            else
            {
                _expanded.RemoveAt(more);
            }
        }

        if (more == 0)
        {
            return;
        }

        CanvasBlocks.FindMasks(_canvas, _masks);
        (_blockStarts[^1], _positions, _ofBlock) = (_masks.Count, .., ..);
        _masksOfBlock += 2 * more;
        _context = _context with { Steps = _context.Steps + (_rules.Options.Steps is null ? 2 * more : 0) };
        _policy.Begin(_canvas);
    }
}
