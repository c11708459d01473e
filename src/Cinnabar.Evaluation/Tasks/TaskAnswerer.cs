// A model on the examples of a task.
//
//   template                 a canvas of the template with a hole for every unknown run, each exactly as long as it is
//   suffix                   prompt, hole, suffix; an autoregressive model gets them in the layout of Diffusion/FillInTheMiddle.cs
//   otherwise                prompt and a continuation that the model ends itself
//
// Holes and continuations have the tokens asked for, cut to what the context has left.
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

    /// <summary>Wraps a model with a mask.</summary>
    /// <param name="task">Whose examples it answers.</param>
    /// <param name="model">The model.</param>
    /// <param name="options">How it is sampled; an autoregressive one goes left to right whatever they say.</param>
    /// <param name="answerTokens">Most tokens of an answer whose length is not given.</param>
    /// <param name="bestOf">Answers drawn, of which the most probable counts (<see cref="BestOf"/>).</param>
    public TaskAnswerer(EvaluationTask task, DiffusionModel model, SamplerOptions options, int answerTokens, int bestOf = 1)
    {
        model.Denoiser.RequireMask("a task of an evaluation");
        _task = task;
        _model = model;
        _sampler = new Sampler(model.Denoiser, model.Kernels.Workers, statistics: model.Kernels.TokenStatistics);
        _options = model.Followed(options);
        _answerTokens = answerTokens;
        _bestOf = bestOf;
    }

    /// <summary>Whether it is shown templates instead of prompts.</summary>
    public bool AnswersInPlace => IsInPlace(_model);

    /// <summary>Whether a model is shown templates: it sees all of a canvas at once.</summary>
    public static bool IsInPlace(DiffusionModel model) => model.Config.AttentionKind == Numerics.Kernels.AttentionKind.Full;

    /// <summary>Answers one example.</summary>
    /// <param name="example">The example.</param>
    /// <param name="onStep">Told every step, unless the best of several answers is wanted.</param>
    /// <exception cref="CinnabarException">The prompt leaves no room in the context.</exception>
    public (TaskAnswer Answer, DecodingWork Work) Answer(TaskExample example, Action<DenoisingStep>? onStep = null)
    {
        Canvas canvas = CanvasFor(example);
        DecodingWork work;
        if (_bestOf > 1)
        {
            Stopwatch time = Stopwatch.StartNew();
            (canvas, PassCount passes) = BestOf.Run(_sampler, canvas, _options, _bestOf);
            work = DecodingWork.Of(passes, canvas, time.Elapsed);
        }
        else
        {
            work = DecodingWork.Run(_sampler, canvas, _options, onStep);
        }

        string text = AnswersInPlace && example.Template is not null
            ? _model.Tokenizer.Decode(canvas.Text())
            : _model.Tokenizer.Decode(canvas.TextOf(0));
        return (new TaskAnswer(example, text), work);
    }

    private Canvas CanvasFor(TaskExample example)
    {
        if (_task.IsConversation && _model.ChatTemplate is not null)
        {
            return _model.CanvasFor([new ChatMessage("user", example.Prompt)], _answerTokens).Canvas;
        }

        int[] begin = _model.Config.BosTokenId is int bos ? [bos] : [];
        if (AnswersInPlace && example.Template is not null)
        {
            IEnumerable<CanvasSegment> parts = TaskLayout.Of(example, inPlace: true).Parts.Select(part =>
                _model.Tokenizer.Encode(part.Text) is var ids && part.IsWanted ? CanvasSegment.Hole(ids.Length) : CanvasSegment.Text(ids));
            return new Canvas([CanvasSegment.Text(begin), .. parts], _model.TokensFor(exactLength: true));
        }

        CanvasTokens tokens = _model.TokensFor(exactLength: false);
        int[] question = _model.Tokenizer.Encode(example.Prompt);
        int[] prompt = [.. begin, .. question];
        int[] suffix = _model.Tokenizer.Encode(example.Suffix);
        int wanted = _task.AnswerTokens(question.Length, suffix.Length, _answerTokens);
        int context = _model.Config.MaxSequenceLength;
        if (suffix.Length > 0 && _model.Config.IsAutoregressive)
        {
            return new FillInTheMiddle(_model.Config).CanvasFor(prompt, suffix, wanted, tokens, context);
        }

        int room = Math.Min(wanted, context - prompt.Length - suffix.Length);
        if (room < 1)
        {
            throw new CinnabarException(
                $"Expected a prompt that leaves room for an answer in the model's context of {context} tokens, "
                + $"found one of {prompt.Length + suffix.Length}.",
                "Use a model with a longer context.");
        }

        return suffix.Length == 0
            ? Canvas.ForContinuation(prompt, room, tokens)
            : new Canvas([CanvasSegment.Text(prompt), CanvasSegment.Hole(room), CanvasSegment.Text(suffix)], tokens);
    }
}
