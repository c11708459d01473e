// A model on the examples of a task.
//
//   conversation             the prompt as a user's message, in the layout of the model's chat template
//   template                 a canvas of the template with a hole for every unknown run, each exactly as long as it is
//   suffix                   prompt, hole, suffix; an autoregressive model gets them in the layout of Diffusion/FillInTheMiddle.cs
//   otherwise                prompt and a continuation that the model ends itself
//
// Holes and continuations have the tokens asked for, cut to what the context has left. A network that attends in blocks gets a last block
// that is whole, as in TextCanvas.cs.
using System.Diagnostics;
using Cinnabar.Chat;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Sampling;

namespace Cinnabar.Evaluation.Tasks;

/// <summary>Answers examples with a model. Not thread-safe.</summary>
public sealed class TaskAnswerer
{
    private readonly DiffusionModel _model;
    private readonly Sampler _sampler;
    private readonly SamplerOptions _options;
    private readonly EvaluationTask _task;
    private readonly int _answerTokens;
    private readonly int _bestOf;
    private readonly bool _asksInChat;

    /// <summary>Wraps a model with a mask.</summary>
    /// <param name="task">Whose examples it answers.</param>
    /// <param name="model">The model.</param>
    /// <param name="options">How it is sampled; an autoregressive one goes left to right whatever they say.</param>
    /// <param name="answerTokens">Most tokens of an answer whose length is not given.</param>
    /// <param name="bestOf">Answers drawn, of which the most probable counts (<see cref="BestOf"/>).</param>
    /// <param name="asksInChat">Whether prompts are messages, though the task is no conversation.</param>
    /// <exception cref="CinnabarException">The model cannot be asked so: its noise is no mask, or it has no chat template.</exception>
    public TaskAnswerer(
        EvaluationTask task, DiffusionModel model, SamplerOptions options, int answerTokens, int bestOf = 1, bool asksInChat = false)
    {
        model.Denoiser.RequireMask("a task of an evaluation");
        if (asksInChat && model.ChatTemplate is null)
        {
            throw new CinnabarException(
                $"Expected a model with a chat template for questions as messages, found {model.Name}, which has none.",
                "Ask it without --chat.");
        }

        _task = task;
        _model = model;
        _sampler = new Sampler(model.Denoiser, model.Kernels.Workers, statistics: model.Kernels.TokenStatistics);
        _options = model.Followed(options);
        _answerTokens = answerTokens;
        _bestOf = bestOf;
        _asksInChat = asksInChat;
    }

    /// <summary>Whether it is shown templates instead of prompts.</summary>
    public bool AnswersInPlace => !IsChat && IsInPlace(_model);

    /// <summary>Whether a model is shown templates: it sees all of a canvas at once.</summary>
    public static bool IsInPlace(DiffusionModel model) => model.Config.AttentionKind == Numerics.Kernels.AttentionKind.Full;

    /// <summary>Answers one example.</summary>
    /// <param name="example">The example.</param>
    /// <param name="onStep">Told every step, unless the best of several answers is wanted.</param>
    /// <param name="cancellation">Looked at before every pass.</param>
    /// <exception cref="CinnabarException">
    /// The prompt leaves no room in the context, the tokens of a template are no single characters, or text stands behind the answer to a
    /// message.
    /// </exception>
    public (TaskAnswer Answer, DecodingWork Work) Answer(
        TaskExample example, Action<DenoisingStep>? onStep = null, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        Canvas canvas = CanvasFor(example);
        DecodingWork work;
        if (_bestOf > 1)
        {
            Stopwatch time = Stopwatch.StartNew();
            (canvas, PassCount passes) = BestOf.Run(_sampler, canvas, _options, _bestOf, cancellation);
            work = DecodingWork.Of(passes, canvas, time.Elapsed);
        }
        else
        {
            work = DecodingWork.Run(_sampler, canvas, _options, onStep, cancellation);
        }

        string text = AnswersInPlace && example.Template is not null
            ? _model.Tokenizer.Decode(canvas.Text())
            : _model.Tokenizer.Decode(canvas.TextOf(0), first: IsChat || Encode(example.Prompt, begins: true).Length == 0);
        return (new TaskAnswer(example, text), work);
    }

    // Then an answer is a text of its own; else it goes on with the prompt.
    private bool IsChat => (_asksInChat || _task.IsConversation) && _model.ChatTemplate is not null;

    private int[] Encode(string text, bool begins) => begins ? _model.Tokenizer.Encode(text) : _model.Tokenizer.EncodeBehind(text);

    private Canvas CanvasFor(TaskExample example)
    {
        if (IsChat)
        {
            return example.Suffix.Length == 0
                ? _model.CanvasFor([new ChatMessage("user", example.Prompt)], _answerTokens).Canvas
                : throw new CinnabarException(
                    $"Expected questions without text behind the answer to ask as messages, found one of {_task.Name} with some.",
                    "Ask it without --chat.");
        }

        int[] begin = _model.Config.BosTokenId is int bos ? [bos] : [];
        if (AnswersInPlace && example.Template is not null)
        {
            IEnumerable<CanvasSegment> parts =
                TaskLayout.Of(example, inPlace: true).Parts.Select((part, i) => InPlace(part, Encode(part.Text, begins: i == 0)));
            return new Canvas([CanvasSegment.Text(begin), .. parts], _model.TokensFor(exactLength: true));
        }

        CanvasTokens tokens = _model.TokensFor(exactLength: false);
        int[] question = Encode(example.Prompt, begins: true);
        int[] prompt = [.. begin, .. question];
        int[] suffix = Encode(example.Suffix, begins: false);
        int wanted = _task.AnswerTokens(question.Length, suffix.Length, _answerTokens);
        int context = _model.Config.MaxSequenceLength;
        if (suffix.Length > 0 && _model.Config.IsAutoregressive)
        {
            return new FillInTheMiddle(_model.Config).CanvasFor(
                prompt, suffix, CanvasSegment.Continuation(wanted), tokens, context);
        }

        int closing = suffix.Length > 0 && tokens.ClosesHoles ? 1 : 0;
        int room = Math.Min(wanted, context - prompt.Length - suffix.Length - closing);
        if (room < 1)
        {
            throw new CinnabarException(
                $"Expected a prompt that leaves room for an answer in the model's context of {context} tokens, "
                + $"found one of {prompt.Length + suffix.Length}.",
                "Use a model with a longer context.");
        }

        if (suffix.Length > 0)
        {
            return new Canvas([CanvasSegment.Text(prompt), CanvasSegment.Hole(room), CanvasSegment.Text(suffix)], tokens);
        }

        int block = _model.Denoiser.BlockSize ?? 1;
        int whole = Math.Min((prompt.Length + room + block - 1) / block * block, context);
        return new Canvas(
            [CanvasSegment.Text(prompt), CanvasSegment.Continuation(whole - prompt.Length, mostText: room)], tokens);
    }

    // One token for every character: a hole as long as the tokens of its answer would tell which of its characters are one token.
    private CanvasSegment InPlace(ExamplePart part, int[] ids) => ids.Length != part.Text.Length
        ? throw new CinnabarException(
            $"Expected a tokenizer with one token for each character of a {_task.Name} template, found {ids.Length} tokens for "
            + $"{part.Text.Length} characters with that of {_model.Name}.",
            "Use a model whose tokenizer joins no digits, such as one with a vocabulary of single bytes.")
        : part.IsWanted ? CanvasSegment.Hole(ids.Length) : CanvasSegment.Text(ids);
}
