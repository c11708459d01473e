namespace Cinnabar.Checkpoints;

/// <summary>
/// What is read and then packed is garbage, together as large as the model; the runtime would let it grow. Not thread-safe.
/// </summary>
internal sealed class LoadingGarbage
{
    private const long Most = 32 << 20;

    private long _collectedAt = GC.GetTotalAllocatedBytes();

    /// <summary>Collects it, if enough was allocated since the last time.</summary>
    public void Collect()
    {
        if (GC.GetTotalAllocatedBytes() - _collectedAt > Most)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true);
            _collectedAt = GC.GetTotalAllocatedBytes();
        }
    }

    /// <summary>Gives the memory of all garbage back: a network that runs allocates nothing that would make the runtime look for it.</summary>
    public static void GiveBack() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
}
