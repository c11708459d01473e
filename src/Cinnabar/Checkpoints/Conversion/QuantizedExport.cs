// A model folder with integers for its matrices (layouts: WeightQuantization), of any family and larger than memory: tensors are read,
// rounded and written one after the other under the names they have; buffers that are not read are left out. config.json gets the key
// quantization_config and keeps all others; the files beside it are copied. Scales come first in a safetensors file, so each matrix is
// read and rounded twice.
using System.Text;
using Cinnabar.Numerics;

namespace Cinnabar.Checkpoints.Conversion;

/// <summary>Writes model folders with integers.</summary>
public static class QuantizedExport
{
    private const int MaxCopiedBytes = 256 << 20;

    /// <summary>Writes a folder atomically.</summary>
    /// <param name="source">A folder with floating-point weights.</param>
    /// <param name="path">The folder to write; an existing one is replaced if it holds nothing but files of a model.</param>
    /// <param name="quantization">Integers and their groups.</param>
    /// <param name="modelCard">Markdown of the model card.</param>
    /// <param name="progress">Told after each tensor, or null.</param>
    /// <exception cref="CinnabarException">The weights are integers already, the groups do not fit, or it could not be written.</exception>
    public static void Write(
        ModelFolder source,
        string path,
        WeightQuantization quantization,
        string modelCard,
        IProgress<WritingProgress>? progress = null)
    {
        if (source.Config.Quantization is { } already)
        {
            throw new CinnabarException(
                $"{source.Path}: expected floating-point weights, found {already.Type}.", "Quantize the model it was made from.");
        }

        ModelConfig config = source.Config with { Quantization = quantization };
        IReadOnlyList<PlacedTensor> tensors = PlacedTensor.All(config, config.Family.PlaceOf);
        if (tensors.FirstOrDefault(tensor => tensor.Shape.Length > 2) is PlacedTensor stacked)
        {
            throw new CinnabarException(
                $"{source.Path}: tensor {ErrorText.Quote(stacked.Name)}: expected a matrix, found {stacked.Shape.Length} dimensions.",
                "Models with stacked experts are not quantized; load them with --weights int8 instead.");
        }

        JsonSettings settings = source.SettingsForCopy();
        byte[] configJson = SettingsText.With(settings, WeightQuantization.ConfigKey, quantization.ToJson(config));
        WeightQuantization.Read(JsonSettings.Parse(settings.File, configJson), config);
        ModelFolder.RefuseForeignFiles(path);

        using SafetensorsWeights weights = SafetensorsWeights.Open(source.WeightsPath, source.Config);
        using AtomicFolder folder = AtomicFolder.Begin(path);
        folder.Write("config.json", configJson);
        folder.Write("README.md", Encoding.UTF8.GetBytes(modelCard));
        foreach (string file in ModelFolder.TextFiles.Where(file => File.Exists(Path.Combine(source.Path, file))))
        {
            folder.Write(file, InputFile.ReadAll(Path.Combine(source.Path, file), "part of the model", MaxCopiedBytes));
        }

        SafetensorsFolder.Write(folder, [.. tensors.SelectMany(tensor => Sources(tensor, config, weights))], progress);
        folder.Commit();
    }

    private static IEnumerable<SafetensorsTensorSource> Sources(PlacedTensor tensor, ModelConfig config, SafetensorsWeights weights)
    {
        DType type = SafetensorsWeights.TypeOf(config, tensor.First);
        IEnumerable<Tensor> parts = tensor.Parts(weights);
        string name = weights.Prefix + tensor.Name;
        if (!type.IsInteger())
        {
            SafetensorsDType stored = SafetensorsDTypeNames.NearestTo(weights.NearestType(tensor.First));
            yield return new SafetensorsTensorSource(name, stored, tensor.Shape, parts);
            yield break;
        }

        (int rows, int columns) = (tensor.Shape[0], tensor.Shape[1]);
        int group = config.Quantization!.GroupOf(columns);
        IEnumerable<Tensor> rounded = parts.Select(part => part.Quantize(type, group));
        yield return type == DType.Int8
            ? new SafetensorsTensorSource(name, SafetensorsDType.I8, tensor.Shape, rounded)
            : new SafetensorsTensorSource(
                LladaWeightNames.PackedOf(name), SafetensorsDType.I32, [rows, columns / Safetensors.Int4sInOne], rounded);
        yield return new SafetensorsTensorSource(
            LladaWeightNames.ScalesOf(name), SafetensorsDType.F32, [rows, columns / group], rounded.Select(part => part.Scales!));
    }
}
