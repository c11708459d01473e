using Cinnabar.Models;

namespace Cinnabar.Sampling;

public sealed partial record SamplerOptions
{
    /// <summary>
    /// These options, made of a model's, without its threshold if they name another order or another rule: it was chosen for the model's.
    /// </summary>
    /// <param name="model">Those of the model.</param>
    public SamplerOptions WithoutThresholdOf(SamplerOptions model) =>
        Remasking == model.Remasking && Factor == model.Factor && EntropyBound == model.EntropyBound
            ? this
            : this with { Threshold = null };

    /// <summary>
    /// These options, made of a model's, without its drafts and its reading left to right if they name another order, another rule or a
    /// cache: these would have no meaning beside them.
    /// </summary>
    /// <param name="model">Those of the model.</param>
    public SamplerOptions WithoutDraftsOf(SamplerOptions model)
    {
        SamplerOptions likeTheModel = model with
        {
            MaxNewTokens = MaxNewTokens,
            Temperature = Temperature,
            TopP = TopP,
            TopK = TopK,
            MaxPasses = MaxPasses,
            Deadline = Deadline,
            CacheRefresh = CacheRefresh,
            MeasureDrift = MeasureDrift,
            Alternatives = Alternatives,
            AllowPadding = AllowPadding,
            Seed = Seed,
            LeftToRight = LeftToRight,
            DraftTokens = DraftTokens,
        };
        return this == likeTheModel ? this : this with { DraftTokens = null, LeftToRight = false };
    }

    /// <summary>
    /// These options, made of a model's, with what somebody says of reading left to right. Who does not ask for it gets the model's own as
    /// far as it goes with the other options (<see cref="WithoutDraftsOf"/>); who says no gets no drafts either.
    /// </summary>
    /// <param name="model">Those of the model.</param>
    /// <param name="leftToRight">What is said of <see cref="LeftToRight"/>; null: nothing.</param>
    /// <param name="namesDrafts">Whether <see cref="DraftTokens"/> is named.</param>
    /// <param name="drafts">What is said of it then.</param>
    public SamplerOptions ReadAs(SamplerOptions model, bool? leftToRight, bool namesDrafts, int? drafts)
    {
        bool asks = leftToRight == true || (namesDrafts && drafts is not null);
        SamplerOptions read = asks ? this : WithoutDraftsOf(model);
        return read with
        {
            LeftToRight = leftToRight ?? read.LeftToRight,
            DraftTokens = namesDrafts ? drafts : leftToRight == false ? null : read.DraftTokens,
        };
    }

    /// <summary>These options with a threshold; another rule gives way to it, and an order that it does not go with.</summary>
    /// <param name="threshold">As <see cref="Threshold"/>.</param>
    public SamplerOptions ByThreshold(double threshold) => this with
    {
        Threshold = threshold,
        Factor = null,
        EntropyBound = null,
        Remdm = null,
        Remasking = Remasking is Remasking.LowConfidence or Remasking.Margin ? Remasking : Remasking.LowConfidence,
    };

    /// <summary>Throws if an option is set that a network does not know.</summary>
    /// <param name="known">These options, as far as the network knows them; defaults elsewhere.</param>
    /// <param name="names">Those it knows.</param>
    /// <param name="network">The network.</param>
    /// <param name="remedy">What to do.</param>
    internal void RequireOnly(SamplerOptions known, string names, IDenoiser network, string remedy)
    {
        if (this == known)
        {
            return;
        }

        IEnumerable<string> others = typeof(SamplerOptions).GetProperties()
            .Where(option => !Equals(option.GetValue(this), option.GetValue(known)))
            .Select(option => $"the option {option.Name}");
        throw new CinnabarException(
            $"Expected only {names} for a network whose noise is {network.Noise.InWords()}, found {string.Join(" and ", others)}.",
            remedy);
    }
}
