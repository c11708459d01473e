// All texts that a constraint allows in the slots of one hole, weighted by what is known of every slot, in time linear in their number.
//
// Slot i = 0 … L − 1 holds a fixed token, a distribution over tokens p_i(v) ∝ e^{s l_v}, or it is open: nothing is known of it yet. A path
// is a sequence of states q_0 = start … q_L, q_L accepting, with an edge (q_i, g_i, q_{i+1}) of the TokenAutomaton in each slot, g a set
// of classes k of tokens. With c_i[g] = Σ_{k∈g} c_i[k], c_i[k] = Σ_{v∈k} p_i(v), up to a factor of the slot (ClassWeights):
//
//   R_0 = {start},  R_{i+1} = states behind an edge with c_i[g] > 0 from R_i       which states can be reached
//   β_L(q) = 1 if q accepts,   β_i(q) = Σ_{(q,g,q′)} c_i[g] β_{i+1}(q′)            weight of all ways to finish
//   Z = β_0(start)                                                                 of all texts
//   P(g, q′ | q, i) = c_i[g] β_{i+1}(q′) / β_i(q)                                  the joint distribution, slot after slot
//   π_0(start) = 1,   ξ_i(q,g,q′) = π_i(q) P(g, q′ | q, i),   π_{i+1}(q′) = Σ ξ    how probable each state is
//   m_i(v) = p_i(v) Σ_{(q,g,q′): v∈g} ξ_i(q,g,q′) / c_i[g]                         exact marginal of token v in slot i, Σ_v m_i(v) = 1
//   δ_i(q) = max_{(q,g,q′)} s max_{v∈g} l_v + δ_{i+1}(q′)                          the most probable path (Viterbi)
//
// In an open slot β_i(q) = max_{q′} β_{i+1}(q′), and all ways go to the q′ that is best: where the rest is open, what counts of a state is
// whether it can be finished, not in how many ways. Summed over all ways, a text that may end here would weigh nothing beside the V^n
// texts that go on, and none would end before its last slot.
//
// A text drawn from the joint distribution, or the most probable one, is whole: whichever of its tokens are committed, the problem stays
// feasible. Tokens drawn from marginals one by one would not have that property. β needs a wide range (ScaledNumber); π and ξ are
// probabilities, where nothing is lost if the tiny ones become 0, which is why there is no forward sum α.
//
// Only states of R_i are stored and looked at, so where the text is known a slot costs one look-up. A workspace: after the first hole of a
// size nothing is allocated. Sources: Dang and Ermon, arXiv 2607.07026 (exact sampling, marginals); Suresh et al., DINGO,
// arXiv 2505.23061 (Viterbi); Rabiner, "A tutorial on hidden Markov models", 1989. Unlike DINGO the number of slots left is respected.
using Cinnabar.Numerics;

namespace Cinnabar.Constraints;

/// <summary>The slots of one hole under a constraint; not thread-safe, except where said.</summary>
/// <param name="workers">Threads that share the rows; null: the caller's.</param>
internal sealed partial class ConstrainedSlots(WorkerPool? workers)
{
    // 28 bytes for each state, and for each class or label, of each slot.
    private const int MostStored = 1 << 24;

    private const int OpenRow = 0;
    private const int NoRow = -1;

    private readonly ClassWeights _weights = new();
    private readonly List<int> _read = []; // the slots with a distribution; that of row r ≥ 1 at r − 1
    private TokenAutomaton? _automaton;
    private Slot[] _slots = [];

    /// <summary>L.</summary>
    public int Length { get; private set; }

    private TokenAutomaton Automaton => _automaton ?? throw new InvalidOperationException("There are no slots before Begin.");

    /// <summary>Begins a hole: every slot is open.</summary>
    /// <param name="automaton">The constraint.</param>
    /// <param name="length">L, 0 or more.</param>
    public void Begin(TokenAutomaton automaton, int length)
    {
        (_automaton, Length) = (automaton, length);
        if (_slots.Length < length)
        {
            _slots = new Slot[length];
        }

        _slots.AsSpan(0, length).Fill(new Slot(0, OpenRow, null, 0, 1, IsOpen: true));
        _read.Clear();
        BeginStates();
    }

    /// <summary>Says that a slot holds a token.</summary>
    public void Fix(int slot, int token) => _slots.AsSpan(0, Length)[slot] = new Slot(token, NoRow, null, 0, 1, IsOpen: false);

    /// <summary>Says that nothing is known of a slot but that it does not hold some tokens.</summary>
    /// <param name="slot">The slot.</param>
    /// <param name="logits">[1, V or more]: 0, and −∞ for those tokens.</param>
    public void Open(int slot, Tensor logits) => _slots.AsSpan(0, Length)[slot] = new Slot(0, OpenRow, logits, 0, 1, IsOpen: true);

    /// <summary>Says what is known of a slot.</summary>
    /// <param name="slot">The slot.</param>
    /// <param name="logits">
    /// [rows, V or more], log-probabilities or logits; −∞ excludes a token. It is read by <see cref="Solve"/> and again when tokens are
    /// drawn, and must not change between.
    /// </param>
    /// <param name="row">Which row.</param>
    /// <param name="scale">s = 1/T, greater than 0; default 1.</param>
    /// <exception cref="CinnabarException">The rows are shorter than the vocabulary of the constraint.</exception>
    public void Distribute(int slot, Tensor logits, int row, float scale = 1)
    {
        if (logits.Columns < Automaton.VocabularySize)
        {
            throw new CinnabarException(
                $"Expected a logit for each of the {Automaton.VocabularySize} tokens of the constraint, found {logits.Columns}.",
                "Use the tokenizer that belongs to this network.");
        }

        _slots.AsSpan(0, Length)[slot] = new Slot(0, OpenRow, logits, row, scale, IsOpen: false);
    }

    /// <summary>Finds out whether any text fits, and the weights that everything else here needs.</summary>
    /// <returns>Null, or why no text fits.</returns>
    /// <exception cref="CinnabarException">A logit of an allowed token is NaN or +∞, or slots times states are too many.</exception>
    public Infeasibility? Solve()
    {
        ReadRows();
        if (Reach() is Infeasibility infeasibility)
        {
            return infeasibility;
        }

        SumCompletions();
        return null;
    }

    /// <summary>
    /// ln Z, with Z = Σ over all texts of the product of e^{s l_v}; a fixed token counts 1, and an open slot is filled in one way.
    /// </summary>
    public double LogPartition()
    {
        double log = _completions[0].Log();
        foreach (Slot slot in _slots.AsSpan(0, Length))
        {
            log += slot.Row == NoRow || slot.IsOpen ? 0 : _weights.LogScaleOf(slot.Row);
        }

        return log;
    }

    private void ReadRows()
    {
        _read.Clear();
        for (int i = 0; i < Length; i++)
        {
            if (_slots[i].Logits is not null)
            {
                _read.Add(i);
                _slots[i] = _slots[i] with { Row = _read.Count };
            }
        }

        CheckSize((_read.Count + 1L) * (Automaton.ClassCount + Automaton.LabelCount));
        _weights.Begin(Automaton, _read.Count + 1);
        _weights.SetOpen(OpenRow);
        ReadBody body = new(this);
        if (workers is null)
        {
            body.Run(0, _read.Count);
        }
        else
        {
            workers.For(_read.Count, grain: 1, body);
        }
    }

    private void CheckSize(long stored)
    {
        if (stored > MostStored)
        {
            throw new CinnabarException(
                "Expected a hole whose slots times the states of its constraint, and times its classes of tokens, are at most "
                + $"{MostStored}, found {Length} slots, {Automaton.StateCount} states and {Automaton.ClassCount} classes.",
                "Shorten the hole or simplify the constraint.");
        }
    }

    /// <summary>What is known of a slot.</summary>
    /// <param name="Token">Where it is fixed.</param>
    /// <param name="Row">Of the weights; <see cref="NoRow"/> where it is fixed.</param>
    /// <param name="Logits">Of a distribution.</param>
    /// <param name="LogitsRow">Its row.</param>
    /// <param name="Scale">s.</param>
    /// <param name="IsOpen">Whether nothing is known but, at most, what it does not hold.</param>
    private readonly record struct Slot(int Token, int Row, Tensor? Logits, int LogitsRow, float Scale, bool IsOpen)
    {
        public ReadOnlySpan<float> LogitRow => Logits is null ? [] : Logits.Row(LogitsRow);
    }

    private readonly struct ReadBody(ConstrainedSlots slots) : ILoopBody
    {
        public void Run(int from, int to)
        {
            for (int row = from + 1; row <= to; row++)
            {
                int i = slots._read[row - 1];
                Slot slot = slots._slots[i];
                slots._weights.Read(row, slot.LogitRow, slot.Scale, i);
            }
        }
    }
}
