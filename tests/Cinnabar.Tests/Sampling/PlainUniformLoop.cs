using Cinnabar.Sampling;
using Cinnabar.Tests.Models.Gemma;
using Cinnabar.Tests.Models.Plain;

namespace Cinnabar.Tests.Sampling;

/// <summary>Numbers between 0 and 1 that look random, the same for the library and for the plain loop.</summary>
internal sealed class HashedDraws : IUniformDraws
{
    public static double Unit(int canvas, int step, int slot, int purpose) =>
        Math.Abs(Math.Sin((canvas * 131.7) + (step * 17.13) + (slot * 3.77) + (purpose * 51.9)) * 43758.5453) % 1;

    public int Noise(int canvas, int step, int slot, int vocabularySize) => (int)(Unit(canvas, step, slot, 0) * vocabularySize);

    public int Sample(int canvas, int step, int slot, ReadOnlySpan<double> weights, double sum) =>
        Inverse([.. weights.ToArray().Select(weight => weight / sum)], Unit(canvas, step, slot, 1));

    public static int Inverse(double[] p, double u)
    {
        double below = 0;
        for (int id = 0; id < p.Length; id++)
        {
            below += p[id];
            if (below > u)
            {
                return id;
            }
        }

        return p.Length - 1;
    }
}

/// <summary>The loop of the specification once more, over the plain network.</summary>
internal sealed class PlainUniformLoop(PlainGemma network, UniformOptions options)
{
    private readonly PlainGemmaPrefix _prefix = network.Empty();

    /// <summary>Slots with a token after each step, those of earlier canvases included.</summary>
    public List<int> Accepted { get; } = [];

    public int[] Generate(int[] prompt, int canvases)
    {
        List<int> text = [];
        network.Encode(_prefix, prompt);
        for (int c = 0; c < canvases; c++)
        {
            int[] best = Canvas(c);
            text.AddRange(best);
            network.Encode(_prefix, best);
        }

        return [.. text];
    }

    private int[] Canvas(int c)
    {
        const int N = TinyGemma.CanvasLength;
        int[] x = [.. Enumerable.Range(0, N).Select(slot => (int)(HashedDraws.Unit(c, 0, slot, 0) * PlainModels.Gemma.Vocabulary))];
        double[][]? soft = null;
        int[]? before = null;
        int[] best = x;
        for (int n = options.Steps; n >= 1; n--)
        {
            int step = options.Steps - n + 1;
            double t = options.MinTemperature + ((options.MaxTemperature - options.MinTemperature) * n / options.Steps);
            double[][] logits = network.Decode(_prefix, x, soft);
            double[][] p = [.. logits.Select(row => PlainFormulas.Softmax([.. row.Select(logit => logit / t)]))];
            double[] entropy = [.. p.Select(row => -row.Where(q => q > 0).Sum(q => q * Math.Log(q)))];
            best = [.. p.Select(row => Array.IndexOf(row, row.Max()))];
            double sum = 0;
            bool[] accepted = new bool[N];
            foreach (int slot in Enumerable.Range(0, N).OrderBy(slot => entropy[slot]))
            {
                sum += entropy[slot];
                accepted[slot] = sum - entropy[slot] <= options.EntropyBound;
            }

            x =
            [
                .. Enumerable.Range(0, N).Select(slot => accepted[slot]
                    ? HashedDraws.Inverse(p[slot], HashedDraws.Unit(c, step, slot, 1))
                    : (int)(HashedDraws.Unit(c, step, slot, 0) * PlainModels.Gemma.Vocabulary)),
            ];
            bool isDone = n == 1 || (before is not null && before.SequenceEqual(best) && entropy.Average() < options.MeanEntropy);
            Accepted.Add((c * N) + (isDone ? N : accepted.Count(yes => yes)));
            if (isDone)
            {
                break;
            }

            before = best;
            soft = network.Soft(logits, t);
        }

        return best;
    }
}
