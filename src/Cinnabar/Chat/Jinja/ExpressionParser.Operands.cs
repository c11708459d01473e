// The operands of expressions and what follows them: literals, names, brackets, members, calls, filters, tests, and targets of set and for.
namespace Cinnabar.Chat.Jinja;

/// <content>Operands.</content>
internal sealed partial class ExpressionParser
{
    /// <summary>One | filter or a chain of them, for blocks; applied to the block's text later.</summary>
    public Func<JinjaExpression, JinjaExpression> ReadFilters()
    {
        List<(int Line, string Name, ArgumentExpressions Arguments)> filters = [];
        int links = 0;
        do
        {
            tokens.CountLink(ref links);
            JinjaToken name = tokens.Expect(JinjaTokenKind.Name, "the name of a filter");
            filters.Add((name.Line, name.Text, ReadOptionalArguments()));
        }
        while (tokens.TakeIf("|"));
        return operand => filters.Aggregate(
            operand, (value, filter) => new FilterExpression(filter.Line, value, filter.Name, filter.Arguments));
    }

    /// <summary>(arguments).</summary>
    public ArgumentExpressions ReadArguments()
    {
        tokens.Expect("(");
        List<JinjaExpression> positional = [];
        List<(string, JinjaExpression)> named = [];
        while (!tokens.TakeIf(")"))
        {
            if (positional.Count + named.Count > 0)
            {
                tokens.Expect(",");
                if (tokens.TakeIf(")"))
                {
                    break;
                }
            }

            if (tokens.Current.Kind == JinjaTokenKind.Name && tokens.Following.Is(JinjaTokenKind.Operator, "="))
            {
                string name = tokens.Take().Text;
                tokens.Expect("=");
                named.Add((name, Read()));
            }
            else if (named.Count > 0 || tokens.Current.Is(JinjaTokenKind.Operator, "*") || tokens.Current.Is(JinjaTokenKind.Operator, "**"))
            {
                throw tokens.Error("an argument with a name and '='");
            }
            else
            {
                positional.Add(Read());
            }
        }

        return new ArgumentExpressions(positional, named);
    }

    /// <summary>A name, a tuple of targets, or with <paramref name="allowNamespace"/> ns.attribute.</summary>
    public JinjaExpression ReadTarget(bool allowNamespace)
    {
        int line = tokens.Current.Line;
        JinjaExpression first = ReadSingleTarget(allowNamespace);
        if (!tokens.Current.Is(JinjaTokenKind.Operator, ","))
        {
            return first;
        }

        List<JinjaExpression> targets = [first];
        while (tokens.TakeIf(",")
            && (tokens.Current is { Kind: JinjaTokenKind.Name, Text: not "in" } || tokens.Current.Is(JinjaTokenKind.Operator, "(")))
        {
            targets.Add(ReadSingleTarget(allowNamespace));
        }

        return new ListExpression(line, targets, isTuple: true);
    }

    private JinjaExpression ReadSingleTarget(bool allowNamespace)
    {
        if (tokens.TakeIf("("))
        {
            tokens.Enter();
            JinjaExpression inner = ReadTarget(allowNamespace);
            tokens.Expect(")");
            tokens.Leave();
            return inner;
        }

        JinjaToken name = tokens.Expect(JinjaTokenKind.Name, "a name to set");
        if (name.Text is "true" or "false" or "none" or "True" or "False" or "None")
        {
            throw tokens.Error($"a name that can be set before this, not '{name.Text}'");
        }

        return allowNamespace && tokens.TakeIf(".")
            ? new NamespaceTarget(name.Line, name.Text, tokens.Expect(JinjaTokenKind.Name, "the name of an attribute").Text)
            : new NameExpression(name.Line, name.Text);
    }

    private JinjaExpression ReadPrimary()
    {
        JinjaToken token = tokens.Current;
        switch (token.Kind)
        {
            case JinjaTokenKind.Name:
                tokens.Take();
                return token.Text switch
                {
                    "true" or "True" => new LiteralExpression(token.Line, true),
                    "false" or "False" => new LiteralExpression(token.Line, false),
                    "none" or "None" => new LiteralExpression(token.Line, null),
                    _ => new NameExpression(token.Line, token.Text),
                };
            case JinjaTokenKind.Number:
                return new LiteralExpression(token.Line, tokens.Take().Number);
            case JinjaTokenKind.Text:
                System.Text.StringBuilder text = new(tokens.Take().Text);
                while (tokens.Current.Kind == JinjaTokenKind.Text) // 'a' 'b' is 'ab'
                {
                    text.Append(tokens.Take().Text);
                }

                return new LiteralExpression(token.Line, text.ToString());
            case JinjaTokenKind.Operator when token.Text is "(" or "[" or "{":
                tokens.Take();
                return token.Text switch
                {
                    "(" => ReadParenthesis(token.Line),
                    "[" => new ListExpression(token.Line, ReadList(), isTuple: false),
                    _ => ReadDict(token.Line),
                };
            default:
                throw tokens.Error("an expression");
        }
    }

    private JinjaExpression ReadParenthesis(int line)
    {
        if (tokens.TakeIf(")"))
        {
            return new ListExpression(line, [], isTuple: true);
        }

        JinjaExpression value = ReadTuple();
        tokens.Expect(")");
        return value;
    }

    private List<JinjaExpression> ReadList()
    {
        List<JinjaExpression> items = [];
        while (!tokens.TakeIf("]"))
        {
            items.Add(Read());
            if (!tokens.TakeIf(","))
            {
                tokens.Expect("]");
                break;
            }
        }

        return items;
    }

    private DictExpression ReadDict(int line)
    {
        List<(JinjaExpression, JinjaExpression)> items = [];
        while (!tokens.TakeIf("}"))
        {
            JinjaExpression key = Read();
            tokens.Expect(":");
            items.Add((key, Read()));
            if (!tokens.TakeIf(","))
            {
                tokens.Expect("}");
                break;
            }
        }

        return new DictExpression(line, items);
    }

    private JinjaExpression ReadPostfix(JinjaExpression value, ref int links)
    {
        while (tokens.Current is { Kind: JinjaTokenKind.Operator, Text: "." or "[" or "(" } token)
        {
            tokens.CountLink(ref links);
            if (token.Text == "(")
            {
                value = new CallExpression(token.Line, value, ReadArguments());
            }
            else if (tokens.TakeIf("["))
            {
                value = ReadSubscript(value, token.Line);
            }
            else
            {
                tokens.Take();
                value = tokens.Current is { Kind: JinjaTokenKind.Number, Number: long }
                    ? new ItemExpression(token.Line, value, new LiteralExpression(token.Line, tokens.Take().Number))
                    : new AttributeExpression(token.Line, value, tokens.Expect(JinjaTokenKind.Name, "a name or number after '.'").Text);
            }
        }

        return value;
    }

    private JinjaExpression ReadSubscript(JinjaExpression owner, int line)
    {
        JinjaExpression? start = IsSlicePartMissing() ? null : Read();
        if (!tokens.TakeIf(":"))
        {
            tokens.Expect("]");
            return new ItemExpression(line, owner, start ?? throw tokens.Error("an index or key before ']'"));
        }

        JinjaExpression? stop = IsSlicePartMissing() ? null : Read();
        JinjaExpression? step = tokens.TakeIf(":") && !IsSlicePartMissing() ? Read() : null;
        tokens.Expect("]");
        return new SliceExpression(line, owner, start, stop, step);
    }

    private bool IsSlicePartMissing() => tokens.Current is { Kind: JinjaTokenKind.Operator, Text: ":" or "]" };

    private JinjaExpression ReadFiltersAndTests(JinjaExpression value, ref int links)
    {
        while (true)
        {
            JinjaToken token = tokens.Current;
            if (tokens.TakeIf("|"))
            {
                string name = tokens.Expect(JinjaTokenKind.Name, "the name of a filter").Text;
                value = new FilterExpression(token.Line, value, name, ReadOptionalArguments());
            }
            else if (tokens.TakeIfName("is"))
            {
                value = ReadTest(value, token.Line);
            }
            else if (token.Is(JinjaTokenKind.Operator, "("))
            {
                value = new CallExpression(token.Line, value, ReadArguments());
            }
            else
            {
                return value;
            }

            tokens.CountLink(ref links);
        }
    }

    private JinjaExpression ReadTest(JinjaExpression operand, int line)
    {
        bool negated = tokens.TakeIfName("not");
        string name = tokens.Expect(JinjaTokenKind.Name, "the name of a test").Text;
        ArgumentExpressions arguments = ArgumentExpressions.None;
        JinjaToken next = tokens.Current;
        if (next.Is(JinjaTokenKind.Operator, "("))
        {
            arguments = ReadArguments();
        }
        else if (next.Kind is JinjaTokenKind.Text or JinjaTokenKind.Number
            || (next.Kind == JinjaTokenKind.Operator && next.Text is "[" or "{")
            || (next.Kind == JinjaTokenKind.Name && next.Text is not ("else" or "or" or "and" or "if" or "not" or "in")))
        {
            if (next.Text == "is" && next.Kind == JinjaTokenKind.Name)
            {
                throw tokens.Error("brackets around a test before another");
            }

            int links = 0;
            arguments = new ArgumentExpressions([ReadPostfix(ReadPrimary(), ref links)], []); // a is divisibleby 3
        }

        JinjaExpression test = new TestExpression(line, operand, name, arguments);
        return negated ? new NotExpression(line, test) : test;
    }

    private ArgumentExpressions ReadOptionalArguments() =>
        tokens.Current.Is(JinjaTokenKind.Operator, "(") ? ReadArguments() : ArgumentExpressions.None;
}
