// What is measured, as instruments of System.Diagnostics.Metrics, so that other collectors see them too. Their names are those of /metrics.
using System.Diagnostics.Metrics;
using System.Globalization;
using Cinnabar.Serving;

namespace Cinnabar.Server.Hosting;

/// <summary>The instruments of one server.</summary>
internal sealed class ServerMetrics : IDisposable
{
    private readonly Counter<long> _requests;
    private readonly Histogram<double> _seconds;
    private readonly ServedModels _models;

    /// <summary>Creates them.</summary>
    /// <param name="models">Whose engines are observed.</param>
    public ServerMetrics(ServedModels models)
    {
        _models = models;
        _requests = Meter.CreateCounter<long>("cinnabar_requests_total", description: "Requests answered, by endpoint and status.");
        _seconds = Meter.CreateHistogram<double>("cinnabar_request_seconds", "s", "Time from the headers to the end of the answer.");
        ObserveNow("cinnabar_running", "Texts being denoised.", status => status.Running);
        ObserveNow("cinnabar_queue_depth", "Texts that wait for their turn.", status => status.Waiting);
        ObserveNow("cinnabar_tokens_per_step", "New tokens of finished texts by steps taken.", TokensPerStep);
        ObserveTotal("cinnabar_texts_finished_total", "Texts finished.", status => status.Finished);
        ObserveTotal(
            "cinnabar_texts_cancelled_total",
            "Texts given up by clients, or ended before their last step by a stop text or what stands behind a hole.",
            status => status.Cancelled);
        ObserveTotal("cinnabar_texts_failed_total", "Texts that could not be finished.", status => status.Failed);
        ObserveTotal("cinnabar_texts_refused_total", "Texts refused because too many waited.", status => status.Refused);
        ObserveTotal("cinnabar_steps_total", "Denoising steps, summed over texts.", status => status.Steps);
        ObserveTotal("cinnabar_passes_total", "Passes through the network, summed over texts.", status => status.ForwardPasses);
        ObserveTotal("cinnabar_new_tokens_total", "Tokens written into holes of finished texts.", status => status.NewTokens);
    }

    /// <summary>Holds the instruments.</summary>
    public Meter Meter { get; } = new("Cinnabar.Server");

    /// <summary>A finished request.</summary>
    /// <param name="endpoint">Pattern of its route.</param>
    /// <param name="status">HTTP status.</param>
    /// <param name="elapsed">Time it took.</param>
    public void Request(string endpoint, int status, TimeSpan elapsed)
    {
        KeyValuePair<string, object?> tag = new("endpoint", endpoint);
        _requests.Add(1, tag, new KeyValuePair<string, object?>("status", status.ToString(CultureInfo.InvariantCulture)));
        _seconds.Record(elapsed.TotalSeconds, tag);
    }

    /// <inheritdoc/>
    public void Dispose() => Meter.Dispose();

    private static double TokensPerStep(EngineStatus status) => status.Steps > 0 ? status.NewTokens / (double)status.Steps : 0;

    private void ObserveNow(string name, string description, Func<EngineStatus, double> value) =>
        Meter.CreateObservableGauge(name, () => Each(value), description: description);

    private void ObserveTotal(string name, string description, Func<EngineStatus, long> value) =>
        Meter.CreateObservableCounter(name, () => Each(value), description: description);

    private IEnumerable<Measurement<T>> Each<T>(Func<EngineStatus, T> value)
        where T : struct =>
        _models.All.Select(model => new Measurement<T>(value(model.Engine.Status), new KeyValuePair<string, object?>("model", model.Id)));
}
