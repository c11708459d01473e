// The byte strings of a vocabulary as a trie, in preorder:
//
//   Bytes[n]   the byte that leads to node n        Depths[n]   number of bytes from the root to it, from 1
//   After[n]   the first node that is not below n   TokensAt(n) the ids whose bytes end at it, ascending
//
// The root is no node: tokens without bytes (special ones, gaps in the numbering) are not in it. A walk is one loop over n with a stack
// by depth, and leaves out what lies below a node by going on at After[n]. Made once for a tokenizer.
using Cinnabar.Tokenizers;

namespace Cinnabar.Constraints;

/// <summary>The bytes of all tokens as a trie; immutable.</summary>
internal sealed class VocabularyTrie
{
    private readonly int[] _firstToken; // [nodes + 1], into _tokens
    private readonly int[] _tokens;
    private readonly byte[] _bytes;
    private readonly int[] _depths;
    private readonly int[] _after;

    /// <summary>Takes the bytes of tokens.</summary>
    /// <param name="later">By id; empty for what is no text.</param>
    /// <param name="first">The same for the first token of a text; null: no different.</param>
    public VocabularyTrie(IReadOnlyList<byte[]> later, IReadOnlyList<byte[]>? first = null)
    {
        FirstForms = first is null
            ? []
            : [.. Enumerable.Range(0, later.Count).Where(id => !first[id].AsSpan().SequenceEqual(later[id])).Select(id => (id, first[id]))];
        int[] ids = [.. Enumerable.Range(0, later.Count).Where(id => later[id].Length > 0)];
        Array.Sort(ids, (a, b) => later[a].AsSpan().SequenceCompareTo(later[b]) is int order and not 0 ? order : a - b);

        (List<byte> bytes, List<int> depths, List<int> after, List<int> firstToken) = ([], [], [], []);
        List<int> open = []; // the nodes from the root to the last one
        byte[] last = [];
        for (int i = 0; i < ids.Length; i++)
        {
            byte[] token = later[ids[i]];
            int common = token.AsSpan().CommonPrefixLength(last);
            Close(open, common, after, bytes.Count);

            // A prefix sorts before what it is a prefix of: only a token equal to the last one makes no node.
            for (int depth = common; depth < token.Length; depth++)
            {
                open.Add(bytes.Count);
                bytes.Add(token[depth]);
                depths.Add(depth + 1);
                after.Add(0);
                firstToken.Add(i);
            }

            last = token;
        }

        Close(open, 0, after, bytes.Count);
        (_bytes, _depths, _after, _tokens) = ([.. bytes], [.. depths], [.. after], ids);
        _firstToken = [.. firstToken, ids.Length];
    }

    /// <summary>The trie of a tokenizer.</summary>
    public VocabularyTrie(TokenBytes tokens)
        : this(Forms(tokens, first: false), Forms(tokens, first: true))
    {
    }

    /// <summary>The tokens that give other bytes where a text begins, and those bytes; by id, ascending.</summary>
    public IReadOnlyList<(int Id, byte[] Bytes)> FirstForms { get; }

    /// <summary>[nodes].</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>[nodes].</summary>
    public ReadOnlySpan<int> Depths => _depths;

    /// <summary>[nodes].</summary>
    public ReadOnlySpan<int> After => _after;

    /// <summary>The length of the longest token in bytes.</summary>
    public int MaxDepth => _depths.Length == 0 ? 0 : _depths.Max();

    /// <summary>The ids whose bytes end at a node.</summary>
    public ReadOnlySpan<int> TokensAt(int node) => _tokens.AsSpan(_firstToken[node].._firstToken[node + 1]);

    private static void Close(List<int> open, int depth, List<int> after, int end)
    {
        for (int i = depth; i < open.Count; i++)
        {
            after[open[i]] = end;
        }

        open.RemoveRange(depth, open.Count - depth);
    }

    private static byte[][] Forms(TokenBytes tokens, bool first) =>
        [.. Enumerable.Range(0, tokens.Count).Select(id => tokens[id, first].ToArray())];
}
