namespace Cinnabar.Tests.Sampling.Golden;

/// <summary>A theory that needs the goldens, and is skipped without them.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class GoldenTheoryAttribute : TheoryAttribute
{
    public GoldenTheoryAttribute()
    {
        if (GoldenFolder.Path is null)
        {
            Skip = "The folder ../shared/golden/llamacpp beside the checkout is absent.";
        }
    }
}

/// <summary>A test that needs the goldens, and is skipped without them.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class GoldenFactAttribute : FactAttribute
{
    public GoldenFactAttribute() => Skip = new GoldenTheoryAttribute().Skip;
}
