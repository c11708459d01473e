// Template text → tokens, by the rules of Jinja 3.1 with the settings of Hugging Face transformers:
//
//   trim_blocks            the line feed after %} and #} goes
//   lstrip_blocks          spaces from the start of the line to {% and {# go (not to {{)
//   keep_trailing_newline  off: one line feed at the very end goes
//   -%}  {%-               white space on that side goes, line feeds too;  +%}  {%+  keeps it in spite of the settings
//   {% raw %} … {% endraw %}  is text
//
// All line ends become \n. Inside a tag an end mark counts only outside of brackets: {{ {'a': {}} }}.
// Source: jinja2/lexer.py 3.1 for the rules. Deviation: \N{NAME} in a text literal is refused.
using Cinnabar.Checkpoints;

namespace Cinnabar.Chat.Jinja;

/// <summary>Splits a template into tokens.</summary>
internal sealed class JinjaLexer
{
    private readonly string _file;
    private readonly string _text;
    private readonly List<JinjaToken> _tokens = [];
    private int _at;
    private int _line = 1;

    private JinjaLexer(string template, string file)
    {
        _file = file;
        string text = template.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        _text = text.EndsWith('\n') ? text[..^1] : text;
    }

    /// <summary>All tokens; the last is <see cref="JinjaTokenKind.End"/>.</summary>
    /// <exception cref="CinnabarException">The template is cut off or has a character that is no token.</exception>
    public static IReadOnlyList<JinjaToken> Read(string template, string file)
    {
        JinjaLexer lexer = new(template, file);
        lexer.ReadAll();
        return lexer._tokens;
    }

    private void ReadAll()
    {
        while (_at < _text.Length)
        {
            int tag = FindTag(_at);
            ReadData(tag < 0 ? _text.Length : tag);
            if (tag < 0)
            {
                break;
            }

            char kind = _text[tag + 1];
            _at += IsSign(tag + 2) ? 3 : 2;
            if (kind == '{')
            {
                ReadTag(JinjaTokenKind.OutputBegin, JinjaTokenKind.OutputEnd, "}}");
            }
            else if (kind == '#')
            {
                ReadComment();
            }
            else if (!TryReadRaw())
            {
                ReadTag(JinjaTokenKind.BlockBegin, JinjaTokenKind.BlockEnd, "%}");
            }
        }

        Add(JinjaTokenKind.End, string.Empty);
    }

    private int FindTag(int from)
    {
        for (int at = _text.IndexOf('{', from); at >= 0 && at + 1 < _text.Length; at = _text.IndexOf('{', at + 1))
        {
            if (_text[at + 1] is '{' or '%' or '#')
            {
                return at;
            }
        }

        return -1;
    }

    // The text before a tag (or the end), without the white space that the tag takes away.
    private void ReadData(int end)
    {
        ReadOnlySpan<char> data = _text.AsSpan(_at, end - _at);
        bool atLineStart = _at == 0 || _text[_at - 1] == '\n';
        int newLines = data.Count('\n');
        char sign = IsSign(end + 2) ? _text[end + 2] : ' ';
        if (sign == '-')
        {
            data = TrimEnd(data);
        }
        else if (sign != '+' && end < _text.Length && _text[end + 1] != '{')
        {
            int lineStart = data.LastIndexOf('\n') + 1;
            if ((lineStart > 0 || atLineStart) && TrimEnd(data[lineStart..]).IsEmpty)
            {
                data = data[..lineStart];
            }
        }

        if (!data.IsEmpty)
        {
            Add(JinjaTokenKind.Data, data.ToString());
        }

        _line += newLines;
        _at = end;
    }

    private void ReadComment()
    {
        int end = _text.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0)
        {
            throw Error("the end of the comment, '#}'", "the end of the template");
        }

        char sign = end > _at ? _text[end - 1] : ' ';
        Skip(end + 2);
        SkipAfterTag(sign);
    }

    // After "{%": "raw %}" and everything up to "{% endraw %}".
    private bool TryReadRaw()
    {
        int at = SkipSpace(_at);
        int name = at;
        at = SkipSpace(name + 3);
        if (string.CompareOrdinal(_text, name, "raw", 0, 3) != 0 || !IsAt(at, "%}", out char sign, out int end) || sign == '+')
        {
            return false;
        }

        Skip(end);
        Skip(sign == '-' ? SkipSpace(end) : end);
        for (int tag = _text.IndexOf("{%", _at, StringComparison.Ordinal); tag >= 0;
            tag = _text.IndexOf("{%", tag + 1, StringComparison.Ordinal))
        {
            int word = SkipSpace(IsSign(tag + 2) ? tag + 3 : tag + 2);
            if (string.CompareOrdinal(_text, word, "endraw", 0, 6) == 0 && IsAt(SkipSpace(word + 6), "%}", out sign, out end))
            {
                ReadData(tag);
                Skip(end);
                SkipAfterTag(sign);
                return true;
            }
        }

        throw Error("{% endraw %}", "the end of the template");
    }

    private void ReadTag(JinjaTokenKind begin, JinjaTokenKind end, string mark)
    {
        int firstLine = _line;
        Add(begin, string.Empty);
        Stack<char> open = new();
        while (true)
        {
            if (open.Count == 0 && IsAt(_at, mark, out char sign, out int after) && !(sign == '+' && mark == "}}"))
            {
                Add(end, string.Empty);
                Skip(after);
                SkipAfterTag(mark == "}}" && sign != '-' ? '+' : sign);
                return;
            }

            if (_at >= _text.Length)
            {
                throw JinjaSyntaxError.At(_file, firstLine, $"'{mark}' at the end of the tag", "the end of the template");
            }

            ReadToken(open);
        }
    }

    private void ReadToken(Stack<char> open)
    {
        char c = _text[_at];
        if (PythonText.IsSpace(c))
        {
            Skip(SkipSpace(_at));
        }
        else if (char.IsAsciiDigit(c))
        {
            (object value, int end) = JinjaNumber.Read(_text, _at, found => Error("a number", found));
            _tokens.Add(new JinjaToken(JinjaTokenKind.Number, _text[_at..end], _line, value));
            _at = end;
        }
        else if (char.IsLetter(c) || c == '_')
        {
            int end = _at + 1;
            while (end < _text.Length && (char.IsLetterOrDigit(_text[end]) || _text[end] == '_'))
            {
                end++;
            }

            Add(JinjaTokenKind.Name, _text[_at..end]);
            _at = end;
        }
        else if (c is '\'' or '"')
        {
            (string value, int end) = JinjaTextLiteral.Read(_text, _at, found => Error("a text in quotes", found));
            Add(JinjaTokenKind.Text, value);
            Skip(end);
        }
        else
        {
            ReadOperator(open);
        }
    }

    private void ReadOperator(Stack<char> open)
    {
        ReadOnlySpan<char> rest = _text.AsSpan(_at);
        bool isPair = rest is ['/', '/', ..] or ['*', '*', ..] or ['=', '=', ..] or ['!', '=', ..] or ['<', '=', ..] or ['>', '=', ..];
        int length = isPair ? 2 : 1;
        if (length == 1 && !"+-*/%~[](){}<>=.:|,".Contains(rest[0], StringComparison.Ordinal))
        {
            throw Error("an expression", ErrorText.Quote(rest[0].ToString()));
        }

        if (rest[0] is '(' or '[' or '{')
        {
            open.Push(rest[0] switch { '(' => ')', '[' => ']', _ => '}' });
        }
        else if (rest[0] is ')' or ']' or '}')
        {
            if (!open.TryPop(out char expected) || expected != rest[0])
            {
                throw Error(expected == '\0' ? "the end of the tag" : $"'{expected}'", $"'{rest[0]}'");
            }
        }

        Add(JinjaTokenKind.Operator, rest[..length].ToString());
        _at += length;
    }

    // '-' takes all white space after the tag; '+' none; otherwise trim_blocks takes one line feed.
    private void SkipAfterTag(char sign)
    {
        if (sign == '-')
        {
            Skip(SkipSpace(_at));
        }
        else if (sign != '+' && _at < _text.Length && _text[_at] == '\n')
        {
            Skip(_at + 1);
        }
    }

    // mark, -mark or +mark.
    private bool IsAt(int at, string mark, out char sign, out int end)
    {
        sign = at < _text.Length && _text[at] is '-' or '+' ? _text[at] : ' ';
        int start = sign == ' ' ? at : at + 1;
        end = start + mark.Length;
        return string.CompareOrdinal(_text, start, mark, 0, mark.Length) == 0;
    }

    private bool IsSign(int at) => at < _text.Length && _text[at] is '-' or '+';

    private int SkipSpace(int at)
    {
        while (at < _text.Length && PythonText.IsSpace(_text[at]))
        {
            at++;
        }

        return at;
    }

    private static ReadOnlySpan<char> TrimEnd(ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty && PythonText.IsSpace(text[^1]))
        {
            text = text[..^1];
        }

        return text;
    }

    private void Skip(int to)
    {
        _line += _text.AsSpan(_at, to - _at).Count('\n');
        _at = to;
    }

    private void Add(JinjaTokenKind kind, string text) => _tokens.Add(new JinjaToken(kind, text, _line));

    private CinnabarException Error(string expected, string found) => JinjaSyntaxError.At(_file, _line, expected, found);
}
