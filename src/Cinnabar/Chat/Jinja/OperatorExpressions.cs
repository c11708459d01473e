// Operators. Chains of equal rank (a + b - c) are one node each, so that a long chain is no deep tree.

namespace Cinnabar.Chat.Jinja;

/// <summary>a or b or c, a and b and c: the first operand that decides, as in Python, not true or false.</summary>
internal sealed class LogicExpression(int line, bool isOr, IReadOnlyList<JinjaExpression> operands) : JinjaExpression(line)
{
    protected override object? Compute(JinjaContext context)
    {
        for (int i = 0; i < operands.Count - 1; i++)
        {
            object? value = operands[i].Evaluate(context);
            if (JinjaValue.IsTrue(value) == isOr)
            {
                return value;
            }
        }

        return operands[^1].Evaluate(context);
    }
}

/// <summary>not a.</summary>
internal sealed class NotExpression(int line, JinjaExpression operand) : JinjaExpression(line)
{
    protected override object? Compute(JinjaContext context) => !JinjaValue.IsTrue(operand.Evaluate(context));
}

/// <summary>-a, +a.</summary>
internal sealed class SignExpression(int line, bool isMinus, JinjaExpression operand) : JinjaExpression(line)
{
    protected override object? Compute(JinjaContext context) => JinjaArithmetic.Sign(context, isMinus, operand.Evaluate(context));
}

/// <summary>a + b - c, or a * b / c, from left to right.</summary>
internal sealed class ArithmeticExpression(int line, JinjaExpression first, IReadOnlyList<(string Operator, JinjaExpression Operand)> rest)
    : JinjaExpression(line)
{
    protected override object? Compute(JinjaContext context)
    {
        object? value = first.Evaluate(context);
        foreach ((string sign, JinjaExpression operand) in rest)
        {
            value = JinjaArithmetic.Apply(context, sign, value, operand.Evaluate(context));
        }

        return value;
    }
}

/// <summary>a ~ b ~ c: the values as texts, joined.</summary>
internal sealed class ConcatenationExpression(int line, IReadOnlyList<JinjaExpression> operands) : JinjaExpression(line)
{
    protected override object? Compute(JinjaContext context)
    {
        string[] texts = new string[operands.Count];
        long length = 0;
        for (int i = 0; i < texts.Length; i++)
        {
            texts[i] = PythonText.Of(context, operands[i].Evaluate(context));
            length += texts[i].Length;
        }

        context.Reserve(length);
        return string.Concat(texts);
    }
}

/// <summary>a &lt; b == c: true if each neighbouring pair is; stops at the first that is not.</summary>
internal sealed class ComparisonExpression(int line, JinjaExpression first, IReadOnlyList<(string Operator, JinjaExpression Operand)> rest)
    : JinjaExpression(line)
{
    protected override object? Compute(JinjaContext context)
    {
        object? left = first.Evaluate(context);
        foreach ((string sign, JinjaExpression operand) in rest)
        {
            object? right = operand.Evaluate(context);
            if (!JinjaComparison.Holds(context, sign, left, right))
            {
                return false;
            }

            left = right;
        }

        return true;
    }
}
