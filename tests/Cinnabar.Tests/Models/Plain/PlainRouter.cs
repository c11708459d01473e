// Which experts a token goes to, and how much of each:
//   p = softmax(l) or sigmoid(l) over all experts
//   r = p + bias                                     selection only, where there is a bias
//   a group counts the sum of its 2 largest r; experts outside the best groups are out, where there are groups
//   the experts with the largest r; weights p, divided by their sum (+ 1e-20) where renormalised, times a factor
// Source: specification A.2 (LLaDA-MoE: softmax, not renormalised), A.3 (LLaDA2: sigmoid, bias, groups, factor), A.5, A.9 (Qwen3-MoE).
namespace Cinnabar.Tests.Models.Plain;

internal sealed record PlainRouter(int Experts, int Chosen)
{
    public int Groups { get; init; } = 1;

    public int ChosenGroups { get; init; } = 1;

    public bool IsSigmoid { get; init; }

    public bool HasBias { get; init; }

    public bool Renormalises { get; init; }

    public double Factor { get; init; } = 1;

    public (int Expert, double Weight)[] Choose(double[] logits, double[]? bias)
    {
        double[] p = IsSigmoid ? [.. logits.Select(PlainFormulas.Sigmoid)] : PlainFormulas.Softmax(logits);
        double[] r = bias is null ? p : PlainFormulas.Add(p, bias);
        int[] groups =
        [
            .. Enumerable.Range(0, Groups)
                .OrderByDescending(group => r.Chunk(Experts / Groups).ElementAt(group).OrderDescending().Take(2).Sum())
                .Take(ChosenGroups),
        ];
        int[] chosen =
        [
            .. Enumerable.Range(0, Experts)
                .Where(expert => groups.Contains(expert / (Experts / Groups)))
                .OrderByDescending(expert => r[expert])
                .Take(Chosen),
        ];
        double sum = Renormalises ? chosen.Sum(expert => p[expert]) + 1e-20 : 1;
        return [.. chosen.Select(expert => (expert, p[expert] / sum * Factor))];
    }
}
