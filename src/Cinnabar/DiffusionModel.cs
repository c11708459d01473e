// The front door: a model folder as one object that continues texts, fills holes in them, and streams the steps of both.
//
//   text ─▶ Tokenizer ─▶ Canvas ─▶ Sampler over the Denoiser, step after step ─▶ Canvas ─▶ text
//
// Known text never comes back through the tokenizer: what stands in the result outside of holes are the caller's own strings.
using System.Runtime.CompilerServices;
using System.Text.Json;
using Cinnabar.Chat;
using Cinnabar.Checkpoints;
using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Machines;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using Cinnabar.Tokenizers;

namespace Cinnabar;

/// <summary>A diffusion language model, ready to use. Not thread-safe: one text at a time.</summary>
/// <example>
/// <code>
/// DiffusionModel model = DiffusionModel.Load("csharp-12m");
/// Console.WriteLine(model.Infill("int Square(int x) => &lt;fill&gt;;").Text);
/// Console.WriteLine(model.Generate("public static int Max(", new SamplerOptions { MaxNewTokens = 64, Seed = 7 }).Text);
/// await foreach (DenoisingStep step in model.StreamAsync(model.CanvasFor("// ").Canvas))
/// {
///     Console.WriteLine(model.Tokenizer.Decode(step.Canvas.Text(), skipSpecialTokens: false));
/// }
/// </code>
/// </example>
public sealed partial class DiffusionModel
{
    private readonly CanvasTokens _tokens;
    private readonly Sampler _sampler;
    private readonly PromptEncoder? _prompts;
    private readonly FirstTokens _firstTokens;

    private DiffusionModel(
        Checkpoint checkpoint,
        Tokenizer tokenizer,
        KernelTable kernels,
        WeightForm form,
        IProgress<LoadProgress>? progress,
        LayerPipeline? elsewhere)
    {
        Path = System.IO.Path.GetFullPath(checkpoint.Path);
        Name = checkpoint.Name;
        Config = checkpoint.Config;
        GenerationConfig = checkpoint.GenerationConfig;
        Tokenizer = tokenizer;
        Kernels = kernels;
        Denoiser = ModelReading.Network(checkpoint, kernels, form, progress, elsewhere);
        Placement = elsewhere?.Placement;
        ChatTemplate = checkpoint.ChatTemplateFor(tokenizer);
        Constraints = new ConstraintLifter(tokenizer, Denoiser.VocabularySize);
        LengthBias = checkpoint.LoadLengthBias();
        _prompts = ChatTemplate is null ? null : new PromptEncoder(tokenizer, ChatTemplate);
        _firstTokens = new FirstTokens(tokenizer, Denoiser.VocabularySize);
        _tokens = ModelReading.CanvasTokensOf(Config, GenerationConfig, tokenizer);
        DefaultOptions = checkpoint.DefaultOptions;
        _sampler = SamplerOf(Denoiser);
    }

    /// <summary>What people call it, see <see cref="Checkpoint.Name"/>.</summary>
    public string Name { get; }

    /// <summary>Full path of the model's folder, or of its GGUF file.</summary>
    public string Path { get; }

    /// <summary>Sizes, switches and special ids.</summary>
    public ModelConfig Config { get; }

    /// <summary>Sampling settings that came with the model.</summary>
    public GenerationConfig GenerationConfig { get; }

    /// <summary>Text ↔ ids.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>The network.</summary>
    public IDenoiser Denoiser { get; }

    /// <summary>Where the network runs. Threads that were asked for by number end with <c>Kernels.Workers.Dispose()</c>.</summary>
    public KernelTable Kernels { get; }

    /// <summary>Which layers are on which machine, in words; null: all are here.</summary>
    public string? Placement { get; }

    /// <summary>
    /// The family's defaults, overridden by what <see cref="GenerationConfig"/> sets; used where a method is given no options. See
    /// <see cref="Checkpoint.DefaultOptions"/>.
    /// </summary>
    public SamplerOptions DefaultOptions { get; }

    /// <summary>Turns a conversation into a prompt; null: the model has no template and its family none either.</summary>
    public ChatTemplateFile? ChatTemplate { get; }

    /// <summary>How sure the network is of holes of a wrong length, for <see cref="LengthPolicy.Probe"/>; null: not measured.</summary>
    public LengthBias? LengthBias { get; }

    /// <summary>Lifts constraints to the model's tokens.</summary>
    internal ConstraintLifter Constraints { get; }

    /// <summary>Loads a model folder (config.json, tokenizer.json, safetensors) or a GGUF file.</summary>
    /// <param name="pathOrName">
    /// Path of the folder or file, the name of a folder under "models", or org/name[@revision][:file.gguf] of a model that was pulled from
    /// the Hugging Face hub; see <see cref="ModelLocator"/>.
    /// </param>
    /// <param name="kernels">Where to run; null: the best of this CPU on all cores, with the same threads for all models so loaded.</param>
    /// <param name="form">How matrices are held in memory. Default: as the file has them, as nearly as the engine can.</param>
    /// <param name="progress">Told after every weight.</param>
    /// <param name="machines">
    /// Machines that compute the last layers, and are sent their weights; they give them up when nobody has the model any more. Null: all
    /// layers are here.
    /// </param>
    /// <exception cref="CinnabarException">
    /// There is no such model, or one of its files is missing, damaged, or does not fit the others; or a machine is not there, or refuses.
    /// </exception>
    public static DiffusionModel Load(
        string pathOrName,
        KernelTable? kernels = null,
        WeightForm form = WeightForm.AsStored,
        IProgress<LoadProgress>? progress = null,
        MachineList? machines = null)
    {
        Checkpoint checkpoint = Checkpoint.Open(ModelLocator.Find(pathOrName));
        Tokenizer tokenizer = checkpoint.LoadTokenizer();
        if (tokenizer.VocabularySize > checkpoint.Config.VocabularySize)
        {
            throw new CinnabarException(
                $"{checkpoint.Path}: expected a tokenizer of at most {checkpoint.Config.VocabularySize} tokens (vocab_size), "
                + $"found {tokenizer.VocabularySize}.",
                "Use the tokenizer that belongs to the model.");
        }

        kernels ??= KernelTable.Create(threads: null);
        LayerPipeline? elsewhere = machines is null ? null : ModelReading.Connect(machines, checkpoint, form, kernels);
        try
        {
            return new DiffusionModel(checkpoint, tokenizer, kernels, form, progress, elsewhere);
        }
        catch
        {
            elsewhere?.Dispose();
            throw;
        }
    }

    /// <summary>Continues a text.</summary>
    /// <param name="prompt">The text so far; empty: the model writes from nothing.</param>
    /// <param name="options">How to sample; null: <see cref="DefaultOptions"/>. MaxNewTokens is cut to what is left of the context.</param>
    /// <param name="onStep">Called after every step, on the calling thread.</param>
    /// <param name="cancellation">Stops before the next pass through the network.</param>
    /// <param name="constraint">What the continuation must be; null: anything.</param>
    /// <returns>The prompt and its continuation, which is the one hole of the result.</returns>
    /// <exception cref="CinnabarException">
    /// The prompt leaves no room in the context, an option is out of range, or no text that the constraint allows fits.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public GenerationResult Generate(
        string prompt,
        SamplerOptions? options = null,
        Action<DenoisingStep>? onStep = null,
        CancellationToken cancellation = default,
        Constraint? constraint = null)
    {
        options = Followed(options ?? DefaultOptions);
        options.Validate();
        return Run(Constrained(CanvasFor(prompt, options.MaxNewTokens), constraint), options, onStep, cancellation);
    }

    /// <summary>
    /// Continues token ids, for comparing with other programs: nothing is added in front, every token but the mask may be written, and none
    /// ends the text.
    /// </summary>
    /// <param name="prompt">The ids so far, may be empty.</param>
    /// <param name="options">How to sample; null: <see cref="DefaultOptions"/>. All of MaxNewTokens must fit into the context.</param>
    /// <param name="onStep">Called after every step, on the calling thread.</param>
    /// <param name="cancellation">Stops before the next pass through the network.</param>
    /// <returns>The text of all ids.</returns>
    /// <exception cref="CinnabarException">An id is none of the network's, or an option is out of range.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public GenerationResult Generate(
        ReadOnlySpan<int> prompt,
        SamplerOptions? options = null,
        Action<DenoisingStep>? onStep = null,
        CancellationToken cancellation = default)
    {
        options = Followed(options ?? DefaultOptions);
        options.Validate();
        bool holeBegins = prompt.IsEmpty;
        Canvas canvas = Canvas.ForContinuation(prompt, options.MaxNewTokens, new CanvasTokens(Config.MaskTokenId, null, null));
        return Run(canvas, options, onStep, cancellation, () =>
        {
            int[] written = canvas.TextOf(0);
            string text = Tokenizer.Decode(Known(written), skipSpecialTokens: false, first: holeBegins);
            return new GenerationResult
            {
                Text = Tokenizer.Decode(Known(canvas.Text()), skipSpecialTokens: false),
                Holes = [new FilledHole(0, text, written, written.Length)],
                TokenIds = canvas.Text(),
            };
        });

        // Rows of the tables that are no tokens have no text.
        int[] Known(int[] ids) => Array.FindAll(ids, id => id < Tokenizer.VocabularySize);
    }

    /// <summary>Answers the last message of a conversation.</summary>
    /// <param name="messages">The turns so far, oldest first. Special tokens spelled in them are ordinary text.</param>
    /// <param name="options">How to sample; null: <see cref="DefaultOptions"/>. MaxNewTokens is cut to what is left of the context.</param>
    /// <param name="variables">Further variables of the template, such as enable_thinking; null: none.</param>
    /// <param name="onStep">Called after every step, on the calling thread.</param>
    /// <param name="cancellation">Stops before the next pass through the network.</param>
    /// <param name="constraint">What the answer must be; null: anything.</param>
    /// <returns>The answer.</returns>
    /// <exception cref="CinnabarException">
    /// The model is no chat model, the template refuses the messages, they leave no room in the context, an option is out of range, or no
    /// text that the constraint allows fits.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public GenerationResult Chat(
        IReadOnlyList<ChatMessage> messages,
        SamplerOptions? options = null,
        IReadOnlyDictionary<string, JsonElement>? variables = null,
        Action<DenoisingStep>? onStep = null,
        CancellationToken cancellation = default,
        Constraint? constraint = null)
    {
        options = Followed(options ?? DefaultOptions);
        options.Validate();
        return Run(Constrained(CanvasFor(messages, options.MaxNewTokens, variables), constraint), options, onStep, cancellation);
    }

    /// <summary>Fills the holes marked <c>&lt;fill&gt;</c> (at most 32 tokens) or <c>&lt;fill:N&gt;</c> (at most N) in a text.</summary>
    /// <inheritdoc cref="Infill(TextWithHoles, SamplerOptions?, Action{DenoisingStep}?, CancellationToken)"/>
    public GenerationResult Infill(
        string text, SamplerOptions? options = null, Action<DenoisingStep>? onStep = null, CancellationToken cancellation = default) =>
        Infill(TextWithHoles.Parse(text), options, onStep, cancellation);

    /// <summary>Fills the holes in a text; everything outside of them is returned unchanged, character by character.</summary>
    /// <param name="text">The text. If it is longer than the context, the network sees the tokens nearest to the holes.</param>
    /// <param name="options">How to sample; null: <see cref="DefaultOptions"/>.</param>
    /// <param name="onStep">Called after every step, on the calling thread.</param>
    /// <param name="cancellation">Stops before the next pass through the network.</param>
    /// <exception cref="CinnabarException">
    /// The text has no hole, the holes do not fit into the context, the model cannot follow their <see cref="TextWithHoles.Length"/>, or an
    /// option is out of range.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public GenerationResult Infill(
        TextWithHoles text,
        SamplerOptions? options = null,
        Action<DenoisingStep>? onStep = null,
        CancellationToken cancellation = default)
    {
        options ??= DefaultOptions;
        return Run(CanvasFor(FindLengths(text, options, cancellation)), options, onStep, cancellation);
    }

    /// <summary>Denoises a canvas step by step on the thread pool; each step is computed when it is asked for.</summary>
    /// <param name="canvas">Changed in place; one of CanvasFor, or your own.</param>
    /// <param name="options">How to sample; null: <see cref="DefaultOptions"/>.</param>
    /// <param name="cancellation">Stops before the next pass through the network.</param>
    /// <exception cref="CinnabarException">An option, or the canvas, does not fit.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the canvas is as the last step left it.</exception>
    public async IAsyncEnumerable<DenoisingStep> StreamAsync(
        Canvas canvas, SamplerOptions? options = null, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        options ??= DefaultOptions;
        using IEnumerator<DenoisingStep> steps = _sampler.Steps(canvas, Followed(options), cancellation).GetEnumerator();
        while (await Task.Run(steps.MoveNext, CancellationToken.None).ConfigureAwait(false))
        {
            yield return steps.Current;
        }
    }
}
