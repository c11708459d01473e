// Expressions, by precedence from weak to strong (jinja2/parser.py 3.1):
//
//   a if c else b · or · and · not · == != < <= > >= in (not in) · + − · ~ · * / // % · ** · sign · .name [key] (call) · | filter,
//   is test
//
// Filters bind stronger than operators: a ~ b | upper is a ~ (b | upper). After a sign they do not: -a | abs is (-a) | abs.
// Recursion is only as deep as JinjaLimits.Nesting; chains are loops.
namespace Cinnabar.Chat.Jinja;

/// <summary>Reads expressions.</summary>
internal sealed partial class ExpressionParser(JinjaTokens tokens)
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
        if (tokens.Current is { Kind: JinjaTokenKind.Operator, Text: "==" or "!=" or "<" or "<=" or ">" or ">=" }
            or { Kind: JinjaTokenKind.Name, Text: "in" })
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

    private bool IsTupleEnd() => tokens.Current.Kind is JinjaTokenKind.BlockEnd or JinjaTokenKind.OutputEnd
        || tokens.Current is { Kind: JinjaTokenKind.Operator, Text: ")" };
}
