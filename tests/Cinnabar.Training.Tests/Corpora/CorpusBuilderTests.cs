using System.Security.Cryptography;
using System.Text;
using Cinnabar.Tokenizers;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Tests.Corpora;

public sealed class CorpusBuilderTests : IDisposable
{
    private readonly SourceFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Build_ManyFiles_StoresEachTextOnceBetweenBeginAndEnd()
    {
        _folder.WriteMany(60);
        CorpusManifest manifest = new CorpusBuilder(_folder.Options).Build(_folder.Corpus);
        Tokenizer tokenizer = Tokenizer.Load(_folder.Corpus);
        List<string> texts = [];
        foreach (string split in CorpusFiles.Splits)
        {
            TokenDataset dataset = TokenDataset.Open(_folder.Corpus, split);
            Assert.InRange(dataset.DocumentCount, 1, 59);
            Assert.Equal(manifest.Splits[split].Documents, dataset.DocumentCount);
            Assert.Equal(manifest.Splits[split].Tokens, dataset.TokenCount);
            string[] paths = File.ReadAllLines(Path.Combine(_folder.Corpus, CorpusFiles.Paths(split)));
            Assert.Equal(dataset.DocumentCount, paths.Length);
            long bytes = 0;
            for (int i = 0; i < dataset.DocumentCount; i++)
            {
                int[] ids = dataset.Document(i);
                Assert.Equal(tokenizer.BeginOfTextTokenId, ids[0]);
                Assert.Equal(tokenizer.EndOfTextTokenId, ids[^1]);
                texts.Add(tokenizer.Decode(ids));
                bytes += Encoding.UTF8.GetByteCount(texts[^1]);
                Assert.Equal(File.ReadAllText(Path.Combine(_folder.Sources, paths[i]["own/".Length..])), texts[^1]);
            }

            Assert.Equal(manifest.Splits[split].Bytes, bytes);
        }

        Assert.Equal(Enumerable.Range(0, 60).Select(SourceFolder.Code).Order(StringComparer.Ordinal), texts.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Build_Twice_GivesTheSameBytesForAnyNumberOfThreads()
    {
        _folder.WriteMany(40);
        new CorpusBuilder(_folder.Options with { Threads = 1 }).Build(_folder.Corpus);
        string first = HashAll(_folder.Corpus);
        new CorpusBuilder(_folder.Options with { Threads = 4 }).Build(_folder.Corpus);
        Assert.Equal(first, HashAll(_folder.Corpus));
        Assert.Equal([_folder.Corpus, _folder.Sources], Directory.GetDirectories(_folder.Root).Order());
    }

    [Fact]
    public void Build_Cancelled_StopsBeforeTheNextFile()
    {
        _folder.WriteMany(3);
        CorpusBuilder builder = new(_folder.Options, progress: null, new CancellationToken(canceled: true));
        Assert.ThrowsAny<OperationCanceledException>(() => builder.Build(_folder.Corpus));
        Assert.Equal([_folder.Sources], Directory.GetDirectories(_folder.Root));
    }

    [Fact]
    public void Build_OneFileMore_LeavesTheOthersInTheirSplits()
    {
        _folder.WriteMany(40);
        CorpusOptions options = _folder.Options with { NearDuplicateSimilarity = 2 };
        new CorpusBuilder(options).Build(_folder.Corpus);
        string paths = Path.Combine(_folder.Corpus, CorpusFiles.Paths("validation"));
        string[] before = File.ReadAllLines(paths);
        Assert.NotEmpty(before);
        _folder.Write("Other/More.cs", SourceFolder.Code(1000));
        new CorpusBuilder(options).Build(_folder.Corpus);
        Assert.Equal(before, File.ReadAllLines(paths).Where(path => !path.Contains("Other")));
    }

    [Fact]
    public void Build_TrainsTheTokenizerOnTheTrainSplitAlone()
    {
        _folder.WriteMany(30);
        new CorpusBuilder(_folder.Options).Build(_folder.Corpus);
        byte[] tokenizer = File.ReadAllBytes(Path.Combine(_folder.Corpus, CorpusFiles.Tokenizer));
        foreach (string path in File.ReadAllLines(Path.Combine(_folder.Corpus, CorpusFiles.Paths("test"))))
        {
            _folder.Write(path["own/".Length..], SourceFolder.Code(path.Length + 5000)); // other words in the test split
        }

        new CorpusBuilder(_folder.Options).Build(_folder.Corpus);
        Assert.Equal(tokenizer, File.ReadAllBytes(Path.Combine(_folder.Corpus, CorpusFiles.Tokenizer)));
    }

    [Fact]
    public void Build_HeldOutFileThatMostlyRepeatsTrain_IsLeftOut()
    {
        _folder.WriteMany(40);
        CorpusOptions options = _folder.Options with { NearDuplicateSimilarity = 2 };
        CorpusManifest whole = new CorpusBuilder(options).Build(_folder.Corpus);
        Assert.All(CorpusFiles.Splits.Skip(1), split => Assert.Equal(new DocumentCount(0, 0), whole.HeldOutRepeats![split]));
        byte[] tokenizer = File.ReadAllBytes(Path.Combine(_folder.Corpus, CorpusFiles.Tokenizer));
        byte[] train = File.ReadAllBytes(Path.Combine(_folder.Corpus, CorpusFiles.Tokens("train", 0)));
        string source = FirstPath("train");
        string test = FirstPath("test");
        string validation = FirstPath("validation");

        // 600 bytes of a training file beside 400 of its own, and 400 beside 600.
        string copied = File.ReadAllText(Path.Combine(_folder.Sources, source));
        _folder.Write(test, SourceFolder.Code(7001)[..^200] + copied);
        _folder.Write(validation, SourceFolder.Code(7002) + copied[..^200]);
        CorpusManifest manifest = new CorpusBuilder(options).Build(_folder.Corpus);
        Assert.Equal(1, manifest.HeldOutRepeats!["test"].Documents);
        Assert.True(manifest.HeldOutRepeats["test"].Tokens > 100);
        Assert.Equal(new DocumentCount(0, 0), manifest.HeldOutRepeats["validation"]);
        Assert.Equal(1, manifest.Dropped["repeats train"].Files);
        Assert.Equal(whole.Splits["test"].Documents - 1, manifest.Splits["test"].Documents);
        Assert.Equal(whole.Splits["validation"].Documents, manifest.Splits["validation"].Documents);
        Assert.Contains($"repeats train\town/{test}", File.ReadAllLines(Path.Combine(_folder.Corpus, CorpusFiles.Dropped)));
        Assert.DoesNotContain($"own/{test}", File.ReadAllLines(Path.Combine(_folder.Corpus, CorpusFiles.Paths("test"))));
        Assert.Equal(tokenizer, File.ReadAllBytes(Path.Combine(_folder.Corpus, CorpusFiles.Tokenizer)));
        Assert.Equal(train, File.ReadAllBytes(Path.Combine(_folder.Corpus, CorpusFiles.Tokens("train", 0))));
    }

    [Fact]
    public void Build_UnwantedFiles_AreDroppedWithTheirReasons()
    {
        _folder.WriteMany(20);
        string code = SourceFolder.Code(99);
        _folder.Write("a/small.cs", "class A;\n");
        _folder.Write("a/large.cs", string.Concat(Enumerable.Range(0, 500).Select(SourceFolder.Code)));
        _folder.Write("a/generated.cs", "// <auto-generated/>\n" + code);
        _folder.Write("a/line.cs", code + new string('x', 700) + "\n");
        _folder.Write("a/table.cs", string.Concat(Enumerable.Range(0, 200).Select(i => $"0x{i * 48271:X8}, {(i * i) + 1000},\n")));
        _folder.Write("a/repeats.cs", string.Concat(Enumerable.Repeat("        value = Next(value);\n", 200)));
        _folder.Write("a/latin1.cs", [.. Encoding.UTF8.GetBytes(code), 0xE9, (byte)'\n']);
        _folder.Write("a/binary.cs", code + "\0\n");
        _folder.Write("a/gpl.cs", "// Licensed under the GNU General Public License, version 2.\n\n" + code);
        _folder.Write("b/Code.Designer.cs", code);
        _folder.Write("b/Code.txt", code);
        _folder.Write("obj/Code.cs", code);
        _folder.Write("z/again.cs", SourceFolder.Code(3).Replace("\n", "\r\n").Replace("    ", "\t"));
        _folder.Write("z/nearly.cs", SourceFolder.Code(4).Replace("Part4", "Part40"));
        CorpusManifest manifest = new CorpusBuilder(_folder.Options with { Licences = ["MIT"] }).Build(_folder.Corpus);
        string[] reasons =
        [
            "binary", "data", "duplicate", "generated", "licence", "long lines", "near duplicate", "not UTF-8", "repetitive",
            "too large", "too small",
        ];
        Assert.Equal(reasons, manifest.Dropped.Keys);
        Assert.All(manifest.Dropped.Values, count => Assert.Equal(1, count.Files));
        Assert.Equal(31, manifest.Sources["own"].Found.Files);
        Assert.Equal(20, manifest.Sources["own"].Kept.Files);
        Assert.Equal(20, manifest.Licences["MIT"].Files);
        Assert.Contains("near duplicate\town/z/nearly.cs", File.ReadAllLines(Path.Combine(_folder.Corpus, CorpusFiles.Dropped)));
    }

    [Fact]
    public void Build_WindowsText_IsStoredWithoutMarkAndCarriageReturns()
    {
        string text = "using System;\n\n" + SourceFolder.Code(1);
        string windows = "// Copyright (c) Someone.\r\n" + text.Replace(";\n", ";  \r\n") + "\r\n\r\n";
        _folder.Write("One.cs", [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(windows)]);
        new CorpusBuilder(_folder.Options with { ValidationShare = 0, TestShare = 0 }).Build(_folder.Corpus);
        Assert.Equal(text, Tokenizer.Load(_folder.Corpus).Decode(TokenDataset.Open(_folder.Corpus, "train").Document(0)));
        Assert.Equal(0, TokenDataset.Open(_folder.Corpus, "test").DocumentCount);
    }

    [Fact]
    public void Build_TextThatSpellsASpecialToken_HoldsNoSuchToken()
    {
        _folder.Write("One.cs", "// <|endoftext|><|mask|>\n" + SourceFolder.Code(1));
        new CorpusBuilder(_folder.Options with { ValidationShare = 0, TestShare = 0 }).Build(_folder.Corpus);
        int[] ids = TokenDataset.Open(_folder.Corpus, "train").Document(0);
        Assert.All(ids[1..^1], id => Assert.InRange(id, 4, 299));
    }

    [Fact]
    public void Build_LinkInSources_IsNotFollowed()
    {
        _folder.WriteMany(5);
        Directory.CreateSymbolicLink(Path.Combine(_folder.Sources, "circle"), _folder.Sources);
        Assert.Equal(5, new CorpusBuilder(_folder.Options).Build(_folder.Corpus).Sources["own"].Found.Files);
    }

    [Fact]
    public void Build_CorpusBelowItsSource_IsNotReadIntoTheNext()
    {
        _folder.WriteMany(40);
        _folder.Write("mine.cinnabar-new-left/Half.cs", SourceFolder.Code(500)); // as a killed build leaves it
        _folder.Write("mine.cs", SourceFolder.Code(501));
        _folder.Write("mine2/More.cs", SourceFolder.Code(502));
        string corpus = Path.Combine(_folder.Sources, "mine");
        CorpusOptions options = _folder.Options with { Patterns = ["*.cs", "*.txt"] };
        Assert.Equal(42, new CorpusBuilder(options).Build(corpus).Sources["own"].Found.Files);
        string first = HashAll(corpus);
        Assert.Equal(42, new CorpusBuilder(options).Build(corpus + Path.DirectorySeparatorChar).Sources["own"].Found.Files);
        Assert.Equal(first, HashAll(corpus));
    }

    [Fact]
    public void Build_GivenTokenizer_IsUsed()
    {
        _folder.WriteMany(10);
        string path = Path.Combine(_folder.Root, "bytes.json");
        new BpeTrainer(new BpeTrainerOptions { VocabularySize = 260 }).Train([]).Save(path);
        CorpusManifest manifest = new CorpusBuilder(_folder.Options with { TokenizerPath = path }).Build(_folder.Corpus);
        Assert.Equal(260, manifest.VocabularySize);
        Assert.All(manifest.Splits.Values, split => Assert.Equal(split.Bytes + (2 * split.Documents), split.Tokens));
    }

    [Fact]
    public void Build_FolderWithOtherFiles_IsRefusedAndUntouched()
    {
        _folder.WriteMany(3);
        Directory.CreateDirectory(_folder.Corpus);
        string precious = Path.Combine(_folder.Corpus, "precious.txt");
        File.WriteAllText(precious, "mine");
        Assert.Throws<CinnabarException>(() => new CorpusBuilder(_folder.Options).Build(_folder.Corpus));
        Assert.Equal("mine", File.ReadAllText(precious));
    }

    [Fact]
    public void Build_NothingLeft_SaysSoAndLeavesNoFolder()
    {
        _folder.Write("small.cs", "class A;\n");
        CorpusBuilder builder = new(_folder.Options);
        Assert.Contains("0 were kept", Assert.Throws<CinnabarException>(() => builder.Build(_folder.Corpus)).Message);
        Assert.Equal([_folder.Sources], Directory.GetDirectories(_folder.Root));
    }

    [Fact]
    public void Constructor_OptionsOutOfRange_Throws()
    {
        CorpusOptions options = _folder.Options;
        Assert.Throws<CinnabarException>(() => new CorpusBuilder(options with { Sources = [] }));
        Assert.Throws<CinnabarException>(() => new CorpusBuilder(options with { Sources = [options.Sources[0], options.Sources[0]] }));
        Assert.Throws<CinnabarException>(() => new CorpusBuilder(options with { ValidationShare = 0.5, TestShare = 0.5 }));
        Assert.Throws<CinnabarException>(() => new CorpusBuilder(options with { TestShare = double.NaN }));
        CorpusSource missing = options.Sources[0] with { Folder = Path.Combine(_folder.Root, "missing") };
        Assert.Throws<CinnabarException>(() => new CorpusBuilder(options with { Sources = [missing] }).Build(_folder.Corpus));
    }

    private string FirstPath(string split) =>
        File.ReadLines(Path.Combine(_folder.Corpus, CorpusFiles.Paths(split))).First()["own/".Length..];

    private static string HashAll(string folder)
    {
        return string.Join('\n', Directory.GetFiles(folder).Order(StringComparer.Ordinal)
            .Select(path => $"{Path.GetFileName(path)} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)))}"));
    }
}
