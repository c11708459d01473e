// cinnabar corpus FOLDER…: folders of text, or of text sets → a corpus that `cinnabar train` reads.
using System.CommandLine;
using System.Diagnostics;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Cli.Commands;

internal sealed class CorpusCommand
{
    // Folders are required, so that there is something to take the other defaults from.
    private static readonly CorpusOptions s_standard = new() { Sources = [] };

    private readonly Argument<string[]> _folders = new("folders")
    {
        Description = "Folders to read, with everything below them; with --recipe the one root that its paths start from.",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string> _out = new("--out", "-o", "--output")
    {
        Description = "Folder for the corpus; an older corpus there is replaced. Required.",
        HelpName = "folder",
        Required = true,
    };

    private readonly Option<string?> _recipe = new("--recipe")
    {
        Description = "JSON file that says which folders, patterns and licences to take, and how files are cut. [default: none]",
        HelpName = "file",
    };

    private readonly Option<int> _vocabularySize = new("--vocab-size")
    {
        Description = "Tokens of the tokenizer that is trained on the corpus.",
        HelpName = "n",
        DefaultValueFactory = _ => s_standard.VocabularySize,
    };

    private readonly Option<string?> _tokenizer = new("--tokenizer")
    {
        Description = "Use this tokenizer.json. [default: train one]",
        HelpName = "file",
    };

    private readonly Option<string?> _extensions = new("--extensions")
    {
        Description = "Only files that end so, separated by commas. [default: common source and text files]",
        HelpName = ".cs,.txt",
    };

    private readonly Option<int?> _threads = new("--threads")
    {
        Description = "Threads; the result does not depend on it. [default: all cores]",
        HelpName = "n",
    };

    private readonly Option<bool> _json = new("--json")
    {
        Description = "Print one JSON object: documents, bytes and tokens of each split. [default: a table]",
    };

    public static Command Create() => new CorpusCommand().ToCommand();

    private Command ToCommand()
    {
        Command command = new("corpus", "Turn folders of text, such as your own code, into a corpus for training.")
        {
            _folders, _out, _recipe, _vocabularySize, _tokenizer, _extensions, _threads, _json,
        };
        DeviceArguments.RequireThreads(_threads);
        command.Validators.Add(result =>
        {
            if (result.GetValue(_recipe) is not null && result.GetValue(_folders)?.Length > 1)
            {
                result.AddError("Expected one folder beside --recipe, found several.");
            }

            if (result.GetValue(_tokenizer) is not null && result.GetResult(_vocabularySize) is { Implicit: false })
            {
                result.AddError("Expected one of --tokenizer and --vocab-size, found both.");
            }
        });
        command.SetWork(Run);
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        CorpusOptions options = OptionsFrom(parsed);
        string folder = parsed.GetValue(_out)!;
        using CorpusProgressLine progress = new(Console.Error, live: Screen.Detect(plain: false).Live, cancellation);
        Stopwatch time = Stopwatch.StartNew();
        CorpusManifest manifest;
        try
        {
            manifest = new CorpusBuilder(options, progress, cancellation).Build(folder);
        }
        catch (AggregateException e) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException("The corpus was not finished.", e, cancellation);
        }

        progress.Dispose();
        if (parsed.GetValue(_json))
        {
            PrintJson(manifest, folder);
        }
        else
        {
            Print(manifest);
        }

        Console.Error.WriteLine(TerminalText.Safe(
            $"Complete after {time.Elapsed.TotalSeconds:F0} s. Next: cinnabar train CONFIG --corpus {folder}, "
            + $"with \"vocab_size\": {manifest.VocabularySize} in CONFIG."));
        return 0;
    }

    private CorpusOptions OptionsFrom(ParseResult parsed)
    {
        string[] folders = parsed.GetValue(_folders)!;
        CorpusOptions options = parsed.GetValue(_recipe) is string recipe
            ? CorpusRecipe.Load(recipe).ToOptions(folders[0])
            : new CorpusOptions { Sources = SourcesFrom(folders) };
        return options with
        {
            Patterns = parsed.GetValue(_extensions) is string extensions ? PatternsFrom(extensions) : options.Patterns,
            VocabularySize = parsed.GetValue(_vocabularySize),
            TokenizerPath = parsed.GetValue(_tokenizer),
            Threads = parsed.GetValue(_threads) ?? options.Threads,
        };
    }

    private static string[] PatternsFrom(string extensions)
    {
        string[] names = extensions.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return [.. names.Select(name => "*." + name.TrimStart('*').TrimStart('.'))];
    }

    // A source is called as its folder; a second one of the same name gets a number.
    private static List<CorpusSource> SourcesFrom(string[] folders)
    {
        List<CorpusSource> sources = [];
        foreach (string folder in folders.Select(Path.GetFullPath).Distinct(StringComparer.Ordinal))
        {
            string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)) is { Length: > 0 } last ? last : "root";
            int number = sources.Count(source => Path.GetFileName(Path.TrimEndingDirectorySeparator(source.Folder)) == name);
            sources.Add(new CorpusSource { Folder = folder, Name = number == 0 ? name : $"{name}-{number + 1}" });
        }

        return sources;
    }

    private static void Print(CorpusManifest manifest)
    {
        Console.WriteLine($"{"split",-12}{"documents",12}{"bytes",16}{"tokens",16}");
        foreach ((string name, CorpusSplit split) in manifest.Splits)
        {
            Console.WriteLine($"{name,-12}{split.Documents,12:N0}{split.Bytes,16:N0}{split.Tokens,16:N0}");
        }

        foreach ((string name, CorpusSourceSummary source) in manifest.Sources)
        {
            Console.WriteLine(TerminalText.Safe(
                $"source {name}: {source.Kept.Files:N0} documents, {source.Kept.Bytes:N0} bytes, {source.Tokens:N0} tokens with repeats"));
        }

        Console.WriteLine($"tokenizer: {manifest.VocabularySize} tokens");
        foreach ((string reason, FileCount dropped) in manifest.Dropped)
        {
            Console.WriteLine($"left out, {reason}: {dropped.Files:N0} documents, {dropped.Bytes:N0} bytes");
        }

        foreach ((string split, DocumentCount repeats) in manifest.HeldOutRepeats ?? [])
        {
            Console.WriteLine($"repeats train, of {split}: {repeats.Documents:N0} documents, {repeats.Tokens:N0} tokens");
        }
    }

    private static void PrintJson(CorpusManifest manifest, string folder) => ResultWriter.WriteJson(json =>
    {
        json.WriteString("corpus", folder);
        json.WriteNumber("vocabulary_size", manifest.VocabularySize);
        json.WriteStartObject("splits");
        foreach ((string name, CorpusSplit split) in manifest.Splits)
        {
            json.WriteStartObject(name);
            json.WriteNumber("documents", split.Documents);
            json.WriteNumber("bytes", split.Bytes);
            json.WriteNumber("tokens", split.Tokens);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteStartObject("sources");
        foreach ((string name, CorpusSourceSummary source) in manifest.Sources)
        {
            json.WriteStartObject(name);
            json.WriteNumber("documents", source.Kept.Files);
            json.WriteNumber("bytes", source.Kept.Bytes);
            json.WriteNumber("tokens", source.Tokens);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteStartObject("dropped");
        foreach ((string reason, FileCount dropped) in manifest.Dropped)
        {
            json.WriteNumber(reason.Replace(' ', '_'), dropped.Files);
        }

        json.WriteEndObject();
        json.WriteStartObject("held_out_repeats");
        foreach ((string split, DocumentCount repeats) in manifest.HeldOutRepeats ?? [])
        {
            json.WriteStartObject(split);
            json.WriteNumber("documents", repeats.Documents);
            json.WriteNumber("tokens", repeats.Tokens);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    });
}
