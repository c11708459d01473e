// The metrics in Prometheus' text format 0.0.4: for each metric two lines # HELP and # TYPE, then a line for each set of labels.
//   histogram: name_bucket{…,le="bound"} counts all values up to the bound, name_sum and name_count.
// Format: https://prometheus.io/docs/instrumenting/exposition_formats/
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Cinnabar.Server.Hosting;

/// <summary>Collects the measurements of one meter and writes them. Thread-safe.</summary>
internal sealed class PrometheusText : IDisposable
{
    /// <summary>Content type of the text.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    // Seconds: from a health check to a long text of a large model.
    private static readonly double[] s_bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

    private readonly MeterListener _listener = new();
    private readonly Dictionary<Instrument, Dictionary<string, Series>> _series = [];
    private readonly object _lock = new();

    /// <summary>Starts to listen.</summary>
    /// <param name="meter">Its instruments, those created so far.</param>
    public PrometheusText(Meter meter)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == meter)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.Start();
    }

    /// <summary>The text.</summary>
    public string Write()
    {
        _listener.RecordObservableInstruments();
        StringBuilder text = new();
        lock (_lock)
        {
            foreach ((Instrument instrument, Dictionary<string, Series> series) in _series.OrderBy(s => s.Key.Name, StringComparer.Ordinal))
            {
                text.Append(CultureInfo.InvariantCulture, $"# HELP {instrument.Name} {instrument.Description}\n");
                text.Append(CultureInfo.InvariantCulture, $"# TYPE {instrument.Name} {KindOf(instrument)}\n");
                foreach ((string labels, Series one) in series.OrderBy(s => s.Key, StringComparer.Ordinal))
                {
                    Append(text, instrument, labels, one);
                }
            }
        }

        return text.ToString();
    }

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    private static string KindOf(Instrument instrument) => instrument switch
    {
        Histogram<double> => "histogram",
        ObservableGauge<double> => "gauge",
        _ => "counter",
    };

    private static void Append(StringBuilder text, Instrument instrument, string labels, Series one)
    {
        IFormatProvider plain = CultureInfo.InvariantCulture;
        if (instrument is not Histogram<double>)
        {
            text.Append(plain, $"{instrument.Name}{{{labels}}} {one.Sum}\n");
            return;
        }

        long upTo = 0;
        for (int bucket = 0; bucket <= s_bounds.Length; bucket++)
        {
            upTo += one.Buckets[bucket];
            string bound = bucket < s_bounds.Length ? s_bounds[bucket].ToString(plain) : "+Inf";
            text.Append(plain, $"{instrument.Name}_bucket{{{labels},le=\"{bound}\"}} {upTo}\n");
        }

        text.Append(plain, $"{instrument.Name}_sum{{{labels}}} {one.Sum}\n{instrument.Name}_count{{{labels}}} {upTo}\n");
    }

    private static string LabelsOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        StringBuilder labels = new();
        foreach ((string name, object? value) in tags)
        {
            string text = $"{value}".Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n");
            labels.Append(CultureInfo.InvariantCulture, $"{(labels.Length > 0 ? "," : "")}{name}=\"{text}\"");
        }

        return labels.ToString();
    }

    private void Take(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string labels = LabelsOf(tags);
        lock (_lock)
        {
            if (!_series.TryGetValue(instrument, out Dictionary<string, Series>? series))
            {
                _series.Add(instrument, series = []);
            }

            if (!series.TryGetValue(labels, out Series? one))
            {
                series.Add(labels, one = new Series());
            }

            // Observed instruments tell their value, the others a change of it.
            one.Sum = instrument.IsObservable ? value : one.Sum + value;
            int bucket = Array.BinarySearch(s_bounds, value);
            one.Buckets[bucket < 0 ? ~bucket : bucket]++;
        }
    }

    private sealed class Series
    {
        public double Sum { get; set; }

        public long[] Buckets { get; } = new long[s_bounds.Length + 1];
    }
}
