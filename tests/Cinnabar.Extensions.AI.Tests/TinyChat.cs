using Cinnabar.Numerics;
using Cinnabar.Serving;
using Cinnabar.Tests;

namespace Cinnabar.Extensions.AI.Tests;

/// <summary>Engines of a tiny model, with and without a chat template, and a copy of it that no engine has.</summary>
public sealed class TinyChat : IAsyncLifetime
{
    private const string Template =
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}";

    private readonly string _folder = Directory.CreateTempSubdirectory("cinnabar-ai-").FullName;

    public ModelEngine Engine { get; private set; } = null!;

    public ModelEngine WithoutTemplate { get; private set; } = null!;

    public DiffusionModel Alone { get; private set; } = null!;

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
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await Engine.DisposeAsync();
        await WithoutTemplate.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static DiffusionModel Load(string path) => DiffusionModel.Load(path, KernelTable.Create(threads: 1));
}
