namespace Cinnabar.Checkpoints.Hub;

/// <summary>How far a download is.</summary>
/// <param name="File">The file that arrives now.</param>
/// <param name="Bytes">Bytes of all files that are here, those from earlier attempts included.</param>
/// <param name="TotalBytes">Bytes of all files.</param>
/// <param name="BytesPerSecond">Mean of the last ten seconds.</param>
/// <param name="IsWaiting">Whether another program fetches this file now and this one waits for it.</param>
public readonly record struct HubProgress(string File, long Bytes, long TotalBytes, double BytesPerSecond, bool IsWaiting)
{
    /// <summary>Time left at the present speed; null if nothing arrives.</summary>
    public TimeSpan? Remaining => BytesPerSecond > 0 ? TimeSpan.FromSeconds(Math.Min((TotalBytes - Bytes) / BytesPerSecond, 1e9)) : null;
}
