// The steps of a canvas as one JSON object, for comparing samplers:
//   {"model": …, "seed": …, "tokens_before_step": [[ids before the first pass], [ids before the second], …], "final": [ids]}
// Ids are those of the whole canvas, noisy positions holding the mask. Two passes of one step (guidance) count once.
using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Sampling;

namespace Cinnabar.Cli;

/// <summary>Collects the ids before every pass.</summary>
internal sealed class TraceFile
{
    private readonly List<int[]> _before = [];
    private int[]? _now;
    private int _passes;

    /// <summary>Told every step.</summary>
    public void Add(DenoisingStep step)
    {
        _now ??= BeforeFirst(step.Canvas);
        if (step.ForwardPasses > _passes)
        {
            _passes = step.ForwardPasses;
            _before.Add(_now);
        }

        _now = step.Canvas.Ids.ToArray();
    }

    /// <summary>Writes the file in one step.</summary>
    public void Write(string path, string model, ulong seed)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream))
        {
            json.WriteStartObject();
            json.WriteString("model", model);
            json.WriteNumber("seed", seed);
            json.WriteStartArray("tokens_before_step");
            _before.ForEach(ids => WriteIds(json, ids));
            json.WriteEndArray();
            json.WritePropertyName("final");
            WriteIds(json, _now ?? []);
            json.WriteEndObject();
        }

        AtomicFile.Write(path, stream.ToArray());
    }

    private static int[] BeforeFirst(Canvas canvas)
    {
        int[] ids = canvas.Ids.ToArray();
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i] = canvas.StateOf(i) == PositionState.Frozen ? ids[i] : canvas.Tokens.MaskTokenId;
        }

        return ids;
    }

    private static void WriteIds(Utf8JsonWriter json, int[] ids)
    {
        json.WriteStartArray();
        foreach (int id in ids)
        {
            json.WriteNumberValue(id);
        }

        json.WriteEndArray();
    }
}
