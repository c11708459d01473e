using System.Globalization;
using System.IO.Compression;
using System.Text;
using Cinnabar.Tokenizers;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Tests.Corpora;

public sealed class DocumentCutTests : IDisposable
{
    private static readonly DocumentCut s_rows = new() { Text = "text" };

    private readonly SourceFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void PlainText_Separators_AreDroppedAndEmptyDocumentsLeftOut()
    {
        DocumentCut cut = new() { Separators = ["<|endoftext|>"] };
        CutDocument[] documents =
            [.. PlainTextCut.Documents("<|endoftext|>\nOne.\n\nTwo.\r\n<|endoftext|>  \n \n<|endoftext|>\nThree.", cut)];
        Assert.Equal(["One.\n\nTwo.\n", "Three.\n"], documents.Select(document => document.Text));
        Assert.All(documents, document => Assert.Null(document.Whole));
    }

    [Fact]
    public void PlainText_VolumesAndHeadings_MakeDocumentsThatBelongTogether()
    {
        DocumentCut cut = new() { Volumes = ["<<<BOOK *>>>"], Headings = ["CHAPTER *"] };
        CutDocument[] documents =
            [.. PlainTextCut.Documents("<<<BOOK a>>>\nA\nChapter 1.\nx\nCHAPTER II.\ny\n<<<BOOK a>>>\nChapter 1.\nz\n", cut)];
        Assert.Equal(["A\n", "Chapter 1.\nx\n", "CHAPTER II.\ny\n", "Chapter 1.\nz\n"], documents.Select(document => document.Text));
        Assert.Single(documents[..3].Select(document => document.Whole).Distinct());
        Assert.NotEqual(documents[0].Whole, documents[3].Whole); // a second book of that name
    }

    [Fact]
    public void Unwrap_Paragraphs_AreLinesAndVerseStays()
    {
        string text = "\n\nOnce there\nwas a frog.\n\n\n\n   Sing,\n   frog!\nIt sang\non.\n";
        Assert.Equal("Once there was a frog.\n\n   Sing,\n   frog!\nIt sang on.", PlainTextCut.Unwrap(text));
    }

    [Fact]
    public void JsonLines_TextTitleAndTurns_AreRead()
    {
        string lines = """
            {"id": 1, "title": "Frog", "text": "It sang."}

            {"title": "", "text": [["USER", "Hello"], ["SYSTEM", "Yes?"]]}
            {"title": "Nothing", "text": " "}
            """;
        CutDocument[] documents = [.. JsonLinesCut.Documents(lines, s_rows with { Title = "title" }, "f")];
        Assert.Equal(["Frog\n\nIt sang.", "USER: Hello\nSYSTEM: Yes?"], documents.Select(document => document.Text));
    }

    [Fact]
    public void JsonLines_Join_MakesOneDocumentOfRowsInARow()
    {
        string lines = """
            {"story": "a", "text": "1"}
            {"story": "a", "text": "2"}
            {"story": "b", "text": "3"}
            {"story": "a", "text": "4"}
            """;
        CutDocument[] documents = [.. JsonLinesCut.Documents(lines, s_rows with { Join = "story", Whole = "story" }, "f")];
        Assert.Equal(["1\n2", "3", "4"], documents.Select(document => document.Text));
        Assert.Equal(["a", "b", "a"], documents.Select(document => document.Whole));
    }

    [Theory]
    [InlineData("[]", "a JSON object")]
    [InlineData("{\"text\": \"a\"", "valid JSON")]
    [InlineData("{\"text\": \"a\", \"text\": \"b\"}", "valid JSON")]
    [InlineData("{\"text\": \"\\ud800\"}", "valid JSON")]
    [InlineData("{\"words\": \"a\"}", "the property \"text\"")]
    [InlineData("{\"text\": 3}", "a text as \"text\"")]
    [InlineData("{\"text\": [[\"USER\"]]}", "turns [speaker, words]")]
    [InlineData("{\"text\": [3]}", "turns [speaker, words]")]
    public void JsonLines_WrongLine_IsNamed(string line, string expected)
    {
        string lines = "{\"text\": \"a\"}\n" + line;
        string message = Assert.Throws<CinnabarException>(() => JsonLinesCut.Documents(lines, s_rows, "set.jsonl").ToArray()).Message;
        Assert.Contains("set.jsonl, line 2", message);
        Assert.Contains($"expected {expected}", message);
    }

    [Fact]
    public void PackedText_GzipAndPlain_AreTheSame()
    {
        _folder.Write("plain.txt", "\uFEFFé\n");
        _folder.Write("packed.txt.gz", Gzip("é\n"));
        Assert.Equal("é\n", PackedText.Read(Path.Combine(_folder.Sources, "plain.txt")));
        Assert.Equal("é\n", PackedText.Read(Path.Combine(_folder.Sources, "packed.txt.gz")));
    }

    [Fact]
    public void PackedText_WrongFiles_AreRefused()
    {
        _folder.Write("a.gz", "no gzip");
        _folder.Write("b.txt", [(byte)'a', 0xE9, (byte)'\n']);
        _folder.Write("c.xz", "?");
        _folder.Write("d.gz", Gzip(new string('a', 100_000))[..60]);
        _folder.Write("e.txt.gz", Gzip(new string('a', 3 << 20)));
        Assert.All(
            ["a.gz", "b.txt", "c.xz", "d.gz", "e.txt.gz", "none.txt"],
            name => Assert.Contains(
                name,
                Assert.Throws<CinnabarException>(() => PackedText.Read(Path.Combine(_folder.Sources, name), mostBytes: 2 << 20)).Message));
    }

    [Fact]
    public void Build_SetsThatAreCut_AreSplitByVolumeBoundedAndRepeated()
    {
        // 60 books of 4 chapters; repeated dialogues.
        _folder.Write("books.txt", string.Concat(Enumerable.Range(0, 60).Select(book => $"<<<BOOK {book}>>>\n" + string.Concat(
            Enumerable.Range(0, 4).Select(chapter => $"CHAPTER {chapter}\n{SourceFolder.Code((book * 4) + chapter)}")))));
        _folder.Write("talk.jsonl.gz", Gzip(string.Join('\n', Enumerable.Range(1000, 30).Select(i =>
            $$"""{"turns": [["A", "“{{i}}”"], ["B", {{Quoted(SourceFolder.Code(i))}}]]}"""))));
        CorpusSource books = new()
        {
            Folder = _folder.Sources,
            Name = "books",
            Licence = "MIT",
            Patterns = ["books.txt"],
            Cut = new DocumentCut { Volumes = ["<<<BOOK *>>>"], Headings = ["CHAPTER *"] },
            MaxBytes = 100_000,
        };
        CorpusSource talk = books with
        {
            Name = "talk", Patterns = ["*.gz"], Cut = new DocumentCut { Text = "turns", PlainQuotes = true }, Repeat = 3, MaxBytes = null,
        };
        CorpusOptions options = _folder.Options with { Sources = [books, talk], MinFileBytes = 10, Licences = ["MIT"] };
        CorpusManifest manifest = new CorpusBuilder(options).Build(_folder.Corpus);
        (int Book, string Split)[] chapters = [.. CorpusFiles.Splits.SelectMany(split => Paths(split)
            .Where(path => path.StartsWith("books/", StringComparison.Ordinal))
            .Select(path => (int.Parse(path[^6..], CultureInfo.InvariantCulture) / 4, split)))];
        Assert.All(chapters.GroupBy(chapter => chapter.Book), book => Assert.Single(book.Select(chapter => chapter.Split).Distinct()));
        Assert.Equal(3, chapters.Select(chapter => chapter.Split).Distinct().Count());
        Assert.Equal(270, manifest.Sources["books"].Found.Files + manifest.Sources["talk"].Found.Files);
        Assert.InRange(manifest.Sources["books"].Kept.Bytes, 50_000, 100_000);
        Assert.True(manifest.Dropped["beyond its bound"].Files > 50);
        string[] talks = [.. Paths("train").Where(path => path.StartsWith("talk/", StringComparison.Ordinal))];
        Assert.All(talks.GroupBy(path => path), copies => Assert.Equal(3, copies.Count()));
        Assert.True(Paths("test").Concat(Paths("validation")).Where(path => path.StartsWith("talk/", StringComparison.Ordinal))
            .GroupBy(path => path).All(copies => copies.Count() == 1));
        TokenDataset train = TokenDataset.Open(_folder.Corpus, "train");
        int first = Array.FindIndex(Paths("train"), path => path.StartsWith("talk/", StringComparison.Ordinal));
        Assert.StartsWith("A: \"1", Tokenizer.Load(_folder.Corpus).Decode(train.Document(first)));
        Assert.Equal(manifest.Splits.Values.Sum(split => split.Tokens), manifest.Sources.Values.Sum(source => source.Tokens));
    }

    [Fact]
    public void Constructor_CutsThatDoNotFit_Throw()
    {
        CorpusSource source = _folder.Options.Sources[0];
        Assert.All(
            [
                source with { Cut = new DocumentCut() },
                source with { Cut = new DocumentCut { Text = "text", Headings = ["*"] } },
                source with { Cut = new DocumentCut { Title = "title", Headings = ["*"] } },
                source with { Cut = new DocumentCut { Separators = [""] } },
                source with { Repeat = 0 },
                source with { Repeat = 101 },
                source with { MaxBytes = 0 },
            ],
            wrong => Assert.Contains(
                "'own'",
                Assert.Throws<CinnabarException>(() => new CorpusBuilder(_folder.Options with { Sources = [wrong] })).Message));
    }

    [Fact]
    public void Build_WrongLineInASet_NamesItAndLeavesNoFolder()
    {
        _folder.Write("set.jsonl", "{\"text\": \"a\"}\n{\"text\": 1}\n");
        CorpusSource source = _folder.Options.Sources[0] with { Cut = s_rows, Patterns = ["*.jsonl"] };
        CorpusBuilder builder = new(_folder.Options with { Sources = [source] });
        Assert.Contains("set.jsonl, line 2: ", Assert.Throws<CinnabarException>(() => builder.Build(_folder.Corpus)).Message);
        Assert.Equal([_folder.Sources], Directory.GetDirectories(_folder.Root));
    }

    [Fact]
    public void Build_SetThatIsMissing_SaysSo()
    {
        CorpusSource source = _folder.Options.Sources[0] with { Cut = s_rows, Patterns = ["*.jsonl"] };
        CorpusBuilder builder = new(_folder.Options with { Sources = [source] });
        Assert.Contains("found none", Assert.Throws<CinnabarException>(() => builder.Build(_folder.Corpus)).Message);
    }

    private static string Quoted(string text) => System.Text.Json.JsonSerializer.Serialize(text);

    private static byte[] Gzip(string text) => Gzip(Encoding.UTF8.GetBytes(text));

    private static byte[] Gzip(byte[] bytes)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(bytes);
        }

        return packed.ToArray();
    }

    private string[] Paths(string split) => File.ReadAllLines(Path.Combine(_folder.Corpus, CorpusFiles.Paths(split)));
}
