namespace Cinnabar.Tokenizers;

/// <summary>Turns pieces into ids. May hold scratch memory: not thread-safe, one for each thread.</summary>
internal abstract class Model
{
    /// <summary>Appends the ids of a piece.</summary>
    /// <param name="piece">UTF-8, not empty.</param>
    /// <param name="output">The ids so far.</param>
    public abstract void Encode(ReadOnlySpan<byte> piece, List<int> output);

    /// <summary>The same model with scratch memory of its own, for another thread.</summary>
    public abstract Model Fork();
}
