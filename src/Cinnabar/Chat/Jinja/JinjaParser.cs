// Statements: text, {{ }} and the tags if, for, set, macro, call, filter, break, continue (jinja2.ext.loopcontrols) and generation
// (transformers). Tags that read other files (include, import, from, extends, block) are refused, as are the rest.
namespace Cinnabar.Chat.Jinja;

/// <summary>Template text → statements.</summary>
internal sealed class JinjaParser
{
    private readonly JinjaTokens _tokens;
    private readonly ExpressionParser _expressions;
    private int _loops;

    private JinjaParser(string template, string file)
    {
        _tokens = new JinjaTokens(JinjaLexer.Read(template, file), file);
        _expressions = new ExpressionParser(_tokens);
    }

    /// <summary>Reads a whole template.</summary>
    /// <exception cref="CinnabarException">It is not in the supported language.</exception>
    public static IReadOnlyList<JinjaStatement> Parse(string template, string file)
    {
        JinjaParser parser = new(template, file);
        IReadOnlyList<JinjaStatement> body = parser.ReadBody();
        return parser._tokens.Current.Kind == JinjaTokenKind.End ? body : throw parser._tokens.Error("the end of the template");
    }

    // Up to the end of the template, or to a tag with one of these names, whose "{%" is taken.
    private List<JinjaStatement> ReadBody(params ReadOnlySpan<string> ends)
    {
        _tokens.Enter();
        List<JinjaStatement> body = [];
        while (true)
        {
            JinjaToken token = _tokens.Current;
            if (token.Kind == JinjaTokenKind.Data)
            {
                _tokens.Take();
                body.Add(new TextStatement(token.Line, token.Text));
            }
            else if (token.Kind == JinjaTokenKind.OutputBegin)
            {
                _tokens.Take();
                body.Add(new OutputStatement(token.Line, _expressions.ReadTuple()));
                _tokens.Expect(JinjaTokenKind.OutputEnd, "'}}' or an operator");
            }
            else if (token.Kind == JinjaTokenKind.BlockBegin)
            {
                _tokens.Take();
                if (_tokens.Current.Kind == JinjaTokenKind.Name && ends.Contains(_tokens.Current.Text))
                {
                    _tokens.Leave();
                    return body;
                }

                body.Add(ReadTag(ends));
                _tokens.Expect(JinjaTokenKind.BlockEnd, "'%}' or an operator");
            }
            else if (ends.IsEmpty)
            {
                _tokens.Leave();
                return body;
            }
            else
            {
                throw _tokens.Error($"{{% {ends[^1]} %}}");
            }
        }
    }

    private JinjaStatement ReadTag(ReadOnlySpan<string> ends)
    {
        JinjaToken tag = _tokens.Expect(JinjaTokenKind.Name, "the name of a tag");
        switch (tag.Text)
        {
            case "if":
                return ReadIf(tag.Line);
            case "for":
                return ReadFor(tag.Line);
            case "set":
                return ReadSet(tag.Line);
            case "macro":
                string name = _tokens.Expect(JinjaTokenKind.Name, "the name of the macro").Text;
                return new MacroStatement(tag.Line, name, ReadParameters(), ReadFunctionBody("endmacro"));
            case "call":
                return ReadCall(tag.Line);
            case "filter":
                Func<JinjaExpression, JinjaExpression> filter = _expressions.ReadFilters();
                return new FilterStatement(tag.Line, ReadBodyOf("endfilter"), filter);
            case "generation":
                return new GenerationStatement(tag.Line, ReadBodyOf("endgeneration"));
            case "break" or "continue" when _loops > 0:
                return new LoopControlStatement(tag.Line, tag.Text == "break" ? JinjaFlow.Break : JinjaFlow.Continue);
            default:
                string expected = ends.IsEmpty ? string.Empty : $" or {string.Join(", ", ends.ToArray())}";
                throw _tokens.Error(
                    $"one of the tags if, for, set, macro, call, filter, generation, in loops break and continue{expected}, not "
                    + $"{Checkpoints.ErrorText.Quote(tag.Text)}, before this");
        }
    }

    private IfStatement ReadIf(int line)
    {
        List<(JinjaExpression?, IReadOnlyList<JinjaStatement>)> branches = [];
        JinjaExpression? condition = _expressions.ReadTuple();
        while (true)
        {
            EndTag();
            List<JinjaStatement> body = condition is null ? ReadBody("endif") : ReadBody("elif", "else", "endif");
            branches.Add((condition, body));
            string next = _tokens.Take().Text;
            if (next == "endif")
            {
                return new IfStatement(line, branches);
            }

            condition = next == "elif" ? _expressions.ReadTuple() : null;
        }
    }

    private ForStatement ReadFor(int line)
    {
        JinjaExpression target = _expressions.ReadTarget(allowNamespace: false);
        if (!_tokens.TakeIfName("in"))
        {
            throw _tokens.Error("'in'");
        }

        JinjaExpression iterable = _expressions.ReadOr();
        JinjaExpression? condition = _tokens.TakeIfName("if") ? _expressions.Read() : null;
        EndTag();
        _loops++;
        List<JinjaStatement> body = ReadBody("else", "endfor");
        _loops--;
        IReadOnlyList<JinjaStatement> otherwise = [];
        if (_tokens.Take().Text == "else")
        {
            otherwise = ReadBodyOf("endfor");
        }

        return new ForStatement(line, target, iterable, condition) { Body = body, Else = otherwise };
    }

    private JinjaStatement ReadSet(int line)
    {
        JinjaExpression target = _expressions.ReadTarget(allowNamespace: true);
        if (_tokens.TakeIf("="))
        {
            return new SetStatement(line, target, _expressions.ReadTuple());
        }

        Func<JinjaExpression, JinjaExpression>? filter = _tokens.TakeIf("|") ? _expressions.ReadFilters() : null;
        return new SetBlockStatement(line, target, ReadBodyOf("endset"), filter);
    }

    private CallBlockStatement ReadCall(int line)
    {
        IReadOnlyList<MacroParameter> parameters = _tokens.Current.Is(JinjaTokenKind.Operator, "(") ? ReadParameters() : [];
        CallExpression call = _expressions.Read() as CallExpression ?? throw _tokens.Error("a call of a macro before this");
        return new CallBlockStatement(line, call, parameters, ReadFunctionBody("endcall"));
    }

    private List<MacroParameter> ReadParameters()
    {
        List<MacroParameter> parameters = [];
        _tokens.Expect("(");
        while (!_tokens.TakeIf(")"))
        {
            string name = _tokens.Expect(JinjaTokenKind.Name, "the name of a parameter").Text;
            JinjaExpression? value = _tokens.TakeIf("=") ? _expressions.Read() : null;
            if (parameters.Exists(parameter => parameter.Name == name || (parameter.Default is not null && value is null)))
            {
                throw _tokens.Error("different names of parameters, those with a default last, before this");
            }

            parameters.Add(new MacroParameter(name, value));
            if (!_tokens.TakeIf(","))
            {
                _tokens.Expect(")");
                break;
            }
        }

        return parameters;
    }

    // A macro in a loop cannot break it.
    private List<JinjaStatement> ReadFunctionBody(string end)
    {
        int outer = _loops;
        _loops = 0;
        List<JinjaStatement> body = ReadBodyOf(end);
        _loops = outer;
        return body;
    }

    private List<JinjaStatement> ReadBodyOf(string end)
    {
        EndTag();
        List<JinjaStatement> body = ReadBody(end);
        _tokens.Take();
        return body;
    }

    private void EndTag() => _tokens.Expect(JinjaTokenKind.BlockEnd, "'%}' or an operator");
}
