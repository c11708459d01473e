namespace Cinnabar.Machines;

/// <summary>Bytes that a machine offers to all who use it. Thread-safe.</summary>
/// <param name="offered">How many.</param>
internal sealed class MemoryBudget(long offered)
{
    private long _left = offered;

    /// <summary>Bytes that nobody has.</summary>
    public long Left => Interlocked.Read(ref _left);

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
            for (long left = budget.Left, before; ; left = before)
            {
                if (bytes > left)
                {
                    throw new InvalidDataException(
                        $"Expected {bytes:N0} bytes for {what}, found {left:N0} of those that the machine offers. "
                        + "Give it fewer layers (--machines host:port=layers), or let it offer more (--memory).");
                }

                before = Interlocked.CompareExchange(ref budget._left, left - bytes, left);
                if (before == left)
                {
                    break;
                }
            }

            Interlocked.Add(ref _bytes, bytes);
        }

        /// <summary>Gives all back.</summary>
        public void Dispose() => Interlocked.Add(ref budget._left, Interlocked.Exchange(ref _bytes, 0));
    }
}
