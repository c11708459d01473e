using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Conversion;
using Cinnabar.Numerics;

namespace Cinnabar.Cli.Tests;

[Collection(ConsoleTests.Name)]
public sealed class LoadDisplayTests(TinyModel tiny)
{
    [Fact]
    public void Report_Cancelled_StopsTheWorkWhichLeavesNothing()
    {
        string folder = Directory.CreateDirectory(Path.Combine(tiny.Folder, "cancelled")).FullName;
        ModelFolder source = ModelFolder.Open(tiny.Path);
        WeightQuantization int8 = WeightQuantization.For(DType.Int8, source.Config);
        using CancellationTokenSource stop = new();
        stop.Cancel();
        using LoadDisplay display = new(TextWriter.Null, new Screen(Live: false, Colours: false, ResultIsShown: false), stop.Token);

        Assert.Throws<OperationCanceledException>(
            () => QuantizedExport.Write(source, Path.Combine(folder, "int8"), int8, "# card", display));
        Assert.Throws<OperationCanceledException>(
            () => RandomModel.Write(Path.Combine(folder, "random"), "tiny", DType.Int8, seed: 1, display));
        Assert.Throws<OperationCanceledException>(() => GgufExport.Write(source, Path.Combine(folder, "x.gguf"), type: null, display));
        Assert.Throws<OperationCanceledException>(
            () => DiffusionModel.Load(tiny.Path, KernelTable.Create(threads: 1), progress: display));
        Assert.Empty(Directory.GetFileSystemEntries(folder));
    }
}
