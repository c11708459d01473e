namespace Cinnabar.Chat.Jinja;

/// <summary>
/// A template in the part of Jinja 3.1 that published chat templates use, with the settings of transformers (see
/// <see cref="JinjaLexer"/>). Thread-safe: a rendering has its state in a context of its own.
/// </summary>
internal sealed class JinjaTemplate
{
    private readonly string _file;
    private readonly IReadOnlyList<JinjaStatement> _body;

    private JinjaTemplate(string file, IReadOnlyList<JinjaStatement> body)
    {
        _file = file;
        _body = body;
    }

    /// <summary>Reads a template.</summary>
    /// <param name="template">Its text, at most 256 KB.</param>
    /// <param name="file">Where it is from, for messages.</param>
    /// <exception cref="CinnabarException">It is too long, damaged, or uses something unsupported.</exception>
    public static JinjaTemplate Parse(string template, string file)
    {
        int bytes = System.Text.Encoding.UTF8.GetByteCount(template);
        return bytes <= JinjaLimits.TemplateBytes
            ? new JinjaTemplate(file, JinjaParser.Parse(template, file))
            : throw new CinnabarException(
                $"{file}: expected a chat template of at most {JinjaLimits.TemplateBytes} bytes, found {bytes}.", "Give another template.");
    }

    /// <summary>The text for these variables.</summary>
    /// <exception cref="CinnabarException">The template does not fit them, refuses them, or reaches a limit.</exception>
    public string Render(IEnumerable<KeyValuePair<string, object?>> variables, TimeProvider clock)
    {
        JinjaScope scope = new(JinjaFunctions.NewScope());
        foreach ((string name, object? value) in variables)
        {
            scope.Set(name, value);
        }

        JinjaContext context = new(_file, scope, clock);
        JinjaStatement.ExecuteAll(context, _body);
        return context.Output;
    }
}
