// POST /v1/score, ours: how well the model predicts a text.
//
//   bits, bits_per_byte, standard_error   an upper bound from so many samples (LikelihoodBound), its error in bits per byte; exact and
//                                         without error if the model is autoregressive
//   tokens[i].surprise                    −log2 p(token | all others), in bits; of an autoregressive model −log2 p(token | those before)
//   suggestions[i]                        places that are probably wrong, and what may stand there (Proofreading/Proofreader.cs)
//
// Each pass is a piece of work of its own between steps of the engine, so streams go on meanwhile. The engine takes on all of them at
// once: a score that has begun is not refused in the middle.
using System.Text;
using System.Text.Json.Nodes;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Proofreading;
using Cinnabar.Server.Hosting;
using Cinnabar.Serving;
using Cinnabar.Tokenizers;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Api;

/// <summary>Likelihoods.</summary>
internal static class ScoreEndpoint
{
    private const int MostSamples = 256;
    private const int DefaultSamples = 8;
    private const int MostSurprises = 512; // each takes a sequence of the text's length through the network
    private const int MostSuggestions = 100;

    /// <summary>POST /v1/score.</summary>
    public static async Task ScoreAsync(HttpContext http)
    {
        JsonFields fields = await JsonBody.ReadAsync(http).ConfigureAwait(false);
        ServedModel served = GenerationRequest.ModelOf(fields, http);
        DiffusionModel model = served.Engine.Model;
        string text = fields.Require("text").Text(mayBeEmpty: false);
        int samples = fields.Integer("samples", 1, MostSamples) ?? DefaultSamples;
        ulong seed = (ulong)(fields.Get("seed")?.Integer(0, GenerationRequest.MostSeed) ?? 0);
        bool wantsSurprise = fields.Flag("surprise") ?? false;
        int? suggestions = fields.Integer("suggestions", 1, MostSuggestions);
        double threshold = fields.Number("threshold", 0, 1000) ?? new ProofreadingOptions().Threshold;
        fields.Finish();
        if (model.Denoiser.Noise != NoiseKind.Mask)
        {
            throw ApiException.Invalid(
                $"Expected a masked or an autoregressive model, found {served.Id}, whose noise is {model.Denoiser.Noise.InWords()}. "
                + "Choose another model.",
                "model");
        }

        int[] ids = Fitting(model.Tokenizer.Encode(text), model, wantsSurprise || suggestions is not null);
        JsonObject answer = await WallTime.LimitAsync(http, async cancellation =>
        {
            using EngineWork work = served.Engine.BeginWork();
            LikelihoodEstimate nats = model.Config.IsAutoregressive
                ? await ExactAsync(work, ids, cancellation).ConfigureAwait(false)
                : await BoundAsync(work, model, ids, samples, seed, cancellation).ConfigureAwait(false);
            JsonObject score = Score(served, nats, ids.Length, Encoding.UTF8.GetByteCount(text));
            if (wantsSurprise)
            {
                TokenSurprise surprise = new(model.Denoiser, model.Kernels, model.Config.IsAutoregressive);
                List<double> bits = await DrainAsync(work, surprise.Of(ids), cancellation).ConfigureAwait(false);
                score["tokens"] = new JsonArray([.. ids.Select((id, i) => Token(id, bits[i], model.Tokenizer))]);
            }

            if (suggestions is int most)
            {
                Proofreader proofreader = new(model, new ProofreadingOptions { Most = most, Threshold = threshold });
                score["suggestions"] = await SuggestionsAsync(work, proofreader.Start(text), cancellation).ConfigureAwait(false);
            }

            return score;
        }).ConfigureAwait(false);
        await WholeAnswer.WriteJsonAsync(http, answer).ConfigureAwait(false);
    }

    private static JsonObject Score(ServedModel served, LikelihoodEstimate nats, int tokens, int bytes) => new()
    {
        ["object"] = "score",
        ["model"] = served.Id,
        ["bits"] = nats.BitsPer(1).Nats,
        ["bits_per_byte"] = nats.BitsPer(bytes).Nats,
        ["standard_error"] = nats.BitsPer(bytes).StandardError,
        ["exact"] = served.Engine.Model.Config.IsAutoregressive,
        ["usage"] = new JsonObject { ["prompt_tokens"] = tokens, ["completion_tokens"] = 0, ["total_tokens"] = tokens },
    };

    private static JsonObject Token(int id, double bits, Tokenizer tokenizer) => new()
    {
        ["token"] = id,
        ["text"] = tokenizer.TokenPiece(id),
        ["surprise"] = bits,
    };

    private static async Task<JsonArray> SuggestionsAsync(EngineWork work, ProofreadingRun run, CancellationToken cancellation)
    {
        while (await work.RunAsync(_ => run.Step(), cancellation).ConfigureAwait(false))
        {
        }

        return new JsonArray([.. run.Result.Suggestions.Select(place => new JsonObject
        {
            ["start"] = place.Start,
            ["length"] = place.Length,
            ["line"] = place.Line,
            ["column"] = place.Column,
            ["text"] = place.Text,
            ["surprise"] = place.Surprise,
            ["score"] = place.Score,
            ["replacements"] = new JsonArray([.. place.Replacements.Select(replacement => new JsonObject
            {
                ["text"] = replacement.Text,
                ["probability"] = replacement.Probability,
            })]),
        })]);
    }

    private static async Task<LikelihoodEstimate> ExactAsync(EngineWork work, int[] ids, CancellationToken cancellation)
    {
        double nats = await work.RunAsync(
            model => new AutoregressiveLikelihood(model.Denoiser, model.Kernels).Nats(ids), cancellation).ConfigureAwait(false);
        return new LikelihoodEstimate(nats, StandardError: 0);
    }

    private static async Task<LikelihoodEstimate> BoundAsync(
        EngineWork work, DiffusionModel model, int[] ids, int samples, ulong seed, CancellationToken cancellation)
    {
        LikelihoodBound bound = new(model.Denoiser, model.Kernels);
        List<double> nats = await DrainAsync(work, bound.Samples(ids, samples, new DeterministicRandom(seed)), cancellation)
            .ConfigureAwait(false);
        return LikelihoodEstimate.MeanOf(nats);
    }

    // Everything that is computed as it is asked for, one pass at a time.
    private static async Task<List<double>> DrainAsync(EngineWork work, IEnumerable<double> passes, CancellationToken cancellation)
    {
        List<double> all = [];
        using IEnumerator<double> next = passes.GetEnumerator();
        while (await work.RunAsync(_ => next.MoveNext(), cancellation).ConfigureAwait(false))
        {
            all.Add(next.Current);
        }

        return all;
    }

    private static int[] Fitting(int[] ids, DiffusionModel model, bool readsEachToken)
    {
        int context = model.Config.MaxSequenceLength;
        int most = readsEachToken ? Math.Min(context, MostSurprises) : context;
        return ids.Length >= 1 && ids.Length <= most ? ids : throw ApiException.Invalid(
            $"Expected a text of 1 … {most} tokens{(readsEachToken ? " with surprise or suggestions" : "")} "
            + $"(the model's context is {context}), found {ids.Length}. Score it in parts.",
            "text");
    }
}
