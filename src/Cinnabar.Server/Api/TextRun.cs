// One text of a request on its way through the engine.
//
//   Submit ─▶ step, step, … ─▶ pieces of settled text for each hole ─▶ Answer
//
// When a stop text stands in every hole, nothing behind can matter: the engine is told to drop the text, and the answer is made from the
// step that showed it. Its tokens are those that the text needs, whichever step that was, so an answer is the same with and without a
// stream.
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Sampling;
using Cinnabar.Serving;
using Cinnabar.Tokenizers;

namespace Cinnabar.Server.Api;

/// <summary>What is new of a text.</summary>
/// <param name="Pieces">What has settled in each hole since the last time.</param>
/// <param name="Step">The step; null: there was none, or the text ends with what the last one settled.</param>
/// <param name="Answer">The whole, at the end; else null.</param>
internal sealed record TextUpdate(IReadOnlyList<string> Pieces, DenoisingStep? Step, Answer? Answer);

/// <summary>One text that is being written.</summary>
internal sealed class TextRun
{
    private const int MostStepsAPosition = 4;

    private readonly int _index;
    private readonly TextCanvas _text;
    private readonly GenerationRequest _request;
    private readonly Tokenizer _tokenizer;
    private readonly SettledText[] _settled;
    private readonly string[] _written;
    private readonly Stopwatch _time = new();
    private DenoisingJob? _job;
    private DenoisingStep? _last;

    /// <summary>Prepares a text.</summary>
    /// <param name="index">Its number in the request, which makes its seed another one.</param>
    /// <param name="text">Its canvas, of its own.</param>
    /// <param name="request">What is asked for.</param>
    /// <exception cref="ApiException">400: the fork, the constraint or the number of steps does not fit the canvas.</exception>
    public TextRun(int index, TextCanvas text, GenerationRequest request)
    {
        (_index, _text, _request) = (index, text, request);
        _tokenizer = request.Model.Engine.Model.Tokenizer;
        Canvas canvas = text.Canvas;
        int noisy = canvas.Holes.Sum(hole => hole.Length);
        CheckSteps(canvas.Holes.Select((_, hole) => text.MostTokensOf(hole)).Sum());
        PromptTokens = canvas.Length - noisy;
        Constrain();
        request.Fork.Apply(canvas);
        Opening = canvas.Copy();
        _settled =
        [
            .. canvas.Holes.Select((_, hole) => new SettledText(text, _tokenizer, hole, request.Stops, mayRepeat: request.IncludesSteps)),
        ];
        _written = [.. canvas.Holes.Select(_ => "")];
    }

    /// <summary>The canvas before the first step.</summary>
    public Canvas Opening { get; }

    /// <summary>Known tokens that the network sees.</summary>
    public int PromptTokens { get; }

    // Before its last step.
    private bool MayBeCut =>
        _request.Model.Engine.Model.Denoiser.Noise == NoiseKind.Mask && _settled.All(hole => hole.Stops.Count > 0);

    private TimeSpan Elapsed => _text.LengthCost.Elapsed + _time.Elapsed;

    private DenoisingJob Job => _job ?? throw new InvalidOperationException("The text has not been submitted.");

    /// <summary>Hands it to the engine.</summary>
    /// <exception cref="ApiException">400: an option does not fit the canvas or the model.</exception>
    /// <exception cref="EngineBusyException">There is no room.</exception>
    public void Submit()
    {
        SamplerOptions options = _request.Options with { Seed = _request.Options.Seed + (ulong)_index };
        StepDetail detail = _request.IncludesSteps ? StepDetail.All
            : _request.Stream != StreamKind.None || _request.Stops.Count > 0 || MayBeCut ? StepDetail.Newest
            : StepDetail.None;
        _time.Start();
        try
        {
            _job = _request.Submit(_text, options, detail);
        }
        catch (CinnabarException error)
        {
            throw Refused(error);
        }
    }

    /// <summary>Gives it up, if it is not finished; the engine drops it before its next step.</summary>
    public void Cancel() => _job?.Cancel();

    /// <summary>What is new, step after step, and at last the answer.</summary>
    /// <exception cref="ApiException">400: an option does not fit the canvas.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public async IAsyncEnumerable<TextUpdate> UpdatesAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await foreach (DenoisingStep step in StepsAsync(cancellation).ConfigureAwait(false))
        {
            _last = step;
            string[] pieces = Pieces(hole => _settled[hole].Append(step));
            if (_settled.All(hole => hole.IsStopped))
            {
                Job.Cancel();
                yield return new TextUpdate(pieces, step, AnswerOf(hole => SettledIds(step, hole), Elapsed));
                yield break;
            }

            yield return new TextUpdate(pieces, step, Answer: null);
        }

        GenerationResult result = await Job.Completion.ConfigureAwait(false);
        string[] rest = Pieces(hole => _settled[hole].Finish(result));
        Answer answer = AnswerOf(_text.Canvas.TextOf, result.Elapsed);
        yield return new TextUpdate(rest, Step: null, answer with { Steps = result.Steps, Passes = result.ForwardPasses });
    }

    /// <summary>The text of each hole as it stands after a step, noise included.</summary>
    public IEnumerable<string> Snapshot(DenoisingStep step) =>
        _text.Canvas.Holes.Select((_, hole) => Streams.NoisyText.Of(_text, step.Canvas, hole, _tokenizer, _settled[hole].Stops));

    private static int[] SettledIds(DenoisingStep step, int hole) => [.. step.Canvas.SettledTextOf(hole, step.FinalBefore)];

    // What the engine refuses is about the fields of the request.
    private async IAsyncEnumerable<DenoisingStep> StepsAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        await using IAsyncEnumerator<DenoisingStep> steps = Job.StepsAsync(cancellation).GetAsyncEnumerator(cancellation);
        while (true)
        {
            try
            {
                if (!await steps.MoveNextAsync().ConfigureAwait(false))
                {
                    yield break;
                }
            }
            catch (CinnabarException error)
            {
                throw Refused(error);
            }

            yield return steps.Current;
        }
    }

    private ApiException Refused(CinnabarException error) =>
        _request.Refused(error, _text.Canvas.Grows ? _request.LengthParam : null);

    private string[] Pieces(Func<int, string> next)
    {
        string[] pieces = [.. Enumerable.Range(0, _settled.Length).Select(next)];
        for (int hole = 0; hole < pieces.Length; hole++)
        {
            _written[hole] += pieces[hole];
        }

        return pieces;
    }

    private Answer AnswerOf(Func<int, IReadOnlyList<int>> idsOf, TimeSpan elapsed)
    {
        int[][] ids = [.. Enumerable.Range(0, _settled.Length).Select(hole => idsOf(hole).ToArray())];
        int stopped = Array.FindIndex(_settled, hole => hole is { IsStopped: true, IsCut: false });
        string? stopText = stopped >= 0 ? StopTextOf(stopped, ids[stopped]) : null;
        bool isFull = ids.Where((_, i) => _settled[i] is { IsStopped: false, IsCut: false } && IsFull(i, ids[i].Length)).Any();
        return new Answer
        {
            Index = _index,
            Texts = [.. _written],
            Tokens = [.. ids.Select((tokens, hole) => _settled[hole].TokensOf(tokens))],
            Ending = isFull ? Ending.Length : stopText is not null ? Ending.StopText : Ending.Stop,
            StopText = stopText,
            PromptTokens = PromptTokens,
            IsTruncated = _text.OmittedTokens > 0,
            Steps = _last?.Step ?? 0,
            Passes = _last?.ForwardPasses ?? 0,
            LengthPasses = _text.LengthCost.Passes,
            Elapsed = elapsed,
            Seed = _request.Options.Seed + (ulong)_index,
        };
    }

    // A hole of exact length has no end token to wait for, and the text of a constrained one is always complete.
    private bool IsFull(int hole, int tokens)
    {
        return tokens == _text.MostTokensOf(hole) && tokens > _text.Canvas.Holes[hole].LeastLength && !_text.IsConstrained(hole);
    }

    // The one that stands where the text was cut.
    private string? StopTextOf(int hole, int[] ids)
    {
        string text = _text.TextOfHole(hole, ids);
        int stop = _settled[hole].Stops.ToList().FindIndex(
            spelled => text.AsSpan(_written[hole].Length).StartsWith(spelled, StringComparison.Ordinal));
        return stop < 0 ? null : _request.Stops[stop];
    }

    private void Constrain()
    {
        for (int hole = 0; hole < _text.Canvas.Holes.Count && _request.Constraint is Constraint constraint; hole++)
        {
            if (_text.IsConstrained(hole))
            {
                continue;
            }

            try
            {
                _text.Constrain(hole, constraint);
            }
            catch (CinnabarException error)
            {
                throw ApiException.Invalid(error.Message, _request.ConstraintParam);
            }
        }
    }

    // A step of latents is one of the whole context, however much of it is asked for.
    private void CheckSteps(int asked)
    {
        DiffusionModel model = _request.Model.Engine.Model;
        bool hasLatents = model.Denoiser.Noise == NoiseKind.Gaussian;
        long most = (long)MostStepsAPosition * (hasLatents ? model.Config.MaxSequenceLength : asked);
        if (_request.Options.Steps > most && _request.Options.Steps != model.DefaultOptions.Steps)
        {
            string what = hasLatents ? "of the context" : $"for the {asked} tokens asked for";
            throw ApiException.Invalid(
                $"Expected steps of at most {MostStepsAPosition} a token, {most} {what}, "
                + $"found {_request.Options.Steps}. Ask for fewer steps.",
                "steps");
        }
    }
}
