using System.Text.RegularExpressions;

namespace Cinnabar.Numerics.Tests;

public sealed partial class UnsafeCodeTests
{
    [Fact]
    public void UnsafeCode_OutsideNumerics_DoesNotOccur()
    {
        string root = RepositoryRoot();
        string[] files =
        [
            .. new[] { "src", "tests" }.SelectMany(folder => Directory.EnumerateFiles(Path.Combine(root, folder), "*.cs", SearchOption.AllDirectories))
                .Select(file => Path.GetRelativePath(root, file).Replace('\\', '/'))
                .Where(file => !file.StartsWith("src/Cinnabar.Numerics/", StringComparison.Ordinal))
                .Where(file => !file.StartsWith("tests/Cinnabar.Numerics.Tests/", StringComparison.Ordinal)),
        ];
        Assert.NotEmpty(files);
        string[] found =
        [
            .. files.SelectMany(file => File.ReadLines(Path.Combine(root, file)).Select((line, i) => (Where: $"{file}:{i + 1}", Line: line)))
                .Where(at => Forbidden().IsMatch(at.Line))
                .Select(at => $"{at.Where}: {at.Line.Trim()}"),
        ];
        Assert.True(found.Length == 0, $"Only Cinnabar.Numerics may hold unsafe code:\n{string.Join('\n', found)}");
    }

    [Theory]
    [InlineData("public unsafe void F()", true)]
    [InlineData("using System.Runtime.Intrinsics.X86;", true)]
    [InlineData("Unsafe.As<A>(b)", true)]
    [InlineData("MemoryMarshal.Cast<A, B>(span)", true)]
    [InlineData("// it is unsafe to share a canvas", false)]
    [InlineData("/// <summary>Unsafe.As is not used.</summary>", false)]
    [InlineData("bool unsafeToShare = true;", false)]
    public void Forbidden_Line_IsRecognised(string line, bool expected) => Assert.Equal(expected, Forbidden().IsMatch(line));

    private static string RepositoryRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Cinnabar.slnx")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException($"No Cinnabar.slnx above {AppContext.BaseDirectory}.");
    }

    // Outside comments that begin a line.
    [GeneratedRegex(@"^(?!\s*//).*(\bunsafe\b|\bSystem\.Runtime\.Intrinsics\b|\bMemoryMarshal\b|\bUnsafe\.)")]
    private static partial Regex Forbidden();
}
