// A training run: steps, a line in the loss log for each, measurements on held-out text, checkpoints, and the finished model.
//
// Bit-exact resume: step s depends only on the checkpoint after step s − 1 and on (seed, s).
// A loss or gradient that is not finite stops the run before it touches the weights; the last checkpoint stays as it is.
using System.Diagnostics;
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tokenizers;
using Cinnabar.Training.Corpora;
using Cinnabar.Training.Networks;
using Cinnabar.Training.Objectives;

namespace Cinnabar.Training;

/// <summary>Trains one network.</summary>
public sealed class Trainer : IDisposable
{
    private const double LossSmoothing = 0.98;

    // What is this sure is almost never wrong, and commits several tokens per pass (Fast-dLLM's threshold).
    private static readonly GenerationConfig s_diffusionSettings = new() { Threshold = 0.9 };

    // The leftmost position first, since the network sees nothing to the right of it.
    private static readonly GenerationConfig s_autoregressiveSettings = new() { BlockSize = 1 };

    private readonly TrainingOptions _options;
    private readonly ModelConfig _config;
    private readonly bool _fillsLeftToRight;
    private readonly TrainingCheckpoint _state;
    private readonly TrainingStep _step;
    private readonly IHeldOutMeasure _heldOut;
    private readonly RunFolder _folder;
    private readonly LossLog _log;

    // Read once: a corpus may be built anew while a run goes on.
    private readonly byte[] _tokenizerJson;

    /// <summary>Opens the corpus and makes or, with <paramref name="resume"/>, reads the state of the run.</summary>
    /// <exception cref="CinnabarException">
    /// Configuration, corpus or checkpoint cannot be used; another process trains into the same folder; or the folder holds a run and
    /// <paramref name="resume"/> is false.
    /// </exception>
    public Trainer(TrainingOptions options, KernelTable kernels, bool resume)
    {
        options.Validate();
        _options = options;
        _config = options.ModelConfig;
        TokenDataset train = TokenDataset.Open(options.Corpus, "train");
        options.RequireReadOf(train);
        _fillsLeftToRight = options is { CausalShare: > 0, InfillShare: null or > 0 }
            && _config.AttentionKind == AttentionKind.Full && !train.HasQuestions;
        string tokenizerFile = Path.Combine(options.Corpus, CorpusFiles.Tokenizer);
        Tokenizer tokenizer = Tokenizer.Load(tokenizerFile);
        _tokenizerJson = File.ReadAllBytes(tokenizerFile);
        if (tokenizer.VocabularySize != _config.VocabularySize)
        {
            throw new CinnabarException(
                $"The tokenizer of corpus '{options.Corpus}' has {tokenizer.VocabularySize} tokens, "
                + $"the model's vocab_size is {_config.VocabularySize}.",
                "Set vocab_size to the tokenizer's size.");
        }

        RequireId("mask_token_id", _config.MaskTokenId, tokenizer.MaskTokenId);
        RequireId("eos_token_id", _config.EosTokenId, tokenizer.EndOfTextTokenId);
        RequireId("pad_token_id", _config.PadTokenId, tokenizer.PaddingTokenId);
        if (_config.BosTokenId is int begin)
        {
            RequireId("bos_token_id", begin, tokenizer.BeginOfTextTokenId);
        }

        SequenceSource source = SequenceSource.Create(options, train, tokenizer);
        _folder = RunFolder.Open(options.Output, resume);
        try
        {
            _state = resume ? Continue() : TrainingCheckpoint.Start(FirstWeights.Of(options));
            _step = new TrainingStep(options, _state, NetworkOf(source, tokenizer, kernels), kernels);
            _heldOut = TrainingObjective.IsLatent(options.Objective)
                ? new LatentHeldOut(options, _state.Averages, tokenizer, kernels)
                : new HeldOutMeasure(options, new TransformerDenoiser(_config, _state.Averages, kernels), tokenizer, kernels);
            AtomicFile.Write(_folder.OptionsPath, options.ToJson());
            _folder.KeepTokenizer(_tokenizerJson);
            _log = new LossLog(_folder.LogPath, _state.Mark.Step);
        }
        catch
        {
            _folder.Dispose();
            throw;
        }
    }

    /// <summary>Where the run stands.</summary>
    public TrainingProgressMark Mark => _state.Mark;

    /// <summary>Folder of the checkpoint.</summary>
    public string CheckpointFolder => _folder.CheckpointPath;

    /// <summary>Whether there is a checkpoint to continue from.</summary>
    public bool HasCheckpoint => TrainingCheckpoint.Exists(CheckpointFolder);

    /// <summary>Whether the corpus has text to measure the model on.</summary>
    public bool HasHeldOutText => _heldOut.HasText;

    /// <summary>Folder of the finished model, an ordinary Hugging Face folder.</summary>
    public string ModelPath => _folder.ModelPath;

    /// <summary>Trains up to the last step; on cancellation finishes the step, writes a checkpoint and returns.</summary>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellation">Asks to stop.</param>
    /// <exception cref="CinnabarException">The loss became NaN or infinite, or a checkpoint could not be written.</exception>
    public void Run(Action<TrainingProgress> progress, CancellationToken cancellation)
    {
        Stopwatch sitting = Stopwatch.StartNew();
        (int stepsBefore, long tokensBefore) = (Mark.Step, Mark.Tokens);
        while (Mark.Step < _options.Steps)
        {
            int step = Mark.Step + 1;
            Stopwatch stepTime = Stopwatch.StartNew();
            double learningRate = LearningRateSchedule.At(step, _options);
            (double loss, double norm, long tokens) = _step.Take(step, learningRate);
            stepTime.Stop();
            RequireFinite(step, loss, norm);
            Mark.Step = step;
            Mark.Tokens += tokens;
            Mark.Flops += tokens * _step.FlopsPerToken;
            double weight = Math.Max(1 - LossSmoothing, 1.0 / step);
            Mark.SmoothedLoss += weight * (loss - Mark.SmoothedLoss);

            bool last = step == _options.Steps;
            double? heldOut = last || step % _options.EvaluateEvery == 0 ? _heldOut.BitsPerByte() : null;
            Mark.HeldOutBitsPerByte = heldOut ?? Mark.HeldOutBitsPerByte;
            _log.Append(new LossEntry(step, Mark.Tokens, loss, heldOut ?? double.NaN, learningRate, norm));
            bool stop = cancellation.IsCancellationRequested;
            bool checkpoint = last || stop || step % _options.CheckpointEvery == 0;
            if (checkpoint)
            {
                SaveCheckpoint();
            }

            double speed = (Mark.Tokens - tokensBefore) / sitting.Elapsed.TotalSeconds;
            TimeSpan remaining = sitting.Elapsed / (step - stepsBefore) * (_options.Steps - step);
            double flops = tokens * _step.FlopsPerToken / stepTime.Elapsed.TotalSeconds;
            progress(new TrainingProgress(
                step,
                _options.Steps,
                loss,
                Mark.SmoothedLoss,
                learningRate,
                norm,
                Mark.Tokens,
                speed,
                flops,
                heldOut,
                checkpoint,
                remaining));
            if (stop)
            {
                return;
            }
        }
    }

    /// <summary>Writes the averaged weights as a Hugging Face folder that every Cinnabar command loads.</summary>
    /// <param name="path">Folder to write or replace.</param>
    /// <param name="modelCard">README.md of the model.</param>
    public void Export(string path, string modelCard) => ModelFolder.Save(
        path,
        _config with { CausalInfill = _fillsLeftToRight },
        FirstWeights.OfModel(_config, _state.Averages),
        _tokenizerJson,
        _config.Latents is not null ? null : _config.IsAutoregressive ? s_autoregressiveSettings : s_diffusionSettings,
        modelCard);

    /// <inheritdoc/>
    public void Dispose()
    {
        _log.Dispose();
        _folder.Dispose();
    }

    private TrainingCheckpoint Continue()
    {
        _folder.RequireModel(_config);
        _folder.RequireTokenizer(_tokenizerJson, _options.Corpus);
        return TrainingCheckpoint.Load(CheckpointFolder, FirstWeights.Expected(_options));
    }

    private TrainedNetwork NetworkOf(SequenceSource source, Tokenizer tokenizer, KernelTable kernels) => _options.Objective switch
    {
        TrainingObjective.Autoencoder => new AutoencoderTraining(_options, _state, source, kernels),
        TrainingObjective.LatentDiffusion => new LatentDiffusionTraining(_options, _state, source, kernels),
        _ => new TokenDenoiserTraining(_options, _state, TrainingObjective.Create(_options, source, tokenizer), kernels),
    };

    private void RequireId(string key, int configured, int found)
    {
        if (configured != found)
        {
            throw new CinnabarException(
                $"The tokenizer of corpus '{_options.Corpus}' has the id {found} for {key}, the model's configuration says {configured}.",
                $"Set {key} to {found}.");
        }
    }

    private void RequireFinite(int step, double loss, double norm)
    {
        if (double.IsFinite(loss) && double.IsFinite(norm))
        {
            return;
        }

        string checkpoint = HasCheckpoint
            ? $"the checkpoint in '{CheckpointFolder}' is intact"
            : "no checkpoint was written yet";
        throw new CinnabarException(
            $"Training stopped at step {step}: the loss is {loss} and the gradient norm {norm}, and both should be finite; {checkpoint}.",
            "Lower learning_rate or clip_norm and continue with --resume.");
    }

    // The log first: a kill between the two leaves lines too many, which resuming cuts off, not too few.
    private void SaveCheckpoint()
    {
        _log.Flush();
        _state.Save(CheckpointFolder);
        LossCurve.Write(_folder.CurvePath, [.. LossLog.Read(_folder.LogPath)]);
    }
}
