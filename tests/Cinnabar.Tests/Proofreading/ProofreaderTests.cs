using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Proofreading;
using Cinnabar.Tests.Checkpoints;
using Cinnabar.Tests.Sampling;
using Cinnabar.Tests.Serving;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Proofreading;

/// <summary>Places and repairs, by a network that knows which text is right.</summary>
public sealed class ProofreaderTests
{
    private const string Right = "int Sum(int a, int b)\n{\n    return a + b;\n}\n";

    private static readonly Tokenizer s_tokenizer = new BpeTrainer(new BpeTrainerOptions { VocabularySize = 360, Threads = 1 })
        .Train([.. Enumerable.Repeat(Right + "int Sum(int cd, int b)\n{\n    return total - b;\n}\nstatic a, Nothing(long x) { }\n", 8)]);

    private static readonly CanvasTokens s_tokens = new(s_tokenizer.MaskTokenId, null, null)
    {
        NeverEmitted = [.. Enumerable.Range(0, s_tokenizer.VocabularySize).Where(s_tokenizer.IsSpecial)],
    };

    public static TheoryData<string, string> Errors => new()
    {
        { "return a + b;", "return a - b;" },
        { "return a + b;", "return a + + b;" },
        { "(int a, int b)", "(int a int b)" },
        { "return a", "static a" },
        { "return a + b", "return a + Nothing b" },
        { "return a + b", "return Nothing + b" },
        { "return a + b", "return total + b" },
    };

    [Theory]
    [MemberData(nameof(Errors))]
    public void Error_IsFoundAndRepaired(string right, string wrong)
    {
        string text = Right.Replace(right, wrong, StringComparison.Ordinal);

        RepairedText repaired = Reader(Knows(Right)).Fix(text);

        Assert.Equal(Right, repaired.Text);
        Assert.NotEmpty(repaired.Applied);
    }

    [Theory]
    [MemberData(nameof(Errors))]
    public void Error_KeepsMarkAndLineEnds(string right, string wrong)
    {
        string before = "\uFEFF" + Right.Replace("\n", "\r\n", StringComparison.Ordinal);
        string text = before.Replace(right, wrong, StringComparison.Ordinal);

        Assert.Equal(before, Reader(Knows(Right)).Fix(text).Text);
    }

    [Fact]
    public void Suggestion_NamesItsPlace()
    {
        string text = "\uFEFF" + Right.Replace("a + b", "a - b", StringComparison.Ordinal).Replace("\n", "\r\n", StringComparison.Ordinal);

        Suggestion place = Assert.Single(Reader(Knows(Right)).Read(text).Suggestions);

        Assert.Equal(text.IndexOf('-', StringComparison.Ordinal), place.Start);
        Assert.Equal((3, 14, "-", "+"), (place.Line, place.Column, place.Text, place.Replacements[0].Text));
        Assert.InRange(place.Replacements[0].Probability, 0.5, 1);
        Assert.Equal(text.Replace('-', '+'), place.ApplyTo(text));
        Assert.Throws<ArgumentException>(() => place.ApplyTo(Right));
    }

    // The end of the word deleted, and its first token in place of the whole word, are one text.
    [Fact]
    public void EditsToOneText_AreOneReplacement()
    {
        const string Total = "int Sum(int cd, int b)\n{\n    return total - b;\n}\n";
        string text = Total.Replace("total", "totalx", StringComparison.Ordinal);

        Suggestion place = Reader(Knows(Total)).Read(text).Suggestions.MaxBy(suggestion => suggestion.Score)!;

        Assert.Equal(Total, place.ApplyTo(text));
        Assert.Equal(place.Replacements.Count, place.Replacements.Select(replacement => replacement.Text).Distinct().Count());
        Assert.InRange(place.Replacements[0].Probability, 0.6, 1);
    }

    [Fact]
    public void RightText_HasNoSuggestions()
    {
        ProofreadText read = Reader(Knows(Right)).Read(Right);

        Assert.Empty(read.Suggestions);
        Assert.All(read.Tokens, token => Assert.Equal(0, token.Suspicion));
        Assert.Equal(Right, string.Concat(read.Tokens.Select(token => Right.Substring(token.Start, token.Length))));
    }

    [Fact]
    public void EmptyText_IsNothing()
    {
        ProofreadText read = Reader(Knows(Right)).Read("");

        Assert.Empty(read.Tokens);
        Assert.Empty(read.Suggestions);
        Assert.Equal("", Reader(Knows(Right)).Fix("").Text);
        Assert.Empty(Reader(Knows(Right)).Read("\uFEFF").Tokens);
    }

    // Each token of a text much longer than the context is judged once, with tokens on both sides wherever there are any.
    [Fact]
    public void LongText_IsJudgedWithTextOnBothSides()
    {
        string text = string.Concat(Enumerable.Repeat(Right, 12)) + "x";
        int[] ids = s_tokenizer.Encode(text);
        TableDenoiser network = new(s_tokenizer.VocabularySize, s_tokenizer.MaskTokenId, (_, _, _) => 0) { MaxLength = 64 };

        ProofreadText read = Reader(network, threshold: 1).Read(text);

        Assert.Equal(ids, read.Tokens.Select(token => token.TokenId));
        Assert.All(read.Tokens, token => Assert.Equal(
            Math.Log2(s_tokenizer.VocabularySize - s_tokens.NeverEmitted.Count), token.Surprise, 6));
        int seen = 0;
        foreach ((int[] asked, int[] rows) in network.AskedIds.Zip(network.AskedRows))
        {
            Assert.InRange(asked.Length, 1, 64);
            seen += rows.Length;
            bool isFirst = asked[0] == s_tokenizer.BeginOfTextTokenId;
            bool isLast = asked[^1] == ids[^1] || asked[^1] == s_tokenizer.MaskTokenId;
            Assert.All(rows, row => Assert.True((isFirst || row >= 8) && (isLast || row < 56)));
            Assert.All(rows, row => Assert.Equal(s_tokenizer.MaskTokenId, asked[row]));
        }

        Assert.Equal(ids.Length, seen);
    }

    // If all the rest of a word were masked, each token of a text without spaces would take a sequence of its own.
    [Fact]
    public void WordWithoutEnd_IsJudgedInFewSequences()
    {
        TableDenoiser network = new(s_tokenizer.VocabularySize, s_tokenizer.MaskTokenId, (_, _, _) => 0);

        Assert.Equal(100, Reader(network, places: 0).Read(new string('q', 100)).Tokens.Count);

        Assert.InRange(network.AskedIds.Count, 1, 20);
        Assert.All(network.AskedIds, ids => Assert.Contains(s_tokenizer.Encode("q")[0], ids));
    }

    // Of the text that is left then the network can be asked nothing.
    [Fact]
    public void TextOfOneToken_OfAModelWithoutBegin_MayBeDeleted()
    {
        using ServingModel serving = new();
        Proofreader reader = new(
            serving.Load(1, config => config with { BosTokenId = null }),
            new ProofreadingOptions { Threshold = 0, PlacesPerHundredTokens = 100 });

        // All but one of these letters are not what the model would write.
        Assert.All("abcdefghijklmnopqrstuvwxyz", letter => Assert.Single(reader.Read(letter.ToString()).Tokens));
    }

    // Words of this tokenizer begin with a space, which it leaves out where a text begins.
    [Fact]
    public void FirstToken_IsReplacedByWhatItWouldBeThere()
    {
        using TemporaryFolder folder = new();
        Tokenizer llama = Tokenizer.Load(folder.Write("tokenizer.json", LlamaModelFolder.TokenizerJson));
        CanvasTokens tokens = new(llama.MaskTokenId, null, null)
        {
            NeverEmitted = [.. Enumerable.Range(0, llama.VocabularySize).Where(llama.IsSpecial)],
        };
        int space = llama.Encode("(")[0];
        TableDenoiser network = new(llama.VocabularySize, llama.MaskTokenId, (_, _, token) => token == space ? 30 : 0);
        ProofreadingOptions options = new() { PlacesPerHundredTokens = 0 };
        Proofreader reader = new(network, llama, tokens, isAutoregressive: false, begin: [], options);

        Suggestion place = reader.Read("sat (").Suggestions[0];

        Assert.Equal((0, "sat", ""), (place.Start, place.Text, place.Replacements[0].Text));
    }

    [Fact]
    public void ErrorsFarApart_AreAllRepaired()
    {
        string all = string.Concat(Enumerable.Repeat(Right, 6));
        string text = Right.Replace("a + b", "a - b", StringComparison.Ordinal) + string.Concat(Enumerable.Repeat(Right, 4))
            + Right.Replace("int a,", "int a", StringComparison.Ordinal);

        RepairedText repaired = Reader(Knows(all)).Fix(text);

        Assert.Equal(all, repaired.Text);
        Assert.Equal(2, repaired.Applied.Count);
    }

    [Fact]
    public void Fix_StopsAtTheMost()
    {
        string text = Right.Replace("a + b", "a - b", StringComparison.Ordinal);

        Assert.Equal(text, Reader(Knows(Right)).Fix(text, most: 0).Text);
    }

    // The first letter should be the last one, and the last another than the first: one of them is wrong, whatever stands there.
    [Fact]
    public void RestlessNetwork_Ends()
    {
        int[] ids = s_tokenizer.Encode("q;z");
        Assert.Equal(3, ids.Length);
        TableDenoiser network = new(s_tokenizer.VocabularySize, s_tokenizer.MaskTokenId, (asked, position, token) =>
            token == (position == 1 ? asked[3] : position == 2 ? ids[1] : asked[1] == ids[0] ? ids[2] : ids[0]) ? 40 : 0);

        RepairedText repaired = Reader(network, places: 0).Fix("q;q", most: 20);

        // By way of q;z and z;z; the next one would be the first text.
        Assert.Equal(("z;q", 3), (repaired.Text, repaired.Applied.Count));
    }

    // No theory: attributes cannot hold unpaired surrogates.
    private static readonly string[] s_hostile = ["a🙂b日本\r\n\uD83Dc", "\uFEFF🙂🙂🙂\r\n\r\n🙂", "naïve – é\u0301\tx", "a + b 🙂 + b\n"];

    [Fact]
    public void EditsOfHostileText_LeaveEverythingElse() => Assert.All(s_hostile, LeaveEverythingElse);

    private static void LeaveEverythingElse(string text)
    {
        // A token as probable as the hash of its surroundings says.
        TableDenoiser network = new(
            s_tokenizer.VocabularySize,
            s_tokenizer.MaskTokenId,
            (ids, position, token) => (uint)HashCode(ids, position, token) % 1000 == 0 ? 30 : 0);

        ProofreadText read = Reader(network, threshold: 0).Read(text);

        Assert.All(read.Suggestions, place =>
        {
            string edited = place.ApplyTo(text);
            Assert.StartsWith(text[..place.Start], edited, StringComparison.Ordinal);
            Assert.EndsWith(text[(place.Start + place.Length)..], edited, StringComparison.Ordinal);
            Assert.False(place.Start > 0 && char.IsHighSurrogate(text[place.Start - 1]) && place.Start < text.Length
                && char.IsLowSurrogate(text[place.Start]));
            Assert.DoesNotContain('\uFFFD', string.Concat(place.Replacements.Select(replacement => replacement.Text)));
        });
        Assert.Equal(read.Suggestions.OrderBy(place => place.Start), read.Suggestions);
        ProofreadText again = Reader(network, threshold: 0).Read(text);
        Assert.Equal(read.Suggestions.Select(place => place.Replacements[0]), again.Suggestions.Select(place => place.Replacements[0]));
    }

    [Fact]
    public void Autoregressive_KnowsTheLeftSideOnly()
    {
        string text = Right.Replace("a + b", "a - b", StringComparison.Ordinal);
        int[] right = [s_tokenizer.BeginOfTextTokenId, .. s_tokenizer.Encode(Right)];
        TableDenoiser network = new(s_tokenizer.VocabularySize, s_tokenizer.MaskTokenId, (ids, position, token) =>
            position < right.Length && token == right[position] ? 30 : 0);

        Suggestion place = Assert.Single(Reader(network, isAutoregressive: true, places: 0).Read(text).Suggestions);

        Assert.Equal(("-", "+"), (place.Text, place.Replacements[0].Text));
        Assert.Equal(text.Replace('-', '+'), Reader(network, isAutoregressive: true).Fix(text).Text);
        Assert.All(network.AskedIds, ids => Assert.DoesNotContain(s_tokenizer.MaskTokenId, ids));
    }

    [Fact]
    public void Steps_ArePassesAndTellTheShare()
    {
        Proofreader reader = Reader(Knows(Right));
        string text = Right.Replace("a + b", "a - b", StringComparison.Ordinal);
        ProofreadingRun run = reader.Start(text);
        double last = 0;
        int steps = 0;
        Assert.Throws<InvalidOperationException>(() => run.Result);
        while (run.Step())
        {
            Assert.InRange(run.Progress, last, 1);
            last = run.Progress;
            steps++;
        }

        Assert.InRange(steps, 2, 1000);
        Assert.Equal(1, run.Progress);
        Assert.Equal(reader.Read(text).Suggestions[0].Score, run.Result.Suggestions[0].Score);
        using CancellationTokenSource cancelled = new();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => reader.Read(text, progress: null, cancelled.Token));
    }

    private static Proofreader Reader(
        IDenoiser network, bool isAutoregressive = false, double threshold = 12, int places = 10) => new(
        network,
        s_tokenizer,
        s_tokens,
        isAutoregressive,
        [s_tokenizer.BeginOfTextTokenId],
        new ProofreadingOptions { Threshold = threshold, PlacesPerHundredTokens = places });

    // Expects at a position what stands in the right text where the tokens around agree with it: a token is the more probable the longer
    // the stretch of right text is that it fits into. Masks fit everything; the left side counts more, so that of two equal tokens one is
    // wrong.
    private static TableDenoiser Knows(string right)
    {
        int[] ids = s_tokenizer.Encode(right);
        return new TableDenoiser(s_tokenizer.VocabularySize, s_tokenizer.MaskTokenId, (asked, position, token) =>
        {
            int best = 0;
            for (int at = 0; at < ids.Length; at++)
            {
                if (ids[at] == token)
                {
                    best = Math.Max(best, (12 * Agreement(asked, position, ids, at, -1)) + (8 * Agreement(asked, position, ids, at, 1)));
                }
            }

            return best;
        });
    }

    private static int Agreement(int[] asked, int position, int[] right, int at, int step)
    {
        int count = 0;
        for (int i = step; count < 3; i += step)
        {
            (int a, int b) = (position + i, at + i);
            bool agrees = a >= 0 && a < asked.Length && b >= 0 && b < right.Length
                && (asked[a] == right[b] || asked[a] == s_tokenizer.MaskTokenId);
            bool bothEnd = (a < 0 || a >= asked.Length || asked[a] == s_tokenizer.BeginOfTextTokenId) && (b < 0 || b >= right.Length);
            if (!agrees && !bothEnd)
            {
                break;
            }

            count++;
        }

        return count;
    }

    private static int HashCode(int[] ids, int position, int token)
    {
        uint hash = (uint)((position * 31) + token);
        foreach (int id in ids)
        {
            hash = (hash * 16_777_619) ^ (uint)id;
        }

        return (int)((hash ^ (hash >> 15)) * 2_654_435_761 >> 1);
    }
}
