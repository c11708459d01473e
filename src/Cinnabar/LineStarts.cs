// Which tokens go on behind a line end.
//
// Many tokenizers take a line end and the indentation behind it for one token. In training, a line end that stands by itself then says that
// the next line begins at its left edge; a hole behind one that is shown so would begin there, too. So it is not shown, and the first token
// of the hole is one of those that begin with it: the network chooses the indentation.
using System.Collections.Concurrent;
using Cinnabar.Tokenizers;

namespace Cinnabar;

/// <summary>The tokens that begin with line ends and go on, of one tokenizer. Thread-safe.</summary>
/// <param name="tokens">What ids stand for.</param>
/// <param name="vocabularySize">V of the network.</param>
/// <param name="alwaysAllowed">An id that may come first whatever it stands for; null: none.</param>
internal sealed class LineStarts(TokenBytes tokens, int vocabularySize, int? alwaysAllowed)
{
    private const byte LineFeed = (byte)'\n';

    private readonly Lazy<int> _mostLineEnds = new(() => Enumerable.Range(0, tokens.Count).Max(id => LineEndsOf(tokens[id, first: false])));
    private readonly ConcurrentDictionary<int, int[]?> _others = new();

    /// <summary>The ids that must not come first behind so many line ends.</summary>
    /// <returns>Ascending; null where no token begins with all of them and goes on with something else.</returns>
    public int[]? Others(int lineEnds) => lineEnds < 1 || lineEnds > _mostLineEnds.Value ? null : _others.GetOrAdd(lineEnds, Find);

    private int[]? Find(int lineEnds)
    {
        int[] starts = [.. Enumerable.Range(0, Math.Min(tokens.Count, vocabularySize))
            .Where(id => LineEndsOf(tokens[id, first: false]) >= lineEnds)];
        bool goesOn = starts.Any(id => LineEndsOf(tokens[id, first: false]) == lineEnds && tokens[id, first: false].Length > lineEnds);
        HashSet<int> allowed = [.. starts];
        return goesOn ? [.. Enumerable.Range(0, vocabularySize).Where(id => !allowed.Contains(id) && id != alwaysAllowed)] : null;
    }

    // How many it begins with.
    private static int LineEndsOf(ReadOnlySpan<byte> token)
    {
        int other = token.IndexOfAnyExcept(LineFeed);
        return other < 0 ? token.Length : other;
    }
}
