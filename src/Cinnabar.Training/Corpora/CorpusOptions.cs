using System.Text.Json.Serialization;

namespace Cinnabar.Training.Corpora;

/// <summary>A folder whose text goes into a corpus.</summary>
public sealed record CorpusSource
{
    /// <summary>The folder to read, with everything below it. Not in manifests: it is a matter of the machine.</summary>
    [JsonIgnore]
    public string Folder { get; init; } = "";

    /// <summary>The name that paths begin with in the corpus; it must not depend on the machine, for the split follows from it.</summary>
    public required string Name { get; init; }

    /// <summary>The licence (SPDX) of files that name none themselves; null where it is not known.</summary>
    public string? Licence { get; init; }

    /// <summary>Patterns of paths below the folder that are left out; * stands for any characters, slashes too.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>Patterns of the names of its files; null (the default): <see cref="CorpusOptions.Patterns"/>.</summary>
    public IReadOnlyList<string>? Patterns { get; init; }

    /// <summary>How a file is cut into documents; null (the default): a file is one. Files that are cut may be packed with gzip.</summary>
    public DocumentCut? Cut { get; init; }

    /// <summary>How many times each of its documents stands in the split "train", 1 … 100.</summary>
    public int Repeat { get; init; } = 1;

    /// <summary>
    /// Most bytes of its text, each split having its share of them, documents taken in their order; null (the default): all of it.
    /// </summary>
    public long? MaxBytes { get; init; }
}

/// <summary>What goes into a corpus, and how it is cut.</summary>
public sealed record CorpusOptions
{
    /// <summary>The folders.</summary>
    public required IReadOnlyList<CorpusSource> Sources { get; init; }

    /// <summary>Patterns of file names that are read; * stands for any characters. Default: common source and text files.</summary>
    public IReadOnlyList<string> Patterns { get; init; } =
    [
        "*.cs", "*.fs", "*.vb", "*.c", "*.h", "*.cc", "*.cpp", "*.hpp", "*.rs", "*.go", "*.java", "*.kt", "*.swift", "*.py", "*.rb",
        "*.lua", "*.js", "*.ts", "*.tsx", "*.jsx", "*.sql", "*.sh", "*.ps1", "*.html", "*.css", "*.razor", "*.xaml", "*.md", "*.rst",
        "*.txt",
    ];

    /// <summary>Patterns of paths that are left out, as in <see cref="CorpusSource.Exclude"/>. Default: generated files.</summary>
    public IReadOnlyList<string> Exclude { get; init; } =
    [
        "*/bin/*", "*/obj/*", "*/artifacts/*", "*/node_modules/*", "*/.*", "*.g.cs", "*.g.i.cs", "*.Designer.cs", "*.Generated.cs",
        "*AssemblyInfo.cs",
    ];

    /// <summary>The licences (SPDX) a file may have; empty (the default) for any. Files of another licence are left out.</summary>
    public IReadOnlyList<string> Licences { get; init; } = [];

    /// <summary>Smallest file, or document of a cut file, in bytes after its licence header is removed.</summary>
    public int MinFileBytes { get; init; } = 200;

    /// <summary>Largest file, or document of a cut file, in bytes.</summary>
    public int MaxFileBytes { get; init; } = 250_000;

    /// <summary>Longest line, in characters.</summary>
    public int MaxLineLength { get; init; } = 600;

    /// <summary>Highest mean length of the lines that are not blank, in characters.</summary>
    public double MaxMeanLineLength { get; init; } = 110;

    /// <summary>Highest share of digits and long unbroken runs (hexadecimal, base64) in the visible characters: more is data.</summary>
    public double MaxDataShare { get; init; } = 0.25;

    /// <summary>Lowest share of a file that is left when it is compressed (Deflate): less repeats itself.</summary>
    public double MinCompressedShare { get; init; } = 0.1;

    /// <summary>Share of equal 5-word runs (Jaccard) from which two files count as the same; above 1 keeps near duplicates.</summary>
    public double NearDuplicateSimilarity { get; init; } = 0.7;

    /// <summary>Whether a licence comment at the top of a file is removed: a model would learn it by heart.</summary>
    public bool StripLicenceHeaders { get; init; } = true;

    /// <summary>Share of the files, or documents of cut files, in the split "validation".</summary>
    public double ValidationShare { get; init; } = 0.01;

    /// <summary>Share of the files, or documents of cut files, in the split "test".</summary>
    public double TestShare { get; init; } = 0.01;

    /// <summary>V of the tokenizer that is trained on the split "train".</summary>
    public int VocabularySize { get; init; } = 8192;

    /// <summary>An existing tokenizer.json to use instead of training one; null (the default) trains.</summary>
    [JsonIgnore]
    public string? TokenizerPath { get; init; }

    /// <summary>Threads; without effect on the result.</summary>
    [JsonIgnore]
    public int Threads { get; init; } = Environment.ProcessorCount;
}
