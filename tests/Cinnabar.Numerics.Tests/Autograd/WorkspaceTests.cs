using Cinnabar.Numerics.Autograd;

namespace Cinnabar.Numerics.Tests.Autograd;

public sealed unsafe class WorkspaceTests
{
    [Fact]
    public void Rent_TwiceWithoutReturn_GivesDifferentMemory()
    {
        Workspace workspace = new();
        Tensor first = workspace.Rent(8, 300);
        Tensor second = workspace.Rent(8, 300);
        first.Floats.Fill(1);
        second.Floats.Fill(2);
        Assert.Equal(2400, first.Floats.Count(1f));
        Assert.Equal([8, 300], first.Shape.ToArray());
    }

    [Fact]
    public void Rent_AfterReturn_ReusesTheMemory()
    {
        Workspace workspace = new();
        Tensor first = workspace.Rent(8, 300);
        nint start = (nint)first.Start;
        workspace.Return(first);
        Tensor second = workspace.Rent(300, 8);
        Assert.Equal(start, (nint)second.Start);
        Assert.Equal([300, 8], second.Shape.ToArray());
    }

    [Fact]
    public void Rent_SmallerThanWhatIsFree_TakesTheSmallestThatIsLargeEnough()
    {
        Workspace workspace = new();
        Tensor[] tensors = [workspace.Rent(8000), workspace.Rent(2000), workspace.Rent(4000)];
        Array.ForEach(tensors, workspace.Return);
        Assert.Same(tensors[2], workspace.Rent(3000));
        Assert.Same(tensors[1], workspace.Rent(10));
        Assert.Same(tensors[0], workspace.Rent(10));
        Assert.DoesNotContain(workspace.Rent(10), tensors);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1023)]
    [InlineData(1024)]
    [InlineData(1025)]
    [InlineData(1280)]
    [InlineData(1281)]
    [InlineData(2048)]
    [InlineData(2049)]
    [InlineData(1_000_003)]
    public void Rent_AnySize_IsWholeAndWritable(int count)
    {
        Workspace workspace = new();
        for (int round = 0; round < 3; round++)
        {
            Tensor tensor = workspace.Rent(count);
            Assert.Equal(count, tensor.Count);
            tensor.Floats.Fill(round);
            Assert.Equal(round, tensor.Floats[^1]);
            workspace.Return(tensor);
        }
    }

    // Nothing is written, so these take no memory. Four steps per power of two would end above what a tensor holds.
    [Theory]
    [InlineData(500_000_000)]
    [InlineData(536_870_881)]
    public void Rent_SizeThatATensorJustHolds_IsGiven(int count) => Assert.Equal(count, new Workspace().Rent(count).Count);

    [Fact]
    public void Rent_MoreThanATensorHolds_NamesSizeAndLimit()
    {
        string tooManyBytes = Assert.Throws<ArgumentException>(() => new Workspace().Rent(536_870_882)).Message;
        Assert.Contains("at most 2,147,483,527 bytes, found F32 [536870882] of 2,147,483,528", tooManyBytes, StringComparison.Ordinal);
        string tooManyElements = Assert.Throws<ArgumentException>(() => new Workspace().Rent(70_000, 70_000)).Message;
        Assert.Contains("at most 2,147,483,647 elements, found [70000, 70000]", tooManyElements, StringComparison.Ordinal);
    }

    [Fact]
    public void Rent_Nothing_GivesAnEmptyTensor() => Assert.Equal(0, new Workspace().Rent(0, 16).Count);

    [Fact]
    public void Return_ForeignOrTwice_Throws()
    {
        Workspace workspace = new();
        Tensor mine = workspace.Rent(10);
        workspace.Return(mine);
        Assert.Throws<ArgumentException>(() => workspace.Return(mine));
        Assert.Throws<ArgumentException>(() => workspace.Return(Tensor.Zeros(10)));
        Assert.Throws<ArgumentException>(() => workspace.Return(new Workspace().Rent(10)));
    }

    [Fact]
    public void Return_AView_Throws()
    {
        Workspace workspace = new();
        Tensor mine = workspace.Rent(10);
        Assert.Throws<ArgumentException>(() => workspace.Return(mine.View(5)));
    }
}
