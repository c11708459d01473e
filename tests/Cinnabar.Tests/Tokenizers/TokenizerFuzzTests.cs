using System.Diagnostics;
using System.Text;
using Cinnabar.Tests.Checkpoints;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Tokenizers;

/// <summary>Damaged files of every family: they load or end in one error, and what loads encodes and decodes any text.</summary>
public sealed class TokenizerFuzzTests : IDisposable
{
    private static readonly string[] s_pieces =
    [
        "null", "true", "[]", "{}", "0", "-1", "1e9", "99999999999", "\"\"", "\"a\"", "\"\\ud800\"", "\"Sequence\"", "\"Split\"", "\"NFC\"",
        "\"BPE\"", "\"WordPiece\"", "\"ByteLevel\"", "\"Metaspace\"", ",", ":", "\"", "}", "]", "\u0000", "[[[[[[[[[[[[[[[[[[",
    ];

    private readonly TemporaryFolder _folder = new();
    private readonly string _path;

    public TokenizerFuzzTests() => _path = _folder["x.json"];

    public void Dispose() => _folder.Dispose();

    // CINNABAR_FUZZ_SECONDS makes it longer.
    [Fact]
    public void Load_MutatedFamilies_LoadOrGiveOneError()
    {
        double seconds = double.TryParse(Environment.GetEnvironmentVariable("CINNABAR_FUZZ_SECONDS"), out double given) ? given : 1;
        string[] families = [.. TokenizerData.Families.Select(row => File.ReadAllText(TokenizerData.FamilyPath(row)))];
        int seed = 0;
        int loaded = 0;
        for (Stopwatch watch = Stopwatch.StartNew(); watch.Elapsed.TotalSeconds < seconds || seed < 20; seed++)
        {
            Random random = new(seed);
            File.WriteAllText(_path, Mutate(families[seed % families.Length], random));
            try
            {
                Tokenizer tokenizer = Tokenizer.Load(_path);
                string text = TokenizerData.RandomUnicode(random, 60) + TokenizerData.Jumble(seed, 20);
                int[] ids = tokenizer.Encode(text, parseSpecialTokens: true, addSpecialTokens: true);
                tokenizer.Decode(ids, skipSpecialTokens: false);
                loaded++;
            }
            catch (CinnabarException failure)
            {
                Assert.StartsWith(_path, failure.Message);
            }
            catch (Exception failure) when (failure is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {seed}: {failure}");
            }
        }

        Assert.InRange(loaded, 1, seed - 1);
    }

    private static string Mutate(string json, Random random)
    {
        StringBuilder text = new(json);
        for (int i = 0; i < 1 + random.Next(3); i++)
        {
            // Most of a file is vocabulary: half of the changes go to the components before and after it.
            int at = random.Next(2) == 0 ? random.Next(text.Length) : random.Next(Math.Min(text.Length, 900));
            switch (random.Next(4))
            {
                case 0:
                    text[at] = (char)random.Next(128);
                    break;
                case 1:
                    text.Remove(at, Math.Min(random.Next(40), text.Length - at));
                    break;
                case 2:
                    text.Insert(at, s_pieces[random.Next(s_pieces.Length)]);
                    break;
                default:
                    ReplaceValue(text, at, s_pieces[random.Next(s_pieces.Length)]);
                    break;
            }
        }

        return text.ToString();
    }

    // The value after the next colon becomes another: such a file is still JSON more often than not.
    private static void ReplaceValue(StringBuilder text, int at, string value)
    {
        string rest = text.ToString(at, text.Length - at);
        int colon = rest.IndexOf(':');
        int end = colon < 0 ? -1 : rest.IndexOfAny([',', '}', ']'], colon);
        if (end > 0)
        {
            text.Remove(at + colon + 1, end - colon - 1).Insert(at + colon + 1, value);
        }
    }
}
