using Cinnabar.Evaluation.Tasks;

namespace Cinnabar.Evaluation.Tests.Tasks;

public sealed class TaskCatalogTests
{
    [Fact]
    public void Find_EveryName_GivesThatTask()
    {
        Assert.All(TaskCatalog.All, task => Assert.Same(task, TaskCatalog.Find(task.Name)));
        Assert.Equal(TaskCatalog.All.Count, TaskCatalog.All.Select(task => task.Name).Distinct().Count());
    }

    [Fact]
    public void Find_UnknownName_ListsTheKnownOnes()
    {
        string message = Assert.Throws<CinnabarException>(() => TaskCatalog.Find("java")).Message;
        Assert.StartsWith("Expected the name of a task, found 'java'.", message);
        Assert.All(TaskCatalog.All, task => Assert.Contains(task.Name, message));
    }

    [Fact]
    public void All_Descriptions_AreSentences() => Assert.All(TaskCatalog.All, task => Assert.EndsWith(".", task.Description));
}
