using System.Text.RegularExpressions;

namespace Cinnabar.Numerics.Tests;

public sealed partial class UnsafeCodeTests
{
    private static readonly string[] s_allowed =
        ["src/Cinnabar.Numerics/", "src/Cinnabar.Numerics.Cuda/", "tests/Cinnabar.Numerics.Tests/"];

    [Fact]
    public void UnsafeCode_OutsideNumerics_DoesNotOccur()
    {
        string root = RepositoryRoot();
        List<string> found = [];
        foreach (string path in new[] { "src", "tests" }.SelectMany(folder => SourceFiles(Path.Combine(root, folder))))
        {
            string file = Path.GetRelativePath(root, path).Replace('\\', '/');
            if (s_allowed.Any(folder => file.StartsWith(folder, StringComparison.Ordinal)))
            {
                continue;
            }

            int number = 0;
            foreach (string line in File.ReadLines(path))
            {
                number++;
                if (Forbidden().IsMatch(line))
                {
                    found.Add($"{file}:{number}: {line.Trim()}");
                }
            }
        }

        Assert.True(found.Count == 0, $"Only Cinnabar.Numerics and its devices may hold unsafe code:\n{string.Join('\n', found)}");
    }

    [Theory]
    [InlineData("public unsafe void F()", true)]
    [InlineData("        unsafe", true)]
    [InlineData("unsafe { *p = 0; }", true)]
    [InlineData("throw new Exception(\"an unsafe format\");", false)]
    [InlineData("using System.Runtime.Intrinsics.X86;", true)]
    [InlineData("Unsafe.As<A>(b)", true)]
    [InlineData("MemoryMarshal.Cast<A, B>(span)", true)]
    [InlineData("// it is unsafe to share a canvas", false)]
    [InlineData("/// <summary>Unsafe.As is not used.</summary>", false)]
    [InlineData("bool unsafeToShare = true;", false)]
    public void Forbidden_Line_IsRecognised(string line, bool expected) => Assert.Equal(expected, Forbidden().IsMatch(line));

    private static string[] SourceFiles(string folder)
    {
        string[] files = Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        return files;
    }

    private static string RepositoryRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Cinnabar.slnx")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException($"No Cinnabar.slnx above {AppContext.BaseDirectory}.");
    }

    // Outside comments that begin a line; "unsafe" where a modifier or a statement stands, as it is also a word of messages.
    [GeneratedRegex(
        @"^(?!\s*//).*((^\s*|\b(public|private|protected|internal|static|sealed|readonly|partial|extern)\s+)unsafe\b"
        + @"|\bSystem\.Runtime\.Intrinsics\b|\bMemoryMarshal\b|\bUnsafe\.)")]
    private static partial Regex Forbidden();
}
