using System.Security.Cryptography;
using Cinnabar.Constraints;
using Cinnabar.Models;
using Cinnabar.Serving;
using Cinnabar.Tokenizers;

namespace Cinnabar.Server;

/// <summary>A model under the name that requests use.</summary>
/// <param name="Id">The name.</param>
/// <param name="Engine">What answers.</param>
/// <param name="Created">When it was loaded, in seconds since 1970.</param>
public sealed record ServedModel(string Id, ModelEngine Engine, long Created)
{
    private const int HashDigits = 12;

    private readonly Lazy<string> _tokenizerHash = new(() => HashOf(Engine.Model.Tokenizer));

    /// <summary>What its noise is: masked, uniform, latent; or autoregressive, without any.</summary>
    public string Kind => Engine.Model.Config.IsAutoregressive ? "autoregressive" : Engine.Model.Denoiser.Noise switch
    {
        NoiseKind.Uniform => "uniform",
        NoiseKind.Gaussian => "latent",
        _ => "masked",
    };

    /// <summary>The same for all models with the same tokens.</summary>
    internal string TokenizerHash => _tokenizerHash.Value;

    /// <summary>The constraints that requests have brought.</summary>
    internal ConstraintCache Constraints { get; } = new();

    /// <summary>A hash of the names and bytes of all tokens, each with its length, so that none runs into the next.</summary>
    internal static string HashOf(Tokenizer tokenizer)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int id = 0; id < tokenizer.VocabularySize; id++)
        {
            byte[] bytes = tokenizer.DecodeBytes([id], skipSpecialTokens: false, first: false);
            hash.AppendData(BitConverter.GetBytes(bytes.Length));
            hash.AppendData(bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..HashDigits];
    }
}

/// <summary>The models of a server; the first is the default. Thread-safe.</summary>
public sealed class ServedModels
{
    /// <summary>Serves these.</summary>
    /// <param name="models">At least one; names differ.</param>
    public ServedModels(IReadOnlyList<ServedModel> models)
    {
        if (models.Count == 0 || models.DistinctBy(model => model.Id).Count() != models.Count)
        {
            throw new CinnabarException(
                $"Expected one or more models with different names, found {models.Count}: "
                + $"{string.Join(", ", models.Select(model => model.Id))}.",
                "Name each model once.");
        }

        All = models;
    }

    /// <summary>All of them, the default first.</summary>
    public IReadOnlyList<ServedModel> All { get; }

    /// <summary>The model of a request.</summary>
    /// <param name="id">Its name; null: the default.</param>
    /// <exception cref="ApiException">404: there is none of that name.</exception>
    public ServedModel Find(string? id) => id is null ? All[0] : All.FirstOrDefault(model => model.Id == id)
        ?? throw new ApiException(
            404,
            "invalid_request_error",
            $"Expected a model of this server ({string.Join(", ", All.Select(model => model.Id))}), found another name. "
            + "Ask GET /v1/models for the names.",
            "model",
            "model_not_found");
}
