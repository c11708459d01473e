// Which rows of logits a step asks the network for: those of all noisy positions of its block and, where the policy looks back, those of
// committed ones. Where random numbers alone put positions in order (StepPolicy.ScoreUnseen) the step chooses first and asks for the rows
// of what it commits: with 12,000 tokens and 128 steps for 94 rows, not for all that are left. The text is the same, as the numbers of a
// position are looked up. All rows are asked for
//
//   in the last step of a block              it commits them all
//   where an infill hole has an end token    that waits until no position before it is noisy, so rows change the order after all
//   under a constraint                       the text is drawn from all rows together
//   with Alternatives                        they are shown of every noisy position
//   with keys and values that are kept       which of them are computed anew depends on the rows
using System.Runtime.InteropServices;
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

internal sealed partial class MaskedRun
{
    // As candidates are ordered: surest first, ties to the lower position.
    private static readonly Comparison<(double Score, int Position)> s_firstToLast =
        (a, b) => a.Score != b.Score ? b.Score.CompareTo(a.Score) : a.Position.CompareTo(b.Position);

    private readonly List<(double Score, int Position)> _order = [];
    private double[] _scores = [];
    private bool _readsOthers; // whether somebody reads rows of positions that the step does not commit

    private void BeginRows()
    {
        _readsOthers = _canvas.IsConstrained || _network.IsCached || _rules.Options.Alternatives > 0 || HasInfillEnd();
        if (!_readsOthers)
        {
            _order.EnsureCapacity(_masks.Count);
            _scores = _scores.Length < _masks.Count ? new double[_masks.Count] : _scores;
        }
    }

    private bool HasInfillEnd()
    {
        bool has = false;
        for (int hole = 0; hole < _canvas.Holes.Count; hole++)
        {
            has |= _canvas.Holes[hole].Kind == HoleKind.Infill;
        }

        return has && _canvas.Tokens.PaddingTokenId is not null;
    }

    private void ChooseRows(in StepContext context)
    {
        _rows.Clear();
        _committed.Clear();
        _choosesAny = _policy.NeedsPass(context);
        if (!_choosesAny)
        {
            return;
        }

        // Blocks before the active one are final (DenoisingStep.FinalBefore), also for a step that works on the whole canvas.
        _canvas.AddCommittedText(CollectionsMarshal.AsSpan(_masks)[_ofBlock], _committed);
        _hides = _policy.HidesReviewed && _committed.Count > 0;
        bool readsAll = _readsOthers || _policy.LooksBack || context.IsLast;
        if (readsAll || !AddChosen(context))
        {
            _rows.AddRange(_noisy);
        }

        if (_policy.LooksBack)
        {
            _rows.AddRange(_committed);
        }

        if (!_hides)
        {
            _rows.Sort();
        }
    }

    // Adds the positions that the step will commit, if the policy knows them without their rows. Where it commits none, one is asked for
    // all the same, as passes count.
    private bool AddChosen(in StepContext context)
    {
        _order.Clear();
        foreach (int position in _noisy)
        {
            if (_policy.ScoreUnseen(new CounterRandom(_rules.Options.Seed, _step, position)) is not double score)
            {
                return false;
            }

            _order.Add((score, position));
        }

        _order.Sort(s_firstToLast);
        _scores = _scores.Length < _order.Count ? new double[_order.Count] : _scores;
        for (int i = 0; i < _order.Count; i++)
        {
            _scores[i] = _order[i].Score;
        }

        int count = Math.Max(1, _policy.Count(_scores.AsSpan(0, _order.Count), context));
        for (int i = 0; i < Math.Min(count, _order.Count); i++)
        {
            _rows.Add(_order[i].Position);
        }

        return true;
    }
}
