namespace Cinnabar.Tokenizers;

/// <summary>The tokens that text may become: all of the vocabulary but the special ones.</summary>
internal sealed class TokenizerVocabulary
{
    private readonly Dictionary<string, int> _all;
    private readonly AddedTokens _added;

    /// <summary>Sets special tokens apart.</summary>
    /// <param name="all">The vocabulary of the model, special tokens included.</param>
    /// <param name="added">The added tokens.</param>
    public TokenizerVocabulary(Dictionary<string, int> all, AddedTokens added)
    {
        _all = all;
        _added = added;
    }

    /// <summary>The tokens that text may become, by spelling.</summary>
    public IEnumerable<KeyValuePair<string, int>> Ordinary => _all.Where(entry => !IsSpecial(entry.Key));

    /// <summary>The id of an ordinary token; −1 where there is none.</summary>
    public int Find(string spelling) => _all.TryGetValue(spelling, out int id) && !IsSpecial(spelling) ? id : -1;

    /// <summary>The id of any token, such as the unknown one; null where there is none.</summary>
    public int? FindAny(string spelling) => _all.TryGetValue(spelling, out int id) ? id : _added.Find(spelling)?.Id;

    private bool IsSpecial(string spelling) => _added.Find(spelling) is { Special: true };
}
