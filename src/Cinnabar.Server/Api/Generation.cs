// A request on its way: lay out its texts, submit them, answer in one piece or as a stream. Whoever goes away is noticed at once, and the
// engine drops their texts before its next step.
using Cinnabar.Server.Hosting;
using Cinnabar.Server.Streams;
using Cinnabar.Serving;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Cinnabar.Server.Api;

/// <summary>Writes the texts of one request.</summary>
internal sealed class Generation
{
    private readonly HttpContext _http;
    private readonly GenerationRequest _request;
    private readonly TextRun[] _runs;

    private Generation(HttpContext http, GenerationRequest request, Func<TextCanvas> layOut)
    {
        RequireRoomFor(request);
        (_http, _request) = (http, request);
        _runs = [.. Enumerable.Range(0, request.Count).Select(i => new TextRun(i, layOut(), request))];
    }

    /// <summary>Answers a request.</summary>
    /// <param name="http">Where the answer goes.</param>
    /// <param name="request">What is asked for.</param>
    /// <param name="layOut">Makes a canvas for each text; throws <see cref="ApiException"/> where the prompt does not fit.</param>
    /// <param name="format">How the answer is written.</param>
    /// <exception cref="ApiException">The request cannot be answered, and no part of an answer has been sent.</exception>
    /// <exception cref="EngineBusyException">There is no room.</exception>
    public static async Task AnswerAsync(HttpContext http, GenerationRequest request, Func<TextCanvas> layOut, IAnswerFormat format)
    {
        if (request.Stream == StreamKind.None)
        {
            IReadOnlyList<Answer> answers = await WriteAsync(http, request, layOut).ConfigureAwait(false);
            await WholeAnswer.WriteJsonAsync(http, format.Whole(answers)).ConfigureAwait(false);
        }
        else
        {
            await new Generation(http, request, layOut).StreamAsync(format).ConfigureAwait(false);
        }
    }

    /// <summary>Gives an answer that needs no text to be written.</summary>
    public static async Task GiveAsync(HttpContext http, GenerationRequest request, Answer answer, IAnswerFormat format)
    {
        if (request.Stream == StreamKind.None)
        {
            await WholeAnswer.WriteJsonAsync(http, format.Whole([answer])).ConfigureAwait(false);
            return;
        }

        await using EventStream events = new(http, WallTime.LimitsOf(http));
        await events.SendAsync(format.Piece(new Chunk { Index = 0, IsFirst = true, Answer = answer })).ConfigureAwait(false);
        await EndAsync(events, request, [answer], format).ConfigureAwait(false);
    }

    /// <summary>Writes the texts of a request for somebody who will put them into an answer.</summary>
    /// <inheritdoc cref="AnswerAsync"/>
    /// <returns>One for each text, in order.</returns>
    public static Task<Answer[]> WriteAsync(HttpContext http, GenerationRequest request, Func<TextCanvas> layOut)
    {
        Generation generation = new(http, request, layOut);
        return generation.WriteAsync((run, _, cancellation) => FinishAsync(run, cancellation));
    }

    // Nobody should try again what there can never be room for. Texts of what has begun are never refused.
    private static void RequireRoomFor(GenerationRequest request)
    {
        int most = request.Model.Engine.MostTexts;
        if (request.Begun is null && request.Count > most)
        {
            throw ApiException.Invalid(
                $"Expected n to be at most {most}, as many texts as the server works on or keeps waiting for a model, "
                + $"found {request.Count}. Ask for fewer, or start the server with a larger --max-waiting.",
                "n");
        }
    }

    private static async Task<Answer> FinishAsync(TextRun run, CancellationToken cancellation)
    {
        Answer? answer = null;
        await foreach (TextUpdate update in run.UpdatesAsync(cancellation).ConfigureAwait(false))
        {
            answer = update.Answer;
        }

        return answer!;
    }

    private async Task StreamAsync(IAnswerFormat format)
    {
        await using EventStream events = new(_http, WallTime.LimitsOf(_http));
        try
        {
            Answer[] answers = await WriteAsync(
                (run, i, cancellation) => new TextStream(i, run, _request, format, events).SendAsync(cancellation)).ConfigureAwait(false);
            await EndAsync(events, _request, answers, format).ConfigureAwait(false);
        }
        catch (Exception error) when (events.HasBegun && error is not OperationCanceledException)
        {
            // The status has been sent: all that is left is to say so in the stream, and to end it without its last line.
            await events.SendAsync(StreamError.Of(error, _http.RequestServices.GetService<ServerLog>())).ConfigureAwait(false);
        }
    }

    private static async Task EndAsync(EventStream events, GenerationRequest request, Answer[] answers, IAnswerFormat format)
    {
        if (request.IncludesUsage)
        {
            await events.SendAsync(format.Usage(answers)).ConfigureAwait(false);
        }

        if (format.EndsWithDone)
        {
            await events.SendDoneAsync().ConfigureAwait(false);
        }
    }

    private Task<Answer[]> WriteAsync(Func<TextRun, int, CancellationToken, Task<Answer>> write) =>
        WallTime.LimitAsync(_http, async cancellation =>
        {
            await using CancellationTokenRegistration registration = cancellation.Register(Cancel);
            try
            {
                Array.ForEach(_runs, run => run.Submit());
                _request.Begun?.Dispose(); // from here on the engine knows of the texts themselves
                Answer[] answers = await Task.WhenAll(_runs.Select((run, i) => WriteOneAsync(() => write(run, i, cancellation))))
                    .ConfigureAwait(false);
                int passes = answers.Sum(answer => answer.Passes + answer.LengthPasses);
                RequestWork.Of(_http).Add(answers.Sum(answer => answer.NewTokens), passes);
                return answers;
            }
            finally
            {
                Cancel();
            }
        });

    // A text that fails fails the request: the others are given up at once, not written for nobody.
    private async Task<Answer> WriteOneAsync(Func<Task<Answer>> write)
    {
        try
        {
            return await write().ConfigureAwait(false);
        }
        catch
        {
            Cancel();
            throw;
        }
    }

    private void Cancel() => Array.ForEach(_runs, run => run.Cancel());
}
