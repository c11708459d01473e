namespace Cinnabar.Machines;

/// <summary>Bytes that a machine offers to all who use it. Thread-safe.</summary>
/// <param name="offered">How many.</param>
internal sealed class MemoryBudget(long offered)
{
    private long _left = offered;

    /// <summary>Bytes that nobody has.</summary>
    public long Left => Math.Max(0, Interlocked.Read(ref _left));

    /// <summary>A share of the bytes, empty at first.</summary>
    public Share Open() => new(this);

    /// <summary>What one program has of them.</summary>
    internal sealed class Share(MemoryBudget budget) : IDisposable
    {
        private long _bytes;

        /// <summary>Bytes that it has.</summary>
        public long Bytes => Interlocked.Read(ref _bytes);

        /// <summary>Takes bytes, or gives some back where they are negative.</summary>
        /// <param name="bytes">How many.</param>
        /// <param name="what">What for.</param>
        /// <exception cref="InvalidDataException">So many are not left.</exception>
        public void Take(long bytes, string what)
        {
            if (Interlocked.Add(ref budget._left, -bytes) < 0 && bytes > 0)
            {
                long left = Interlocked.Add(ref budget._left, bytes);
                throw new InvalidDataException(
                    $"Expected {bytes:N0} bytes for {what}, found {Math.Max(0, left):N0} of those that the machine offers. "
                    + "Give it fewer layers (--machines host:port=layers), or let it offer more (--memory).");
            }

            Interlocked.Add(ref _bytes, bytes);
        }

        /// <summary>Gives all back.</summary>
        public void Dispose() => Interlocked.Add(ref budget._left, Interlocked.Exchange(ref _bytes, 0));
    }
}
