using Cinnabar.Checkpoints;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Checkpoints;

public sealed class SafetensorsFolderTests
{
    [Theory]
    [InlineData(1, 4)]
    [InlineData(100, 4)]
    [InlineData(230, 2)]
    [InlineData(1000, 1)]
    public void Write_ThenOpen_SameTensorsInSoManyFiles(long most, int files)
    {
        using TemporaryFolder parent = new();
        Tensor[] tensors = [.. Enumerable.Range(0, 4).Select(i => Tensor.From([.. Enumerable.Range(i, 25).Select(x => x / 4f)], 5, 5))];
        Told told = new();
        using (AtomicFolder folder = AtomicFolder.Begin(parent["m"]))
        {
            SafetensorsFolder.Write(
                folder, [.. tensors.Select((tensor, i) => new SafetensorsTensorSource($"t{i}\"é", tensor))], told, most);
            folder.Commit();
        }

        string[] names = [.. Directory.GetFiles(parent["m"]).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
        Assert.Equal(files == 1 ? 1 : files + 1, names.Length);
        Assert.Equal(files == 1 ? "model.safetensors" : $"model-00001-of-{files:D5}.safetensors", names[0]);
        Assert.All(names, name => Assert.True(SafetensorsFolder.IsWeights(name)));
        using SafetensorsShards read = SafetensorsShards.Open(Path.Combine(parent["m"], files == 1 ? names[0] : SafetensorsIndex.FileName));
        Assert.Equal(4, read.Tensors.Count);
        Assert.All(Enumerable.Range(0, 4), i => Assert.Equal(tensors[i].Floats.ToArray(), read.Read($"t{i}\"é").Floats.ToArray()));
        Assert.Equal([(100, 400), (200, 400), (300, 400), (400, 400)], told.All.Select(step => (step.Done, step.Total)));
    }

    [Fact]
    public void Write_PartsOfOtherTypes_AreConvertedOrRefused()
    {
        Tensor values = Tensor.From([1, -2, 0.5f, 65504], 2, 2);
        using TemporaryFolder folder = new();
        using (FileStream stream = File.Create(folder["x"]))
        {
            Safetensors.Write(
                stream,
                "x",
                [
                    new("half", SafetensorsDType.F16, [4, 2], [values, values.To(DType.BF16).To(DType.F32).SelectRows([0, 0])]),
                    new("wide", SafetensorsDType.F32, [2, 2], [values.To(DType.BF16)]),
                ]);
        }

        using SafetensorsFile file = SafetensorsFile.Open(folder["x"]);
        Assert.Equal([1, -2, 0.5f, 65504, 1, -2, 1, -2], file.Read("half").Floats.ToArray());
        Assert.Equal(values.To(DType.BF16).To(DType.F32).Floats.ToArray(), file.Read("wide").Floats.ToArray());
        Assert.Throws<ArgumentException>(() => Written(new("a", SafetensorsDType.F32, [3, 2], [values])));
        Assert.Throws<ArgumentException>(() => Written(new("a", SafetensorsDType.I8, [2, 2], [values])));
        Assert.Contains(
            "file: tensor 'a', value 5: expected a magnitude of at most 65504",
            Assert.Throws<CinnabarException>(
                () => Written(new("a", SafetensorsDType.F16, [3, 2], [values, Tensor.From([0, float.NaN], 1, 2)]))).Message,
            StringComparison.Ordinal);

        static void Written(SafetensorsTensorSource tensor) => Safetensors.Write(new MemoryStream(), "file", [tensor]);
    }

    [Fact]
    public void Write_FullDisk_PassesTheFailureOn()
    {
        SafetensorsTensorSource tensor = new("a", Tensor.Zeros(100));
        Assert.Throws<IOException>(
            () => Safetensors.Write(new FailingStream(new MemoryStream(), 200, FailingStream.DiskFull), "file", [tensor]));
    }

    private sealed class Told : IProgress<WritingProgress>
    {
        public List<WritingProgress> All { get; } = [];

        public void Report(WritingProgress value) => All.Add(value);
    }
}
