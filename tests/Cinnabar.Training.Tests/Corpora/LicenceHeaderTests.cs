using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Tests.Corpora;

public sealed class LicenceHeaderTests
{
    [Theory]
    [InlineData("// Licensed to X.\n// X licenses this file under the MIT\n// license.\n\nusing A;\n", "using A;\n", "MIT")]
    [InlineData("/* Copyright X\n * Licensed under the Apache License, Version 2.0 */\nusing A;\n", "using A;\n", "Apache-2.0")]
    [InlineData("#region License\n// Permission is hereby granted, free\n// of charge\n#endregion\n\nusing A;\n", "using A;\n", "MIT")]
    [InlineData("\n//\n// A.cs\n//\n// Author:\n//   X\n//\n// MIT/X11 license.\n//\n\nusing A;\n", "using A;\n", "MIT")]
    [InlineData("// Copyright X\n\n// What this file is for.\nusing A;\n", "// What this file is for.\nusing A;\n", null)]
    [InlineData("// What this is.\n\n// GNU Lesser General Public License.\n\nusing A;\n", "// What this is.\nusing A;\n", "LGPL")]
    [InlineData("//---------\n//=========\n\nusing A;\n", "using A;\n", null)]
    [InlineData("using A;\n// Copyright in the middle\n", "using A;\n// Copyright in the middle\n", null)]
    [InlineData("#region Code\nusing A;\n#endregion\n", "#region Code\nusing A;\n#endregion\n", null)]
    [InlineData("/// <summary>Copyright holder.</summary>\nclass A;\n", "/// <summary>Copyright holder.</summary>\nclass A;\n", null)]
    [InlineData("/* Copyright without end\n", "/* Copyright without end\n", null)]
    [InlineData("#region License\n// without end\n", "#region License\n// without end\n", null)]
    [InlineData("/* Copyright 2020 X */ #include <a.h>\nint b;\n", "#include <a.h>\nint b;\n", null)]
    [InlineData("/* Copyright X */ // What this is.\nint b;\n", "// What this is.\nint b;\n", null)]
    [InlineData("// Copyright X\n\n/* What it is. */ int b; // Copyright Y\n", "/* What it is. */ int b; // Copyright Y\n", null)]
    [InlineData("// Authorization policies.\nusing A;\n", "// Authorization policies.\nusing A;\n", null)]
    [InlineData("/*\n * @author X\n */\nusing A;\n", "using A;\n", null)]
    [InlineData("// AUTHORS: X, Y\nusing A;\n", "using A;\n", null)]
    [InlineData("// Copyright X", "", null)]
    [InlineData("", "", null)]
    public void Strip_Header_RemovesLicencesAndKeepsTheRest(string text, string expected, string? licence)
    {
        Assert.Equal((expected, licence), LicenceHeader.Strip(text));
    }
}
