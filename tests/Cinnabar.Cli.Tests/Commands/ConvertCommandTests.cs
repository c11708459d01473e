using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Numerics;

namespace Cinnabar.Cli.Tests.Commands;

[Collection(ConsoleTests.Name)]
public sealed class ConvertCommandTests(TinyModel tiny)
{
    private static readonly int[] s_ids = [3, 40, 41, 0];

    [Fact]
    public async Task Convert_ThereAndBack_GivesTheSameLogits()
    {
        string gguf = Path.Combine(tiny.Folder, "there.gguf");
        string folder = Path.Combine(tiny.Folder, "back");

        (int exitCode, string output, string error) = await tiny.Run("convert", tiny.Path, "--out", gguf);
        Assert.True(exitCode == 0, error);
        Assert.Equal("", output);
        Assert.Contains("note: the tokenizer cuts text by a pattern that GGUF has no name for", error);
        Assert.Contains("M parameters as BF16", error);
        (exitCode, _, error) = await tiny.Run("convert", gguf, "--out", folder);
        Assert.True(exitCode == 0, error);
        Assert.Contains("M parameters as BF16", error);

        float[] expected = Logits(tiny.Path);
        Assert.Equal(expected, Logits(gguf));
        Assert.Equal(expected, Logits(folder));
    }

    [Fact]
    public async Task Convert_ToAType_WritesIt()
    {
        string gguf = Path.Combine(tiny.Folder, "small.gguf");

        (int exitCode, _, string error) = await tiny.Run("convert", tiny.Path, "--to", "gguf", "--type", "q4_0", "--out", gguf);

        Assert.True(exitCode == 0, error);
        Assert.Contains("M parameters as Q4_0", error);
        using GgufFile file = GgufFile.Open(gguf);
        Assert.Equal(GgmlType.Q4_0, file.Tensors["blk.0.attn_q.weight"].Type);
        Assert.Equal(GgmlType.F32, file.Tensors["blk.0.attn_norm.weight"].Type);
    }

    [Fact]
    public async Task Convert_IntegersInAFolder_PointsToQuantize()
    {
        string gguf = Path.Combine(tiny.Folder, "for-folder.gguf");
        string folder = Path.Combine(tiny.Folder, "integers");
        await tiny.Run("convert", tiny.Path, "--out", gguf);

        (int exitCode, _, string error) = await tiny.Run("convert", gguf, "--type", "q8_0", "--out", folder);

        Assert.Equal(CommandRunner.Failed, exitCode);
        Assert.Contains("error: Expected --type f32, f16 or bf16 for a folder, found q8_0. Convert to bf16 first", error);
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task Convert_NameOfTheOtherForm_IsRefused()
    {
        string gguf = Path.Combine(tiny.Folder, "form.gguf");
        await tiny.Run("convert", tiny.Path, "--out", gguf);

        (int exitCode, _, string error) = await tiny.Run("convert", tiny.Path, "--out", Path.Combine(tiny.Folder, "no-ending"));
        Assert.Equal(CommandRunner.Failed, exitCode);
        Assert.Contains("Expected --out to name a GGUF file, which ends in .gguf, found ", error);
        Assert.False(File.Exists(Path.Combine(tiny.Folder, "no-ending")));

        (exitCode, _, error) = await tiny.Run("convert", gguf, "--out", Path.Combine(tiny.Folder, "folder.gguf"));
        Assert.Equal(CommandRunner.Failed, exitCode);
        Assert.Contains("which a GGUF file is called. Give another name, or add --to gguf.", error);
        Assert.False(Directory.Exists(Path.Combine(tiny.Folder, "folder.gguf")));
    }

    [Fact]
    public async Task Convert_OverAFile_IsRefused()
    {
        string path = tiny.Write("mine.gguf", "mine");

        (int exitCode, _, string error) = await tiny.Run("convert", tiny.Path, "--out", path);

        Assert.Equal(CommandRunner.Failed, exitCode);
        Assert.Contains("mine.gguf: expected nothing there yet, found a file.", error);
        Assert.Equal("mine", File.ReadAllText(path));
    }

    [Fact]
    public async Task Convert_ToAFolderThatIsMissing_LeavesNothing()
    {
        (int exitCode, _, string error) = await tiny.Run("convert", tiny.Path, "--out", Path.Combine(tiny.Folder, "nowhere", "x.gguf"));

        Assert.Equal(CommandRunner.Failed, exitCode);
        Assert.Contains("x.gguf: could not be written", error);
        Assert.False(Directory.Exists(Path.Combine(tiny.Folder, "nowhere")));
    }

    [Theory]
    [InlineData("--type", "q5_0", "bf16")]
    [InlineData("--to", "onnx", "safetensors")]
    public async Task Convert_UnknownWord_NamesTheKnown(string option, string word, string known)
    {
        (int exitCode, _, string error) = await tiny.Run("convert", tiny.Path, option, word, "--out", Path.Combine(tiny.Folder, "x"));

        Assert.Equal(CommandRunner.WrongCommandLine, exitCode);
        Assert.Contains(known, error);
    }

    private static float[] Logits(string path) => DiffusionModel.Load(path, KernelTable.Create(threads: 1))
        .Denoiser.Logits(s_ids, [0, 1, 2, 3]).Floats.ToArray();
}
