using System.Text.Json;
using Cinnabar.Models;
using Cinnabar.Sampling;

namespace Cinnabar.Server.Api;

/// <summary>How a model samples unless a request says otherwise, by the names that requests use; null: off.</summary>
internal static class DefaultOptions
{
    public static void Write(Utf8JsonWriter json, DiffusionModel model)
    {
        SamplerOptions options = model.DefaultOptions;
        json.WriteNumber("max_tokens", Math.Min(options.MaxNewTokens, model.Config.MaxSequenceLength));
        switch (model.Denoiser.Noise)
        {
            case NoiseKind.Uniform:
                json.WriteNumber("steps", options.Uniform.Steps);
                json.WriteNumber("entropy_bound", options.Uniform.EntropyBound);
                break;
            case NoiseKind.Gaussian:
                Write(json, "steps", options.Steps);
                json.WriteNumber("cfg_scale", options.CfgScale);
                Write(json, "latent_method", options.Latents.Method);
                break;
            default:
                WriteOrdered(json, options);
                break;
        }
    }

    private static void WriteOrdered(Utf8JsonWriter json, SamplerOptions options)
    {
        Write(json, "steps", options.Steps);
        Write(json, "block_length", options.BlockSize);
        Write(json, "threshold", options.Threshold);
        Write(json, "remasking", options.Remasking);
        json.WriteNumber("temperature", options.Temperature);
        Write(json, "top_p", options.TopP);
        Write(json, "top_k", options.TopK);
        json.WriteNumber("cfg_scale", options.CfgScale);
        Write(json, "factor", options.Factor);
        Write(json, "entropy_bound", options.EntropyBound);
        Write(json, "stability", options.Stability);
        Write(json, "low_threshold", options.LowThreshold);
        Write(json, "verify_threshold", options.VerifyThreshold);
        json.WriteBoolean("left_to_right", options.LeftToRight);
        Write(json, "draft_tokens", options.DraftTokens);
        json.WriteBoolean("credit", options.Credit);
        Write(json, "early_exit", options.EarlyExit);
        Write(json, "remask_below", options.RemaskBelow);
        Write(json, "edit_threshold", options.EditThreshold);
        Write(json, "remdm", options.Remdm);
        json.WriteNumber("remdm_eta", options.RemdmEta);
        Write(json, "max_passes", options.MaxPasses);
        Write(json, "deadline_ms", options.Deadline?.TotalMilliseconds);
        Write(json, "cache", options.Cache);
        Write(json, "cache_refresh", options.CacheRefresh);
    }

    private static void Write(Utf8JsonWriter json, string name, double? value)
    {
        if (value is double number)
        {
            json.WriteNumber(name, number);
        }
        else
        {
            json.WriteNull(name);
        }
    }

    private static void Write(Utf8JsonWriter json, string name, Enum? value) =>
        json.WriteString(name, value is null ? null : JsonNamingPolicy.SnakeCaseLower.ConvertName($"{value}"));
}
