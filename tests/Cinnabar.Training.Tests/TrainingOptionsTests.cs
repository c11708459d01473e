using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Cinnabar.Tests;
using Cinnabar.Training.Corpora;
using Cinnabar.Training.Objectives;

namespace Cinnabar.Training.Tests;

public sealed partial class TrainingOptionsTests(TrainingRuns runs) : IClassFixture<TrainingRuns>
{
    private static string Recipes => Path.Combine(RepositoryFolder.Path, "recipes");

    [Fact]
    public void Recipes_All_Load()
    {
        string[] files = Directory.GetFiles(Recipes, "*.json");
        Assert.NotEmpty(files);
        int trainings = 0;
        foreach (string file in files)
        {
            if (File.ReadAllText(file).Contains("\"model\"", StringComparison.Ordinal))
            {
                TrainingOptions options = TrainingOptions.Load(file);
                Assert.True(options.ModelConfig.ParameterCount > 0);
                trainings++;
            }
            else
            {
                Assert.NotEmpty(CorpusRecipe.Load(file).Folders);
            }
        }

        Assert.True(trainings > 0);
    }

    [Fact]
    public void Defaults_AreTheDocumentedOnes()
    {
        string documentation = File.ReadAllText(Path.Combine(RepositoryFolder.Path, "docs", "training.md"));
        string table = documentation[documentation.IndexOf("## Keys of a configuration", StringComparison.Ordinal)..];
        Dictionary<string, string> documented = [];
        foreach (Match row in TableCells().Matches(table))
        {
            string[] keys = [.. Key().Matches(row.Groups["keys"].Value).Select(key => key.Groups[1].Value)];
            string[] values = [.. row.Groups["values"].Value.Split(',', StringSplitOptions.TrimEntries)];
            Assert.Equal(keys.Length, values.Length);
            foreach ((string key, string value) in keys.Zip(values))
            {
                documented.Add(key, value);
            }
        }

        JsonObject defaults = JsonNode.Parse(runs.Options("x").ToJson())!.AsObject();
        JsonObject real = JsonNode.Parse((new TrainingOptions { Model = runs.Options("x").Model }).ToJson())!.AsObject();
        Assert.Equal(defaults.Select(key => key.Key), real.Select(key => key.Key));
        foreach (string notInTheTable in (string[])["corpus", "output", "model", "initial_model", "infill_share"])
        {
            Assert.True(real.Remove(notInTheTable), $"There is no key {notInTheTable}.");
            Assert.Contains($"`{notInTheTable}`", documentation, StringComparison.Ordinal);
        }

        string shares = $"{HoleWindows.DefaultInfillShare}, or {MiddleWindows.DefaultInfillShare} if autoregressive";
        Assert.Contains($"`infill_share` is {shares}", documentation, StringComparison.Ordinal);
        Assert.Equal(real.Select(key => key.Key).Order(StringComparer.Ordinal), documented.Keys.Order(StringComparer.Ordinal));
        foreach ((string key, JsonNode? value) in real)
        {
            bool number = value!.GetValueKind() == JsonValueKind.Number;
            bool same = number
                ? double.Parse(documented[key], CultureInfo.InvariantCulture) == value.GetValue<double>()
                : documented[key] == value.ToString();
            Assert.True(same, $"{key}: documented {documented[key]}, real {value}.");
        }
    }

    [Theory]
    [InlineData("stpes", "1", "stpes")]
    [InlineData("Steps", "1", "Steps")]
    [InlineData("model_config", "{}", "model_config")]
    public void Load_UnknownKey_IsNamedWithTheKnownOnes(string key, string value, string expected)
    {
        string message = ErrorOf(Text(key, value));
        Assert.Contains($"\"{expected}\"", message, StringComparison.Ordinal);
        Assert.Contains("micro_batch_size", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("steps", "\"ten\"")]
    [InlineData("steps", "10.5")]
    [InlineData("steps", "null")]
    [InlineData("steps", "99999999999")]
    [InlineData("learning_rate", "\"1e-3\"")]
    [InlineData("learning_rate", "[1]")]
    [InlineData("schedule", "1")]
    [InlineData("schedule", "null")]
    [InlineData("corpus", "null")]
    [InlineData("output", "{}")]
    [InlineData("seed", "-1")]
    [InlineData("model", "3")]
    [InlineData("model", "null")]
    public void Load_WrongType_NamesTheKey(string key, string value) =>
        Assert.Contains(key, ErrorOf(Text(key, value)), StringComparison.Ordinal);

    [Theory]
    [InlineData("steps", "\"ten\"", "a whole number up to 2147483647")]
    [InlineData("steps", "1e3", "a whole number up to 2147483647")]
    [InlineData("seed", "-1", "a whole number from 0")]
    [InlineData("learning_rate", "\"1e-3\"", "a number")]
    [InlineData("infill_share", "true", "a number")]
    [InlineData("separate_times", "1", "true or false")]
    [InlineData("schedule", "1", "a text")]
    public void Load_WrongType_SaysWhatIsExpectedAndFound(string key, string value, string expected) =>
        Assert.Contains($"\"{key}\" should be {expected}, found {value}.", ErrorOf(Text(key, value)), StringComparison.Ordinal);

    [Fact]
    public void Load_UnknownKeyOfTheModel_IsRefused()
    {
        JsonObject model = JsonNode.Parse(runs.Config.ToJson())!.AsObject();
        model["foo"] = 1;
        Assert.Contains("unknown key \"foo\"", ErrorOf(Text("model", model.ToJsonString())), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("latents", "foo", "codebook_groups, codebook_size, decoder, denoiser, downsampling, size, token_layers")]
    [InlineData("latents.denoiser", "schedule_shfit", "d_model, layers, mlp_hidden_size, n_heads, schedule, schedule_shift")]
    public void Validate_UnknownKeyInsideTheModel_IsRefused(string place, string key, string known)
    {
        TrainingOptions options = runs.Options("x", TinyModelFolder.WithLatents(runs.Config)) with
        {
            Objective = TrainingObjective.LatentDiffusion, InitialModel = "autoencoder",
        };
        options.Validate();

        JsonNode model = JsonNode.Parse(options.Model.GetRawText())!;
        place.Split('.').Aggregate(model, (inside, name) => inside[name]!)[key] = 1;
        options.Model = JsonElement.Parse(model.ToJsonString());
        string message = Assert.Throws<CinnabarException>(options.Validate).Message;
        Assert.Contains($"\"model\" has the unknown key \"{place}.{key}\".", message, StringComparison.Ordinal);
        Assert.Contains($"the keys there are {known}.", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_NullWhereADefaultIsChosen_IsAccepted() => Assert.Null(Load(Text("infill_share", "null"), _ => { }).InfillShare);

    [Theory]
    [InlineData("corpus", "\"\"")]
    [InlineData("output", "\"\"")]
    [InlineData("steps", "0")]
    [InlineData("batch_size", "0")]
    [InlineData("batch_size", "65537")]
    [InlineData("micro_batch_size", "0")]
    [InlineData("micro_batch_size", "3")]
    [InlineData("micro_batch_size", "17")]
    [InlineData("sequence_length", "1")]
    [InlineData("sequence_length", "33")]
    [InlineData("learning_rate", "-0.1")]
    [InlineData("learning_rate", "1.5")]
    [InlineData("learning_rate", "1e999")]
    [InlineData("final_learning_rate_ratio", "1.1")]
    [InlineData("objective", "\"causal\"")]
    [InlineData("schedule", "\"linear\"")]
    [InlineData("warmup_steps", "-1")]
    [InlineData("decay_steps", "-1")]
    [InlineData("beta1", "1")]
    [InlineData("beta2", "1")]
    [InlineData("adam_epsilon", "-1")]
    [InlineData("adam_epsilon", "0")]
    [InlineData("weight_decay", "-0.1")]
    [InlineData("clip_norm", "0")]
    [InlineData("ema_decay", "1")]
    [InlineData("infill_share", "1.1")]
    [InlineData("continuation_share", "0.8")]
    [InlineData("random_length_share", "-1")]
    [InlineData("noise_epsilon", "0")]
    [InlineData("noise_epsilon", "1.1")]
    [InlineData("evaluate_every", "0")]
    [InlineData("evaluation_windows", "0")]
    [InlineData("checkpoint_every", "0")]
    public void Load_OutOfRange_NamesKeyAndValue(string key, string value)
    {
        string message = ErrorOf(Text(key, value));
        Assert.Contains(key, message, StringComparison.Ordinal);
        string found = value is "\"\"" ? "found nothing." : value is "1e999" ? "found " : $"found {value}.";
        Assert.Contains(found, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_RequiredKeyMissing_NamesIt()
    {
        foreach (string key in (string[])["corpus", "output", "model"])
        {
            string message = ErrorOf(Text(key, null));
            Assert.Contains($"\"{key}\"", message, StringComparison.Ordinal);
            Assert.Contains("found nothing", message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"steps\": 1, \"steps\": 2}")]
    [InlineData("{\"steps\": 1 \"corpus\": \"x\"}")]
    public void Load_NotAConfiguration_NamesTheFile(string text) => Assert.Contains(".json", ErrorOf(text), StringComparison.Ordinal);

    [Fact]
    public void Load_MissingFile_NamesIt()
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => TrainingOptions.Load("nowhere.json"));
        Assert.Contains("nowhere.json", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_CommentsAndTrailingCommas_AreAccepted()
    {
        string text = Text("steps", "7").Replace("\"d_model\"", "/* width */ \"d_model\"", StringComparison.Ordinal);
        int model = text.LastIndexOf("}}", StringComparison.Ordinal);
        text = "// a run\n" + text[..model] + ", // the end of the model\n}, /* the end */ }";
        TrainingOptions options = Load(text, _ => { });
        Assert.Equal(7, options.Steps);
        Assert.Equal(runs.Config, options.ModelConfig);
        Assert.Equal(runs.Config, Load(System.Text.Encoding.UTF8.GetString(options.ToJson()), _ => { }).ModelConfig);
    }

    [Theory]
    [InlineData("0.8", "0.2")]
    [InlineData("0.9", "0.1")]
    [InlineData("0.7", "0.3")]
    [InlineData("1", "0")]
    public void Load_SharesThatAddUpToOne_AreAccepted(string infill, string continuation)
    {
        TrainingOptions options = Load(Text("infill_share", infill + ", \"continuation_share\": " + continuation), _ => { });
        Assert.Equal(1, options.InfillShare!.Value + options.ContinuationShare, 1e-12);
    }

    [Fact]
    public void Load_Change_IsAppliedBeforeTheCheck()
    {
        Assert.Equal(5, Load(Text("steps", "0"), options => options.Steps = 5).Steps);
        Assert.Throws<CinnabarException>(() => Load(Text("steps", "5"), options => options.Steps = 0));
        Assert.Throws<CinnabarException>(() => Load(Text("steps", "5"), options => options.LearningRate = double.NaN));
    }

    [Fact]
    public void ToJson_IsReadBackEqual()
    {
        TrainingOptions options = runs.Options("somewhere") with { Schedule = "cosine", Seed = ulong.MaxValue, LearningRate = 0.1 + 0.2 };
        TrainingOptions read = Load(System.Text.Encoding.UTF8.GetString(options.ToJson()), _ => { });
        Assert.Equal(options with { Model = read.Model }, read);
        Assert.Equal(options.ModelConfig, read.ModelConfig);
    }

    // A good configuration with one key set to some JSON, or left out (null).
    private string Text(string key, string? value)
    {
        SortedDictionary<string, string> keys = new(StringComparer.Ordinal)
        {
            ["corpus"] = "\"corpus\"",
            ["output"] = "\"output\"",
            ["sequence_length"] = "32",
            ["zz_model"] = System.Text.Encoding.UTF8.GetString(runs.Config.ToJson()).Trim(),
        };
        key = key == "model" ? "zz_model" : key;
        keys.Remove(key);
        if (value is not null)
        {
            keys.Add(key, value);
        }

        string text = string.Join(",\n", keys.Select(k => $"\"{k.Key.Replace("zz_", "", StringComparison.Ordinal)}\": {k.Value}"));
        return $"{{{text}}}";
    }

    private string ErrorOf(string text) => Assert.Throws<CinnabarException>(() => Load(text, _ => { })).Message;

    private TrainingOptions Load(string text, Action<TrainingOptions> change)
    {
        string file = runs.NewFolder() + ".json";
        File.WriteAllText(file, text);
        return TrainingOptions.Load(file, change);
    }

    [GeneratedRegex(@"\| (?<keys>`[^|]*) \| (?<values>[^|]+?) (?=\|)")]
    private static partial Regex TableCells();

    [GeneratedRegex("`([a-z0-9_]+)`")]
    private static partial Regex Key();
}
