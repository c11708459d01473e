using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Tests;

namespace Cinnabar.Cli.Tests.Commands;

[Collection(ConsoleTests.Name)]
public sealed class QuantizeCommandTests(TinyModel tiny)
{
    [Fact]
    public async Task Quantize_ToInt8_WritesAFolderThatRuns()
    {
        string folder = Path.Combine(tiny.Folder, "small");

        (int exitCode, _, string error) = await tiny.Run("quantize", tiny.Path, "--to", "int8", "--out", folder);

        Assert.True(exitCode == 0, error);
        Assert.Contains("as int8", error);
        DiffusionModel model = DiffusionModel.Load(folder, KernelTable.Create(threads: 1));
        Assert.Equal(new WeightQuantization(DType.Int8, null), model.Config.Quantization);
        float[] expected = tiny.Model.Denoiser.Logits([3, 40, 41], [0, 1, 2]).Floats.ToArray();
        float[] actual = model.Denoiser.Logits([3, 40, 41], [0, 1, 2]).Floats.ToArray();
        double error2 = expected.Zip(actual, (x, y) => Math.Pow(x - y, 2)).Sum();
        Assert.InRange(Math.Sqrt(error2 / expected.Sum(x => x * x)), 1e-6, 0.05);
        Assert.Contains("cinnabar quantize", File.ReadAllText(Path.Combine(folder, "README.md")));
        Assert.Equal(12, ModelFolder.Open(folder).GenerationConfig.MaxNewTokens);
    }

    // Settings come first, then the new card, then what the old one says, if it says anything.
    [Theory]
    [InlineData("---\nlicense: mit\n---\n\n# tiny\n\nA model.\n", "---\nlicense: mit\n---\n", " Before that:\n\n# tiny\n\nA model.\n")]
    [InlineData("# tiny\n", "", " Before that:\n\n# tiny\n")]
    [InlineData("---\r\nlicense: mit\r\n---\r\n\r\n", "---\nlicense: mit\n---\n", "\n")]
    [InlineData(" \n", "", "\n")]
    [InlineData(null, "", "\n")]
    public async Task Quantize_CardOfTheModel_StandsBelowTheNewOneUnlessItIsEmpty(string? card, string settings, string before)
    {
        string name = $"carded-{Guid.NewGuid():N}";
        string source = Path.Combine(tiny.Folder, name);
        TinyModelFolder.Write(source);
        File.Delete(Path.Combine(source, "README.md"));
        if (card is not null)
        {
            await File.WriteAllTextAsync(Path.Combine(source, "README.md"), card);
        }

        (int exitCode, _, string error) = await tiny.Run("quantize", source, "--out", $"{source}-int8");

        Assert.True(exitCode == 0, error);
        Assert.Equal(
            $"{settings}# {name}-int8\n\nMatrices of this folder were rounded to 8-bit integers by `cinnabar quantize`, with one scale for "
                + $"each row.{before}",
            await File.ReadAllTextAsync(Path.Combine($"{source}-int8", "README.md")));
    }

    [Fact]
    public async Task Quantize_ToInt4_ChoosesAGroupThatFits()
    {
        string folder = Path.Combine(tiny.Folder, "smaller");

        (int exitCode, _, string error) = await tiny.Run("quantize", tiny.Path, "--to", "int4", "--out", folder);

        Assert.True(exitCode == 0, error);
        DiffusionModel model = DiffusionModel.Load(folder, KernelTable.Create(threads: 1));
        Assert.Equal(new WeightQuantization(DType.Int4, 32), model.Config.Quantization);
        float[] expected = tiny.Model.Denoiser.Logits([3, 40, 41], [0, 1, 2]).Floats.ToArray();
        float[] actual = model.Denoiser.Logits([3, 40, 41], [0, 1, 2]).Floats.ToArray();
        double error2 = expected.Zip(actual, (x, y) => Math.Pow(x - y, 2)).Sum();
        Assert.InRange(Math.Sqrt(error2 / expected.Sum(x => x * x)), 1e-4, 0.3);
    }

    [Fact]
    public async Task Quantize_GroupThatDoesNotDivide_IsRefused()
    {
        (int exitCode, _, string error) = await tiny.Run(
            "quantize", tiny.Path, "--to", "int4", "--group-size", "48", "--out", Path.Combine(tiny.Folder, "wrong"));

        Assert.NotEqual(0, exitCode);
        Assert.Contains("found groups of 48", error);
    }

    [Fact]
    public async Task Quantize_Twice_IsRefused()
    {
        string folder = Path.Combine(tiny.Folder, "twice");
        await tiny.Run("quantize", tiny.Path, "--out", folder);

        (int exitCode, _, string error) = await tiny.Run("quantize", folder, "--out", folder + "2");

        Assert.NotEqual(0, exitCode);
        Assert.Contains("found Int8", error);
        Assert.False(Directory.Exists(folder + "2"));
    }

    [Fact]
    public async Task Quantize_UnknownType_NamesTheKnown()
    {
        (int exitCode, _, string error) = await tiny.Run("quantize", tiny.Path, "--to", "int3");

        Assert.NotEqual(0, exitCode);
        Assert.Contains("int8", error);
    }
}
