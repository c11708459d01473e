using Cinnabar.Diffusion;
using Cinnabar.Training.Objectives;

namespace Cinnabar.Training.Tests.Objectives;

public sealed class HoleShapesTests(TrainingRuns runs) : IClassFixture<TrainingRuns>
{
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    [InlineData(5, false)]
    [InlineData(31, true)]
    [InlineData(300, false)]
    [InlineData(300, true)]
    [InlineData(512, true)]
    public void Dig_AnyLength_KeepsTheTextInOrderAndPadsOnlyTheEndsOfHoles(int length, bool closesHoles)
    {
        int pad = runs.Tokenizer.PaddingTokenId;
        HoleShapes shapes = new(runs.Tokenizer, closesHoles);
        int[] code = runs.Tokenizer.Encode(string.Concat(Enumerable.Range(0, 9).Select(Corpora.SourceFolder.Code)));
        int closed = 0;
        int holes = 0;
        int exact = 0;
        int wholeLines = 0;
        for (ulong seed = 0; seed < 100; seed++)
        {
            int[] source = code[..length];
            int[] sequence = [.. source];
            bool[] maskable = new bool[length];
            shapes.Dig(sequence, maskable, new DeterministicRandom(seed));
            int[] kept = [.. sequence.Where(id => id != pad)];
            Assert.Equal(source[..kept.Length], kept);
            Assert.False(maskable[0], "A sequence begins with context.");
            closed += Open(sequence, maskable, pad);
            for (int from = 0; from < length;)
            {
                int to = from;
                while (to < length && maskable[to] == maskable[from])
                {
                    to++;
                }

                int[] run = sequence[from..to];
                int padding = run.Reverse().TakeWhile(id => id == pad).Count();
                Assert.DoesNotContain(pad, run[..^padding]);
                if (maskable[from])
                {
                    Assert.InRange(run.Length - padding, 0, 48);
                    Assert.InRange(padding, 0, 32);
                    if (to < length)
                    {
                        holes++;
                        exact += padding == 0 ? 1 : 0;
                        wholeLines += BeginsLine(sequence[from - 1]) && BeginsLine(sequence[to]) ? 1 : 0;
                    }
                }
                else
                {
                    Assert.Equal(0, padding);
                    Assert.True(to - from >= 4 || to == length, "A context is shorter than 4 tokens.");
                }

                from = to;
            }
        }

        Assert.True(closesHoles || closed == 0, $"{closed} padding tokens are known.");
        if (length >= 300)
        {
            Assert.True(!closesHoles || closed > 0.4 * holes, $"{closed} of {holes} holes end in a known padding token.");
            Assert.InRange(exact / (double)holes, 0.35, 0.65);
            Assert.True(wholeLines > 0.25 * holes, $"{wholeLines} of {holes} holes are whole lines.");
        }
    }

    // Makes padding that is known part of its hole, and counts it: one token behind a hole, no more.
    private static int Open(int[] sequence, bool[] maskable, int pad)
    {
        int[] known = [.. Enumerable.Range(0, sequence.Length).Where(i => sequence[i] == pad && !maskable[i])];
        foreach (int i in known)
        {
            Assert.True(i + 1 == sequence.Length || sequence[i + 1] != pad, "Behind known padding stands more.");
            maskable[i] = true;
        }

        return known.Length;
    }

    [Fact]
    public void Choose_AnyWindow_IsALineOrARunBehindSomeContext()
    {
        HoleShapes shapes = new(runs.Tokenizer, closesHoles: false);
        int[] code = runs.Tokenizer.Encode(string.Concat(Enumerable.Range(0, 9).Select(Corpora.SourceFolder.Code)));
        DeterministicRandom random = new(3);
        int wholeLines = 0;
        HashSet<int> lengths = [];
        HashSet<int> starts = [];
        for (int draw = 0; draw < 1000; draw++)
        {
            int from = random.NextInt(code.Length - 300);
            int[] window = code[from..(from + (draw % 4 == 0 ? 2 : 300))];
            int[] before = [.. window];
            (int start, int length) = shapes.Choose(window, random);
            Assert.Equal(before, window);
            Assert.InRange(start, 1, window.Length);
            Assert.InRange(length, 0, Math.Min(48, window.Length - start));
            lengths.Add(length);
            starts.Add(start);
            int end = start + length;
            wholeLines += end < window.Length && BeginsLine(window[start - 1]) && BeginsLine(window[end]) ? 1 : 0;
        }

        Assert.True(wholeLines > 250, $"{wholeLines} of 1000 holes are whole lines.");
        Assert.True(lengths.Count > 40 && lengths.Max() == 48 && starts.Count > 150);
    }

    private bool BeginsLine(int id)
    {
        byte[] bytes = runs.Tokenizer.DecodeBytes([id]);
        return bytes.Length > 0 && bytes[0] == (byte)'\n';
    }
}
