// What a step changes. The plain policies are two functions:
//
//   Score(row)               how sure the candidate token of a position is, higher is surer
//   Count(scores, context)   how many of the candidates, surest first, are committed
//
// Candidates are ordered by score, ties to the lower position; the Count first ones are committed. The order policies (LowConfidence,
// Random, Entropy, Margin) commit the step's quota; the rules (threshold, factor, entropy bound, stability, hierarchy) look at the scores
// as well. Policies that revise (RevisingPolicy) wrap one of these and also edit committed tokens or mask them again. A score comes from
// the distribution that the reference of that policy uses: raw softmax for LowConfidence (LLaDA), tempered and filtered for Entropy and
// Margin (Dream).
//
// A policy may keep what it saw in earlier steps of a run; Begin forgets it. Score and Adjust are called from several threads at once,
// never twice at once for one position.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>Chooses what a step commits, edits and masks again.</summary>
public abstract class StepPolicy
{
    /// <summary>Index of the random number that decides the order of positions: no token id.</summary>
    protected const ulong OrderNumber = ulong.MaxValue;

    private double[] _scores = [];

    /// <summary>Whether the network is also asked about committed positions of the block.</summary>
    public virtual bool LooksBack => false;

    /// <summary>
    /// Whether a committed position is reviewed without its own token, as if that were masked; needs <see cref="LooksBack"/>.
    /// </summary>
    public virtual bool HidesReviewed => false;

    /// <summary>Whether it may edit committed tokens of the block or mask them again.</summary>
    public virtual bool Revises => LooksBack;

    /// <summary>
    /// What of a row of logits <see cref="Adjust"/> and <see cref="Score"/> look at; default everything. Less leaves rows where they are,
    /// on a device other than the processor, and <see cref="Adjust"/> may then not be called.
    /// </summary>
    public virtual RowUse Uses => RowUse.Everything;

    /// <summary>
    /// Whether <see cref="Adjust"/> compares tokens with each other, so that those that a constraint allows nowhere are taken out before;
    /// default no.
    /// </summary>
    public virtual bool ComparesTokens => false;

    /// <summary>Starts a run.</summary>
    /// <param name="canvas">What will be denoised.</param>
    public virtual void Begin(Canvas canvas)
    {
    }

    /// <summary>Changes the logits of a noisy position before its token is drawn; ids at −∞ must stay so.</summary>
    /// <param name="position">Index into the canvas.</param>
    /// <param name="logits">[V].</param>
    public virtual void Adjust(int position, Span<float> logits)
    {
    }

    /// <summary>How sure the candidate of a position is; higher is surer.</summary>
    /// <param name="row">The distribution of that position, with its candidate.</param>
    /// <param name="random">The numbers of that position in this step.</param>
    public abstract double Score(TokenDistribution row, CounterRandom random);

    /// <summary>
    /// The score of a noisy position, of a policy whose <see cref="Score"/> does not look at the row and that commits the
    /// <see cref="Count"/> first candidates; null, the default: the row decides. With it a step asks the network only for the rows of what
    /// it commits, unless something else reads the others.
    /// </summary>
    /// <param name="random">The numbers of that position in this step.</param>
    internal virtual double? ScoreUnseen(CounterRandom random) => null;

    /// <summary>How many candidates are committed, 0 … their number.</summary>
    /// <param name="scores">Scores of the candidates, highest first.</param>
    /// <param name="context">The step.</param>
    public virtual int Count(ReadOnlySpan<double> scores, in StepContext context) => Math.Min(context.Quota, scores.Length);

    /// <summary>Decides the step; here: commits the first <see cref="Count"/> candidates.</summary>
    /// <param name="view">What is known.</param>
    /// <param name="choice">Receives the decision.</param>
    public virtual void Choose(StepView view, StepChoice choice)
    {
        int candidates = view.Candidates.Count;
        _scores = _scores.Length < candidates ? new double[candidates] : _scores;
        for (int i = 0; i < candidates; i++)
        {
            _scores[i] = view.Candidates[i].Score;
        }

        int count = Count(_scores.AsSpan(0, candidates), view.Context);
        for (int i = 0; i < count; i++)
        {
            choice.Commits.Add(view.Candidates[i]);
        }
    }

    /// <summary>False if the step commits nothing whatever the network says, so that no pass is needed.</summary>
    public virtual bool NeedsPass(in StepContext context) => context.Quota > 0;

    /// <summary>Whether another step is wanted although no position of the block is noisy.</summary>
    /// <param name="context">The step that would be next.</param>
    /// <param name="last">What the step before decided; null before the first.</param>
    public virtual bool Continues(in StepContext context, StepChoice? last) => false;

    /// <summary>The policy that <paramref name="options"/> ask for; one run at a time.</summary>
    public static StepPolicy From(SamplerOptions options)
    {
        if (options.Policy is not null)
        {
            return options.Policy();
        }

        StepPolicy order = options.Remasking switch
        {
            Remasking.Random => new RandomPolicy(),
            Remasking.Entropy => new EntropyPolicy(),
            Remasking.Margin => new MarginPolicy(),
            Remasking.Origin => new OriginPolicy(),
            _ => new LowConfidencePolicy(),
        };
        StepPolicy policy = options switch
        {
            { Remdm: RemdmKind kind } => new RemdmPolicy(kind, options.RemdmEta),
            { Threshold: double threshold, VerifyThreshold: double verify } => new WinoPolicy(threshold, verify, order),
            { Threshold: double threshold, LowThreshold: double low } => new HierarchyPolicy(low, threshold, order),
            { Threshold: double threshold, Stability: double bound } => new StabilityPolicy(threshold, bound, order),
            { Threshold: double threshold } => new ConfidenceThresholdPolicy(threshold, order),
            { Factor: double factor } => new ConfidenceFactorPolicy(factor, order),
            { EntropyBound: double bound } => new EntropyBoundPolicy(bound, order),
            _ => order,
        };
        policy = options.Credit ? new CreditPolicy(policy) : policy;
        policy = options.EarlyExit is double gap ? new EarlyExitPolicy(gap, policy) : policy;
        policy = options.RemaskBelow is double below ? new RemaskPolicy(below, policy) : policy;
        return options.EditThreshold is double edit ? new TokenEditingPolicy(edit, policy) : policy;
    }
}
