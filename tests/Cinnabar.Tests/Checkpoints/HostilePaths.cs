namespace Cinnabar.Tests.Checkpoints;

/// <summary>Names that must never become part of a path; all end like weights, so that a file list with them is looked at.</summary>
internal static class HostilePaths
{
    private const string File = "model.safetensors";

    private static readonly string[] s_climbing =
    [
        $"../{File}", $"../../{File}", $"../../../../../../etc/{File}", $"a/../{File}", $"a/../../{File}", $"a/b/../../../{File}",
        $"./{File}", $"a/./{File}", $"..\\{File}", $"..\\..\\{File}", $"a\\..\\..\\{File}", $"../..\\{File}", $".../../{File}",
        $"..//{File}", $"a/..//../{File}", $"\\..\\{File}", $"/../{File}",
    ];

    private static readonly string[] s_absolute =
    [
        $"/{File}", $"//{File}", $"/etc/{File}", $"//server/share/{File}", $"\\{File}", $"\\\\server\\share\\{File}", $"\\\\?\\C:\\{File}",
        $"\\\\.\\C:\\{File}", $"C:\\{File}", $"C:/{File}", $"C:{File}", $"c:..\\{File}", $"file:///{File}", $"file://server/{File}",
        $"https://example.com/{File}", $"\\??\\C:\\{File}",
    ];

    private static readonly string[] s_empty =
        [$"a//{File}", $"a/ /{File}", $" /{File}", $"a./{File}", $"a /{File}", $".. /{File}", $"... /{File}"];

    private static readonly string[] s_characters =
    [
        $"a\0{File}", $"{File}\0.safetensors", $"a\n{File}", $"a\r{File}", $"a\t{File}", $"a\u001b[2J{File}", $"a\u007f{File}",
        $"a\u0085{File}", $"a\u202e{File}", $"a\u200b{File}", $"a\ufeff{File}", $"a\u2028{File}", $"a\ud800{File}", $"a\udc00{File}",
        $"a<{File}", $"a>{File}", $"a|{File}", $"a?{File}", $"*.safetensors", $"a\"{File}", $"{File}:stream.safetensors",
        $"{File}::$DATA.safetensors",
    ];

    private static readonly string[] s_devices =
    [
        "con.safetensors", "CON.safetensors", "NUL.safetensors", "nul.tar.safetensors", "prn.safetensors", "aux.safetensors",
        "COM1.safetensors", "com9.safetensors", "LPT1.safetensors", "COM¹.safetensors", "lpt³.safetensors", "CONIN$.safetensors",
        "CONOUT$.safetensors", "CLOCK$.safetensors", "nul .safetensors", $"con/{File}", $"a/nul/{File}", $"aux.d/{File}",
    ];

    private static readonly string[] s_long =
    [
        new string('a', 250) + ".safetensors", new string('é', 125) + ".safetensors", string.Concat(Enumerable.Repeat("a/", 600)) + File,
    ];

    public static IReadOnlyList<string> All { get; } =
        [.. s_climbing, .. s_absolute, .. s_empty, .. s_characters, .. s_devices, .. s_long];
}
