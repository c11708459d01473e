// Expressions, by precedence from weak to strong (jinja2/parser.py 3.1):
//
//   a if c else b · or · and · not · == != < <= > >= in (not in) · + − · ~ · * / // % · ** · sign · .name [key] (call) · | filter, is test
//
// Filters bind stronger than operators: a ~ b | upper is a ~ (b | upper). After a sign they do not: -a | abs is (-a) | abs.
// Recursion is only as deep as JinjaLimits.Nesting; chains are loops.
namespace Cinnabar.Chat.Jinja;

/// <summary>Reads expressions.</summary>
internal sealed class ExpressionParser(JinjaTokens tokens)
{
    /// <summary>One expression, or several with commas between them: a tuple.</summary>
    public JinjaExpression ReadTuple()
    {
        int line = tokens.Current.Line;
        JinjaExpression first = Read();
        if (!tokens.Current.Is(JinjaTokenKind.Operator, ","))
        {
            return first;
        }

        List<JinjaExpression> items = [first];
        while (tokens.TakeIf(",") && !IsTupleEnd())
        {
            items.Add(Read());
        }

        return new ListExpression(line, items, isTuple: true);
    }

    /// <summary>One expression.</summary>
    public JinjaExpression Read()
    {
        tokens.Enter();
        int line = tokens.Current.Line;
        JinjaExpression value = ReadOr();
        int links = 0;
        while (tokens.TakeIfName("if"))
        {
            tokens.CountLink(ref links);
            JinjaExpression condition = ReadOr();
            value = new ConditionalExpression(line, condition, value, tokens.TakeIfName("else") ? Read() : null);
        }

        tokens.Leave();
        return value;
    }

    /// <summary>An expression without 'if' at its end, as the iterable of a loop is.</summary>
    public JinjaExpression ReadOr() => ReadLogic("or", () => ReadLogic("and", ReadNot));

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
        while (tokens.TakeIf(",") && (tokens.Current is { Kind: JinjaTokenKind.Name, Text: not "in" } || tokens.Current.Is(JinjaTokenKind.Operator, "(")))
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

    private JinjaExpression ReadLogic(string keyword, Func<JinjaExpression> readOperand)
    {
        int line = tokens.Current.Line;
        JinjaExpression first = readOperand();
        if (!tokens.Current.Is(JinjaTokenKind.Name, keyword))
        {
            return first;
        }

        List<JinjaExpression> operands = [first];
        while (tokens.TakeIfName(keyword))
        {
            operands.Add(readOperand());
        }

        return new LogicExpression(line, keyword == "or", operands);
    }

    private JinjaExpression ReadNot()
    {
        int line = tokens.Current.Line;
        if (!tokens.TakeIfName("not"))
        {
            return ReadComparison();
        }

        tokens.Enter();
        JinjaExpression operand = ReadNot();
        tokens.Leave();
        return new NotExpression(line, operand);
    }

    private JinjaExpression ReadComparison()
    {
        int line = tokens.Current.Line;
        JinjaExpression first = ReadSum();
        List<(string, JinjaExpression)> rest = [];
        while (ComparisonSign() is string sign)
        {
            rest.Add((sign, ReadSum()));
        }

        return rest.Count == 0 ? first : new ComparisonExpression(line, first, rest);
    }

    private string? ComparisonSign()
    {
        if (tokens.Current is { Kind: JinjaTokenKind.Operator, Text: "==" or "!=" or "<" or "<=" or ">" or ">=" } || tokens.Current.Is(JinjaTokenKind.Name, "in"))
        {
            return tokens.Take().Text;
        }

        if (tokens.Current.Is(JinjaTokenKind.Name, "not") && tokens.Following.Is(JinjaTokenKind.Name, "in"))
        {
            tokens.Take();
            tokens.Take();
            return "not in";
        }

        return null;
    }

    private JinjaExpression ReadSum() => ReadArithmetic(ReadConcatenation, "+", "-");

    private JinjaExpression ReadConcatenation()
    {
        int line = tokens.Current.Line;
        JinjaExpression first = ReadArithmetic(ReadPower, "*", "/", "//", "%");
        if (!tokens.Current.Is(JinjaTokenKind.Operator, "~"))
        {
            return first;
        }

        List<JinjaExpression> operands = [first];
        while (tokens.TakeIf("~"))
        {
            operands.Add(ReadArithmetic(ReadPower, "*", "/", "//", "%"));
        }

        return new ConcatenationExpression(line, operands);
    }

    private JinjaExpression ReadPower() => ReadArithmetic(() => ReadUnary(withFilters: true), "**");

    private JinjaExpression ReadArithmetic(Func<JinjaExpression> readOperand, params ReadOnlySpan<string> signs)
    {
        int line = tokens.Current.Line;
        JinjaExpression first = readOperand();
        List<(string, JinjaExpression)> rest = [];
        while (tokens.Current.Kind == JinjaTokenKind.Operator && signs.Contains(tokens.Current.Text))
        {
            rest.Add((tokens.Take().Text, readOperand()));
        }

        return rest.Count == 0 ? first : new ArithmeticExpression(line, first, rest);
    }

    private JinjaExpression ReadUnary(bool withFilters)
    {
        JinjaToken token = tokens.Current;
        JinjaExpression value;
        if (token.Kind == JinjaTokenKind.Operator && token.Text is "-" or "+")
        {
            tokens.Take();
            tokens.Enter();
            value = new SignExpression(token.Line, token.Text == "-", ReadUnary(withFilters: false));
            tokens.Leave();
        }
        else
        {
            value = ReadPrimary();
        }

        int links = 0;
        value = ReadPostfix(value, ref links);
        return withFilters ? ReadFiltersAndTests(value, ref links) : value;
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
            || (next.Kind == JinjaTokenKind.Name && next.Text is not ("else" or "or" or "and" or "is" or "if" or "not" or "in")))
        {
            int links = 0;
            arguments = new ArgumentExpressions([ReadPostfix(ReadPrimary(), ref links)], []); // a is divisibleby 3
        }

        JinjaExpression test = new TestExpression(line, operand, name, arguments);
        return negated ? new NotExpression(line, test) : test;
    }

    private ArgumentExpressions ReadOptionalArguments() =>
        tokens.Current.Is(JinjaTokenKind.Operator, "(") ? ReadArguments() : ArgumentExpressions.None;

    private bool IsTupleEnd() => tokens.Current.Kind is JinjaTokenKind.BlockEnd or JinjaTokenKind.OutputEnd
        || tokens.Current is { Kind: JinjaTokenKind.Operator, Text: ")" };
}
