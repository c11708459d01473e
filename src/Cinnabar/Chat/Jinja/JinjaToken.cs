namespace Cinnabar.Chat.Jinja;

/// <summary>What a token is; keywords are names, as in Jinja.</summary>
internal enum JinjaTokenKind
{
    Data,
    BlockBegin,
    BlockEnd,
    OutputBegin,
    OutputEnd,
    Name,
    Text,
    Number,
    Operator,
    End,
}

/// <summary>A token: its text (of a text literal: without quotes and escapes), its line from 1, and the value of a number.</summary>
internal readonly record struct JinjaToken(JinjaTokenKind Kind, string Text, int Line, object? Number = null)
{
    /// <summary>Whether it is this name or operator.</summary>
    public bool Is(JinjaTokenKind kind, string text) => Kind == kind && Text == text;

    /// <summary>For messages.</summary>
    public string Describe() => Kind switch
    {
        JinjaTokenKind.Data => "text outside of a tag",
        JinjaTokenKind.BlockBegin => "'{%'",
        JinjaTokenKind.BlockEnd => "the end of the tag, '%}'",
        JinjaTokenKind.OutputBegin => "'{{'",
        JinjaTokenKind.OutputEnd => "the end of the tag, '}}'",
        JinjaTokenKind.Text => "the text " + Checkpoints.ErrorText.Quote(Text),
        JinjaTokenKind.End => "the end of the template",
        _ => Checkpoints.ErrorText.Quote(Text),
    };
}
