using Cinnabar.Numerics;
using Cinnabar.Serving;
using Cinnabar.Tests;

namespace Cinnabar.Extensions.AI.Tests;

/// <summary>
/// Engines of a tiny model, with and without a chat template, and a copy of it that no engine has; and one with a context that holds the
/// definitions of tools, in two templates; one whose tokenizer begins texts with a space;
/// and one that drafts.
/// </summary>
public sealed class TinyChat : IAsyncLifetime
{
    private const string Template =
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}";

    private const string ToolTemplate =
        "{% for t in tools or [] %}{{ t.function | tojson }}\n{% endfor %}{% for m in messages %}{{ m.role }}: "
        + "{% if m.tool_calls %}{% for c in m.tool_calls %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}"
        + "{% else %}{{ m.content }}{% endif %}{% if m.tool_call_id %}[{{ m.tool_call_id }}]{% endif %}\n{% endfor %}"
        + "{% if add_generation_prompt %}assistant:{% endif %}";

    private readonly string _folder = Directory.CreateTempSubdirectory("cinnabar-ai-").FullName;

    public ModelEngine Engine { get; private set; } = null!;

    public ModelEngine WithoutTemplate { get; private set; } = null!;

    /// <summary>Describes tools in a message.</summary>
    public ModelEngine Long { get; private set; } = null!;

    /// <summary>Its template knows tools.</summary>
    public ModelEngine Tools { get; private set; } = null!;

    /// <summary>The model of <see cref="LlamaModelFolder"/>, without a template.</summary>
    public ModelEngine Llama { get; private set; } = null!;

    /// <summary>The model of <see cref="TinyModelFolder.WriteDrafting"/>, with the template of <see cref="Engine"/>.</summary>
    public ModelEngine Drafting { get; private set; } = null!;

    public DiffusionModel Alone { get; private set; } = null!;

    /// <summary>A copy of the one that drafts.</summary>
    public DiffusionModel DraftingAlone { get; private set; } = null!;

    public Task InitializeAsync()
    {
        string chat = Path.Combine(_folder, "tiny-chat");
        string plain = Path.Combine(_folder, "tiny");
        TinyModelFolder.Write(chat);
        TinyModelFolder.Write(plain);
        File.WriteAllText(Path.Combine(chat, "chat_template.jinja"), Template);
        Engine = new ModelEngine(Load(chat));
        WithoutTemplate = new ModelEngine(Load(plain));
        Alone = Load(chat);
        string llama = Path.Combine(_folder, "llama");
        LlamaModelFolder.Write(llama);
        Llama = new ModelEngine(Load(llama));
        string drafting = Path.Combine(_folder, "drafting");
        TinyModelFolder.WriteDrafting(drafting);
        File.WriteAllText(Path.Combine(drafting, "chat_template.jinja"), Template);
        Drafting = new ModelEngine(Load(drafting));
        DraftingAlone = Load(drafting);
        Long = new ModelEngine(Load(WithLongContext("long", Template)));
        Tools = new ModelEngine(Load(WithLongContext("tools", ToolTemplate)));
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await Engine.DisposeAsync();
        await WithoutTemplate.DisposeAsync();
        await Llama.DisposeAsync();
        await Drafting.DisposeAsync();
        await Long.DisposeAsync();
        await Tools.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private string WithLongContext(string name, string template)
    {
        string path = Path.Combine(_folder, name);
        TinyModelFolder.Write(path, config => config with { MaxSequenceLength = 900 });
        File.WriteAllText(Path.Combine(path, "chat_template.jinja"), template);
        return path;
    }

    private static DiffusionModel Load(string path) => DiffusionModel.Load(path, KernelTable.Create(threads: 1));
}
