// The "Metaspace" pre-tokenizer of SentencePiece-like tokenizers: spaces become ▁ (U+2581), the text gets one in front unless it has
// one, and each piece begins with ▁ where it is split at all.
// Source: Hugging Face tokenizers, pre_tokenizers/metaspace.rs.
namespace Cinnabar.Tokenizers;

/// <summary>Where Metaspace puts its character in front.</summary>
internal enum PrependScheme
{
    Always,
    First,
    Never,
}

/// <summary>Replaces spaces by a visible character and cuts before it.</summary>
internal sealed class Metaspace : PreTokenizer
{
    private readonly string _replacement;
    private readonly PrependScheme _scheme;
    private readonly StringSplit? _split;

    /// <summary>Sets the options.</summary>
    /// <param name="replacement">What a space becomes, ▁ as a rule.</param>
    /// <param name="scheme">Where it is put in front: of all text between added tokens, of the first, or never.</param>
    /// <param name="split">Whether text is cut before each.</param>
    public Metaspace(string replacement, PrependScheme scheme, bool split)
    {
        _replacement = replacement;
        _scheme = scheme;
        _split = split ? new StringSplit(replacement, SplitBehavior.MergedWithNext) : null;
    }

    /// <inheritdoc/>
    public override string Prepare(string text, bool first, bool isBehind = false)
    {
        string replaced = text.Replace(" ", _replacement, StringComparison.Ordinal);
        bool prepend = _scheme == PrependScheme.Always || (_scheme == PrependScheme.First && first);
        return prepend && !isBehind && !replaced.StartsWith(_replacement, StringComparison.Ordinal) ? _replacement + replaced : replaced;
    }

    /// <inheritdoc/>
    public override int PieceEnd(ReadOnlySpan<byte> text, int start, out bool kept)
    {
        kept = true;
        return _split?.PieceEnd(text, start, out kept) ?? text.Length;
    }
}
