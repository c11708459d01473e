namespace Cinnabar.Evaluation.Tests;

public sealed class NGramModelTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void Distribution_RandomText_EqualsTheFormulaOnCountsByScanning(int order)
    {
        const int V = 6;
        Random random = new(5);
        int[][] documents = [.. new[] { 300, 1, 0, 700, 2 }.Select(length => Draw(random, length, V - 1))];
        NGramModel model = new(documents, V, order);
        double[] actual = new double[V];
        for (int trial = 0; trial < 60; trial++)
        {
            int[] history = Draw(random, trial % 7, V); // The last id never occurs, so some histories are unknown.
            model.Distribution(history, actual);
            for (int w = 0; w < V; w++)
            {
                Assert.Equal(Expected(documents, history, w, V, order), actual[w], 12);
            }

            Assert.Equal(1, actual.Sum(), 10);
        }
    }

    [Fact]
    public void Distribution_RepeatedPattern_IsLearned()
    {
        int[] pattern = [1, 2, 3, 1, 2, 4];
        int[] document = [.. Enumerable.Repeat(pattern, 500).SelectMany(p => p)];
        NGramModel model = new([document], 8);
        double[] p = new double[8];
        model.Distribution([2, 3, 1, 2], p);
        Assert.True(p[4] > 0.99, $"p = {p[4]}");
        model.Distribution([2, 4, 1, 2], p);
        Assert.True(p[3] > 0.99, $"p = {p[3]}");
    }

    [Fact]
    public void Constructor_MaxTokens_StopsBeforeTheDocumentThatIsTooMuch()
    {
        NGramModel model = new([[1, 2], [3, 4, 5], [1]], 8, maxTokens: 4);
        Assert.Equal(2, model.TokenCount);
    }

    private static int[] Draw(Random random, int length, int bound) => [.. Enumerable.Range(0, length).Select(_ => random.Next(bound))];

    private static IEnumerable<int> Following(int[] document, int[] history) => Enumerable
        .Range(0, Math.Max(0, document.Length - history.Length))
        .Where(i => document[i..(i + history.Length)].SequenceEqual(history))
        .Select(i => document[i + history.Length]);

    private static double Expected(int[][] documents, int[] history, int token, int v, int order)
    {
        double total = documents.Sum(d => d.Length);
        double p = (documents.Sum(d => d.Count(id => id == token)) + 1) / (total + v);
        for (int k = 1; k < order && k <= history.Length; k++)
        {
            int[] h = history[^k..];
            int[] next = [.. documents.SelectMany(d => Following(d, h))];
            if (next.Length == 0)
            {
                break;
            }

            double count = next.Count(id => id == token);
            p = (Math.Max(count - 0.75, 0) / next.Length) + (0.75 * next.Distinct().Count() / next.Length * p);
        }

        return p;
    }
}
