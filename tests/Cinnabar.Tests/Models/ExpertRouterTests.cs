using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Models;

public sealed class ExpertRouterTests
{
    [Fact]
    public void Choose_Softmax_WeightsAreProbabilitiesOfAll()
    {
        ExpertRouter router = Route(new() { Count = 4, ActiveCount = 2, IntermediateSize = 1 }, [0, 1, 2, 3]);
        double sum = 1 + Math.E + Math.Exp(2) + Math.Exp(3);
        Assert.Equal([], router.RowsOf(0).ToArray());
        Assert.Equal([0], router.RowsOf(3).ToArray());
        Assert.Equal(Math.Exp(3) / sum, router.WeightsOf(3)[0], 1e-6);
        Assert.Equal(Math.Exp(2) / sum, router.WeightsOf(2)[0], 1e-6);
    }

    [Fact]
    public void Choose_Renormalized_WeightsSumToTheFactor()
    {
        ExpertRouter router = Route(
            new() { Count = 4, ActiveCount = 2, IntermediateSize = 1, Renormalize = true, ScalingFactor = 2.5 }, [0, 1, 2, 3]);
        Assert.Equal(2.5, router.WeightsOf(2)[0] + router.WeightsOf(3)[0], 1e-6);
        Assert.Equal(Math.E, router.WeightsOf(3)[0] / router.WeightsOf(2)[0], 1e-5);
    }

    [Fact]
    public void Choose_Groups_ABetterExpertOfARejectedGroupIsLeftOut()
    {
        // Scores 0.70 0.00 | 0.50 0.50 | 0.88 0.73: the sums of the two best of each group leave the first group out, and with it expert 0.
        ExpertConfig config = new()
        {
            Count = 6, ActiveCount = 3, IntermediateSize = 1, Scoring = ExpertScoring.Sigmoid, GroupCount = 3, ActiveGroups = 2,
        };
        ExpertRouter router = Route(config, [0.85f, -9, 0, 0, 2, 1]);
        Assert.Equal([2, 4, 5], Enumerable.Range(0, 6).Where(e => router.RowsOf(e).Length > 0));
    }

    [Fact]
    public void Choose_SelectionBias_DecidesWhoButNotHowMuch()
    {
        ExpertConfig config = new()
        {
            Count = 3, ActiveCount = 1, IntermediateSize = 1, Scoring = ExpertScoring.Sigmoid, HasSelectionBias = true,
        };
        ExpertRouter router = new(config);
        router.Choose(Tensor.From([2, 0, 0], 1, 3), Tensor.From([0, 0, 9], 3));
        Assert.Equal(1, router.RowsOf(2).Length);
        Assert.Equal(0.5, router.WeightsOf(2)[0], 1e-6);
    }

    [Fact]
    public void Choose_EqualScores_TakesTheFirst()
    {
        ExpertRouter router = Route(new() { Count = 4, ActiveCount = 2, IntermediateSize = 1 }, [1, 1, 1, 1]);
        Assert.Equal([0, 1], Enumerable.Range(0, 4).Where(e => router.RowsOf(e).Length > 0));
    }

    [Fact]
    public void Choose_ManyRows_SortsThemByExpert()
    {
        ExpertRouter router = new(new() { Count = 3, ActiveCount = 1, IntermediateSize = 1 });
        router.Choose(Tensor.From([0, 9, 0, 9, 0, 0, 0, 9, 0, 0, 0, 9], 4, 3), null);
        Assert.Equal([1], router.RowsOf(0).ToArray());
        Assert.Equal([0, 2], router.RowsOf(1).ToArray());
        Assert.Equal([3], router.RowsOf(2).ToArray());
    }

    private static ExpertRouter Route(ExpertConfig config, float[] logits)
    {
        ExpertRouter router = new(config);
        router.Choose(Tensor.From(logits, 1, logits.Length), null);
        return router;
    }
}
