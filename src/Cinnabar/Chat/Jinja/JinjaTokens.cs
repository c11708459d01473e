namespace Cinnabar.Chat.Jinja;

/// <summary>The tokens of a template with a place in them, for the parsers.</summary>
internal sealed class JinjaTokens(IReadOnlyList<JinjaToken> tokens, string file)
{
    private int _at;
    private int _depth;

    /// <summary>The next token; the last one is the end of the template and stays.</summary>
    public JinjaToken Current => tokens[_at];

    /// <summary>The token after the next.</summary>
    public JinjaToken Following => tokens[Math.Min(_at + 1, tokens.Count - 1)];

    /// <summary>Takes the next token.</summary>
    public JinjaToken Take()
    {
        JinjaToken token = tokens[_at];
        _at = Math.Min(_at + 1, tokens.Count - 1);
        return token;
    }

    /// <summary>Takes the next token if it is this operator.</summary>
    public bool TakeIf(string text) => TakeIf(JinjaTokenKind.Operator, text);

    /// <summary>Takes the next token if it is this keyword.</summary>
    public bool TakeIfName(string text) => TakeIf(JinjaTokenKind.Name, text);

    /// <summary>Takes a token of a kind.</summary>
    public JinjaToken Expect(JinjaTokenKind kind, string expected) => Current.Kind == kind ? Take() : throw Error(expected);

    /// <summary>Takes an operator.</summary>
    public void Expect(string text)
    {
        if (!TakeIf(text))
        {
            throw Error($"'{text}'");
        }
    }

    /// <summary>The exception for the next token.</summary>
    public CinnabarException Error(string expected) => JinjaSyntaxError.At(file, Current.Line, expected, Current.Describe());

    /// <summary>Goes one level deeper; to be undone by <see cref="Leave"/>.</summary>
    public void Enter()
    {
        if (++_depth > JinjaLimits.Nesting)
        {
            throw TooDeep();
        }
    }

    /// <summary>Comes back from <see cref="Enter"/>.</summary>
    public void Leave() => _depth--;

    /// <summary>Counts a link of a chain like a.b.c, which is as deep as it is long.</summary>
    public void CountLink(ref int links)
    {
        if (++links > JinjaLimits.Nesting)
        {
            throw TooDeep();
        }
    }

    private bool TakeIf(JinjaTokenKind kind, string text)
    {
        if (!Current.Is(kind, text))
        {
            return false;
        }

        Take();
        return true;
    }

    private CinnabarException TooDeep() => JinjaSyntaxError.At(
        file, Current.Line, $"blocks, brackets and chains at most {JinjaLimits.Nesting} deep", "deeper ones");
}
