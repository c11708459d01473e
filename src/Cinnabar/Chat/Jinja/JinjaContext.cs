// The state of one rendering: the scope, the text written so far, the line being worked on and what is left of the limits.
using System.Text;

namespace Cinnabar.Chat.Jinja;

/// <summary>One rendering of a template.</summary>
internal sealed class JinjaContext
{
    private readonly string _file;
    private StringBuilder _output = new();
    private long _work = JinjaLimits.Work;
    private int _turns = JinjaLimits.LoopTurns;
    private int _depth;
    private int _macros;

    public JinjaContext(string file, JinjaScope scope, TimeProvider clock)
    {
        _file = file;
        Scope = scope;
        Clock = clock;
    }

    /// <summary>Where names are looked up and set.</summary>
    public JinjaScope Scope { get; set; }

    /// <summary>The clock of strftime_now.</summary>
    public TimeProvider Clock { get; }

    /// <summary>The line of the template that is being evaluated, from 1.</summary>
    public int Line { get; private set; } = 1;

    /// <summary>The text written so far.</summary>
    public string Output => _output.ToString();

    /// <summary>Begins an expression or statement; returns the line to go back to with <see cref="Leave"/>.</summary>
    public int Enter(int line)
    {
        int outer = Line;
        Line = line;
        Spend(JinjaLimits.EvaluationWork);
        if (++_depth > JinjaLimits.EvaluationDepth)
        {
            throw TooMuch($"at most {JinjaLimits.EvaluationDepth} expressions and blocks inside each other", "more");
        }

        return outer;
    }

    /// <summary>Ends what <see cref="Enter"/> began. Not called after a fault, which ends the rendering.</summary>
    public void Leave(int outerLine)
    {
        Line = outerLine;
        _depth--;
    }

    /// <summary>Begins the call of a macro.</summary>
    public void EnterMacro(string name)
    {
        if (++_macros > JinjaLimits.MacroDepth)
        {
            throw TooMuch($"macros that call each other at most {JinjaLimits.MacroDepth} deep", $"more at '{name}'");
        }
    }

    /// <summary>Ends it.</summary>
    public void LeaveMacro() => _macros--;

    /// <summary>Counts a turn of a loop.</summary>
    public void CountTurn()
    {
        if (--_turns < 0)
        {
            throw TooMuch($"at most {JinjaLimits.LoopTurns} turns of all loops", "more");
        }
    }

    /// <summary>Takes from the work that is left.</summary>
    public void Spend(long work)
    {
        _work -= work;
        if (_work < 0)
        {
            throw TooMuch($"a rendering of at most {JinjaLimits.Work} steps", "more");
        }
    }

    /// <summary>To be called before a text or list of this length is made.</summary>
    public void Reserve(long length)
    {
        if (length > JinjaLimits.OutputLength)
        {
            throw TooMuch($"a text or list of at most {JinjaLimits.OutputLength} characters or elements", $"{length}");
        }

        Spend(length);
    }

    /// <summary>To be called before one text is searched for in another; the worst case is the product of the lengths.</summary>
    public void ReserveSearch(int length, int wanted) => Spend((length / 16) + ((long)length * wanted / 64));

    /// <summary>Writes to the result.</summary>
    public void Write(string text)
    {
        if ((long)_output.Length + text.Length > JinjaLimits.OutputLength)
        {
            throw TooMuch($"a result of at most {JinjaLimits.OutputLength} characters", "more");
        }

        Spend(text.Length);
        _output.Append(text);
    }

    /// <summary>From here on text goes into a buffer of its own, until <see cref="EndCapture"/>.</summary>
    public StringBuilder BeginCapture()
    {
        StringBuilder outer = _output;
        _output = new StringBuilder();
        return outer;
    }

    /// <summary>The text captured; writing goes on where it was.</summary>
    public string EndCapture(StringBuilder outer)
    {
        string text = _output.ToString();
        _output = outer;
        return text;
    }

    /// <summary>The exception for an operation that does not fit its values.</summary>
    /// <param name="expected">What was expected.</param>
    /// <param name="found">What was found.</param>
    public CinnabarException Fault(string expected, string found) => new(
        $"{_file}: line {Line}: expected {expected}, found {found}.",
        "Check that the messages have what the template reads, or give another template.");

    /// <summary>The exception that the template itself asks for.</summary>
    public CinnabarException Refusal(string message) => new(
        $"{_file}: line {Line}: the template refuses these messages: {Checkpoints.ErrorText.Quote(message)}.",
        "Change the messages accordingly.");

    private CinnabarException TooMuch(string expected, string found) => new(
        $"{_file}: line {Line}: expected {expected}, found {found}.",
        "Shorten the messages, or give another template; this one may be broken or hostile.");
}
