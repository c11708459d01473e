using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests.Models;
using Cinnabar.Tests.Sampling;

namespace Cinnabar.Tests.Diffusion;

public sealed class AutoregressiveLikelihoodTests
{
    private const int Vocabulary = 50;

    private static readonly KernelTable s_kernels = KernelTable.Create(threads: 1, KernelForm.Vector);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(9)]
    public void Nats_UniformNetwork_IsLengthTimesLogVocabulary(int n)
    {
        TableDenoiser uniform = new(Vocabulary, 0, (_, _, _) => 0);
        int[] ids = [.. Enumerable.Range(5, n)];
        Assert.Equal(n * Math.Log(Vocabulary), new AutoregressiveLikelihood(uniform, s_kernels).Nats(ids), 1e-5);
    }

    // Each factor is asked for by itself, with something else in place of the token that it is about and nothing behind it.
    [Fact]
    public void Nats_CausalNetwork_IsTheChainRule()
    {
        ModelConfig config = TinyNetwork.Config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true };
        TransformerDenoiser network = new(config, TinyNetwork.Weights(config), s_kernels, MatMulPrecision.F32);
        int[] ids = [7, 12, 3, 39, 20, 7, 8];
        double expected = Math.Log(config.VocabularySize);
        for (int i = 1; i < ids.Length; i++)
        {
            double[] logits = [.. network.Logits([.. ids[..i], config.MaskTokenId], [i]).Row(0).ToArray().Select(x => (double)x)];
            expected += Math.Log(logits.Sum(Math.Exp)) - logits[ids[i]];
        }

        Assert.Equal(expected, new AutoregressiveLikelihood(network, s_kernels).Nats(ids), 1e-3);
        Assert.NotEqual(ids.Length * Math.Log(config.VocabularySize), expected, 0.1);
    }

    // A token is known where the first token of all is among those shown, and else not at all.
    [Fact]
    public void NatsOfTokens_LittleContext_KnowsLess()
    {
        TableDenoiser network = new(Vocabulary, 0, (ids, position, token) => ids[0] == 1 && ids[position] == token ? 30 : 0);
        AutoregressiveLikelihood likelihood = new(network, s_kernels);
        int[] ids = [1, .. Enumerable.Range(5, 11)];
        Assert.All(likelihood.NatsOfTokens(ids), nats => Assert.Equal(0, nats, 1e-5));
        double[] near = likelihood.NatsOfTokens(ids, context: 4);
        Assert.All(near[..3], nats => Assert.Equal(0, nats, 1e-5));
        Assert.All(near[3..], nats => Assert.Equal(Math.Log(Vocabulary), nats, 1e-5));
        Assert.Throws<ArgumentOutOfRangeException>(() => likelihood.NatsOfTokens(ids, context: 1));
    }

    [Fact]
    public void OfWindows_AddsUpAndTellsHowMuchWindowsDiffer()
    {
        // A window that begins with 1 is as good as known, one that begins with 2 is not known at all.
        TableDenoiser network = new(Vocabulary, 0, (ids, position, token) => ids[0] == 1 && ids[position] == token ? 30 : 0);
        AutoregressiveLikelihood likelihood = new(network, s_kernels);
        int[] known = [1, 8, 9, 10];
        int[] unknown = [2, 8, 9, 10];
        List<int> done = [];
        LikelihoodEstimate sum = likelihood.OfWindows([known, unknown], done.Add);
        double logV = Math.Log(Vocabulary);
        Assert.Equal(logV, likelihood.Nats(known), 1e-5);
        Assert.Equal(4 * logV, likelihood.Nats(unknown), 1e-5);
        Assert.Equal(5 * logV, sum.Nats, 1e-5);
        Assert.Equal(3 * logV, sum.StandardError, 1e-5); // 2 windows, each ± 1.5 ln V
        Assert.Equal([1, 2], done);
    }

    [Fact]
    public void NatsOfTokens_LongText_PredictsEachOnceWithHalfAWindowBeforeIt()
    {
        // The right token of place p in a window has the logit p, all others 0.
        TableDenoiser network = new(Vocabulary, 0, (ids, position, token) => ids[position] == token ? position : 0) { MaxLength = 8 };
        AutoregressiveLikelihood likelihood = new(network, s_kernels);
        int[] places = [1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6];
        double[] nats = likelihood.NatsOfTokens([.. Enumerable.Range(10, 19)]);
        Assert.Equal(places.Length, nats.Length);
        Assert.All(places.Zip(nats), token =>
            Assert.Equal(Math.Log(1 + ((Vocabulary - 1) * Math.Exp(-token.First))), token.Second, 1e-4));
        Assert.Equal(4, network.AskedIds.Count);
        Assert.Equal(
            likelihood.Nats([10, 11, 12]) - Math.Log(Vocabulary), likelihood.NatsOfTokens([10, 11, 12]).Sum(), 1e-6);
        Assert.Empty(likelihood.NatsOfTokens([10]));
    }
}
