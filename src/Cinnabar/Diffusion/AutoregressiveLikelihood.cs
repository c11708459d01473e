// Negative log-likelihood of a text of n tokens under a network that reads left to right: the chain rule, exact, in one pass.
//
//   −log p(x) = ln V + Σ_{i=1}^{n−1} −log f(x_i | x_0 … x_{i−1})
//
// Nothing stands before the first token, so it is charged as one of V equally likely ones. So all n tokens are paid for, as they are in
// LikelihoodBound, and the two figures are of the same text; the charge is ln V/n nats per token, 0.02 for V = 8192 and n = 512.
// Of a text longer than the network sees, token by token, windows overlap by half and each token is predicted once (NatsOfTokens).
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Diffusion;

/// <summary>Computes the likelihood of token sequences under an autoregressive network.</summary>
public sealed class AutoregressiveLikelihood
{
    private readonly IDenoiser _denoiser;
    private readonly KernelTable _kernels;

    /// <summary>Computes under one network, whose logits of a position must depend on earlier positions only.</summary>
    public AutoregressiveLikelihood(IDenoiser denoiser, KernelTable kernels)
    {
        _denoiser = denoiser;
        _kernels = kernels;
    }

    /// <summary>−log p of a sequence in nats.</summary>
    /// <param name="ids">1 … MaxLength tokens.</param>
    public double Nats(ReadOnlySpan<int> ids)
    {
        double nats = Math.Log(_denoiser.VocabularySize);
        if (ids.Length > 1)
        {
            foreach (float loss in Losses(ids, from: 1).Floats)
            {
                nats += loss;
            }
        }

        return nats;
    }

    /// <summary>−log p of every token but the first, given those before it.</summary>
    /// <param name="ids">At least one token, as many as one likes; the network must see 2 tokens or more.</param>
    /// <param name="context">Most tokens that it is shown, at least 2; null: as many as it sees.</param>
    /// <returns>[n − 1] nats; of a text longer than what it is shown, each given half of that, or more.</returns>
    public double[] NatsOfTokens(ReadOnlySpan<int> ids, int? context = null)
    {
        double[] nats = new double[ids.Length - 1];
        int most = Math.Min(context ?? int.MaxValue, _denoiser.MaxLength);
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 2, nameof(context));
        for (int done = 1; done < ids.Length;)
        {
            // The first window predicts all it has, the others what is behind their middle.
            int start = done == 1 ? 0 : done - (most / 2);
            int end = Math.Min(ids.Length, start + most);
            ReadOnlySpan<float> losses = Losses(ids[start..end], done - start).Floats;
            for (int i = 0; i < losses.Length; i++)
            {
                nats[done - 1 + i] = losses[i];
            }

            done = end;
        }

        return nats;
    }

    // Of the tokens at from, from + 1, …, which is at least 1.
    private Tensor Losses(ReadOnlySpan<int> ids, int from)
    {
        int[] rows = [.. Enumerable.Range(from, ids.Length - from)];
        Tensor losses = Tensor.Zeros(rows.Length);
        _kernels.CrossEntropy.Forward(_denoiser.Logits(ids.ToArray(), rows), ids[from..].ToArray(), losses);
        return losses;
    }

    /// <summary>
    /// The sum over windows, each by itself; the standard error is that of the choice of windows alone, each figure being exact.
    /// </summary>
    /// <param name="windows">At least one.</param>
    /// <param name="windowDone">Told the number of windows done.</param>
    public LikelihoodEstimate OfWindows(IReadOnlyList<int[]> windows, Action<int>? windowDone = null)
    {
        double[] nats = new double[windows.Count];
        for (int w = 0; w < windows.Count; w++)
        {
            nats[w] = Nats(windows[w]);
            windowDone?.Invoke(w + 1);
        }

        return LikelihoodEstimate.SumOf(nats);
    }
}
