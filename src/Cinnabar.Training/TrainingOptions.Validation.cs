using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Families;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Training.Corpora;
using Cinnabar.Training.Objectives;

namespace Cinnabar.Training;

/// <content>Which values are allowed, alone and together.</content>
public sealed partial record TrainingOptions
{
    /// <summary>Checks every value.</summary>
    /// <exception cref="CinnabarException">A value is out of range; the message names key, range and value.</exception>
    public void Validate()
    {
        Require(Corpus.Length > 0, "corpus", "the path of a corpus folder", "nothing");
        Require(Output.Length > 0, "output", "the path of a folder for the run", "nothing");
        Require(Model.ValueKind == JsonValueKind.Object, "model", "an object with the sizes of the network", Shown(Model));
        bool autoregressive = Objective == TrainingObjective.Autoregressive;
        Require(
            TrainingObjective.Names.Contains(Objective),
            "objective",
            $"one of {string.Join(", ", TrainingObjective.Names.Select(name => $"\"{name}\""))}",
            $"\"{Objective}\"");
        RequireRange("steps", Steps, 1, int.MaxValue);
        RequireRange("batch_size", BatchSize, 1, 65_536);
        RequireRange("micro_batch_size", MicroBatchSize, 1, BatchSize);
        Require(BatchSize % MicroBatchSize == 0, "micro_batch_size", $"a divisor of batch_size {BatchSize}", MicroBatchSize.ToString());
        RequireRange("sequence_length", SequenceLength, autoregressive ? AutoregressiveObjective.MinSequenceLength : 2, 1_048_576);
        Require(
            (long)MicroBatchSize * SequenceLength <= int.MaxValue / 2,
            "micro_batch_size",
            $"at most {int.MaxValue / 2 / SequenceLength} sequences of {SequenceLength} tokens",
            MicroBatchSize.ToString());
        RequireRange("learning_rate", LearningRate, 0, 1);
        RequireRange("final_learning_rate_ratio", FinalLearningRateRatio, 0, 1);
        Require(Schedule is "wsd" or "cosine", "schedule", "\"wsd\" or \"cosine\"", $"\"{Schedule}\"");
        RequireRange("warmup_steps", WarmupSteps, 0, int.MaxValue);
        RequireRange("decay_steps", DecaySteps, 0, int.MaxValue);
        RequireRange("beta1", Beta1, 0, 0.99999);
        RequireRange("beta2", Beta2, 0, 0.99999);
        RequireRange("adam_epsilon", AdamEpsilon, 1e-20, 1); // 0 divides by 0 where a token has never been seen
        RequireRange("weight_decay", WeightDecay, 0, 10);
        RequireRange("clip_norm", ClipNorm, 1e-6, 1e6);
        RequireRange("ema_decay", EmaDecay, 0, 0.999999);
        RequireRange("infill_share", InfillShare ?? 0, 0, 1);
        RequireRange("continuation_share", ContinuationShare, 0, 1);
        double holes = InfillShare ?? HoleWindows.DefaultInfillShare;
        Require(
            autoregressive || holes + ContinuationShare <= 1 + 1e-9, // 0.8 + 0.2 may be a little more than 1
            "continuation_share",
            $"at most 1 less infill_share {holes}",
            ContinuationShare.ToString());
        RequireRange("random_length_share", RandomLengthShare, 0, 1);
        RequireRange("answer_padding", AnswerPadding, 0, 65_536);
        RequireRange("noise_epsilon", NoiseEpsilon, 1e-6, 1);
        RequireRange("max_mask_rate", MaxMaskRate, NoiseEpsilon, 1);
        Require(
            TimeWeight is NoiseTimes.Elbo or NoiseTimes.Linear,
            "time_weight",
            $"\"{NoiseTimes.Elbo}\" or \"{NoiseTimes.Linear}\"",
            $"\"{TimeWeight}\"");
        RequireRange("focal_gamma", FocalGamma, 0, 10);
        RequireRange("expand_share", ExpandShare, 0, 1);
        RequireRange("tail_share", TailShare, 0, 1);
        RequireRange("causal_share", CausalShare, 0, 1);
        Require(
            CausalShare == 0 || ModelConfig.ShiftLogits,
            "causal_share",
            "0 for a model without shift_logits",
            CausalShare.ToString());
        Require(
            Precision is "fastest" or "f32" or "bf16" or "int16",
            "precision",
            "\"fastest\", \"f32\", \"bf16\" or \"int16\"",
            $"\"{Precision}\"");
        RequireRange("evaluate_every", EvaluateEvery, 1, int.MaxValue);
        RequireRange("evaluation_windows", EvaluationWindows, 1, 1_000_000);
        RequireRange("checkpoint_every", CheckpointEvery, 1, int.MaxValue);
        ValidateLatents();
        RequireRead();
        ModelConfig model = ModelConfig;
        Require(
            model.Family is LladaFamily or LatentFamily,
            "model",
            "a network of the architecture LLaDAModelLM or CinnabarLatentModel",
            $"one of the family {model.Family.Name}");
        RequireKnownModelKeys(Model, within: "", model.KnownKeys());
        RequireDirection(model);
        Require(
            SequenceLength <= model.MaxSequenceLength,
            "sequence_length",
            $"at most the model's max_sequence_length {model.MaxSequenceLength}",
            SequenceLength.ToString());
    }

    // The configuration of a published model may have more keys than matter; here one that is unknown is mistyped.
    private static void RequireKnownModelKeys(JsonElement model, string within, IReadOnlySet<string> known)
    {
        string[] here =
        [
            .. known.Where(key => key.StartsWith(within, StringComparison.Ordinal)).Select(key => key[within.Length..])
                .Where(key => !key.Contains('.')).Order(StringComparer.Ordinal),
        ];
        if (here.Length == 0)
        {
            return; // an object that is checked elsewhere, or not read at all
        }

        foreach (JsonProperty key in model.EnumerateObject())
        {
            if (!here.Contains(key.Name))
            {
                throw new CinnabarException(
                    $"The training configuration's \"model\" has the unknown key \"{within}{key.Name}\".",
                    $"Correct or remove it; the keys {(within.Length == 0 ? "" : "there ")}are {string.Join(", ", here)}.");
            }

            if (key.Value.ValueKind == JsonValueKind.Object)
            {
                RequireKnownModelKeys(key.Value, $"{within}{key.Name}.", known);
            }
        }
    }

    // A key that the objective does not read would be ignored without a word.
    private void RequireRead()
    {
        TrainingOptions standard = new();
        bool masks = Objective == TrainingObjective.MaskedDiffusion;
        bool left = Objective == TrainingObjective.Autoregressive;
        bool latents = TrainingObjective.IsLatent(Objective);
        bool encodes = Objective == TrainingObjective.Autoencoder;
        bool denoises = Objective == TrainingObjective.LatentDiffusion;
        (string Key, bool IsRead, bool IsSet)[] keys =
        [
            ("tail_share", masks, TailShare != standard.TailShare),
            ("expand_share", masks, ExpandShare != standard.ExpandShare),
            ("separate_times", masks, SeparateTimes != standard.SeparateTimes),
            ("causal_share", masks, CausalShare != standard.CausalShare),
            ("focal_gamma", !latents, FocalGamma != standard.FocalGamma),
            ("infill_share", !latents, InfillShare is not null),
            ("continuation_share", !latents && !left, ContinuationShare != standard.ContinuationShare),
            ("answer_padding", !latents && !left, AnswerPadding != standard.AnswerPadding),
            ("noise_epsilon", !latents && !left, NoiseEpsilon != standard.NoiseEpsilon),
            ("max_mask_rate", !latents && !left, MaxMaskRate != standard.MaxMaskRate),
            ("time_weight", !latents && !left, TimeWeight != standard.TimeWeight),
            ("commitment", encodes, Commitment != standard.Commitment),
            ("codebook_decay", encodes, CodebookDecay != standard.CodebookDecay),
            ("latent_noise", encodes, LatentNoise != standard.LatentNoise),
            ("condition_share", denoises, ConditionShare != standard.ConditionShare),
            ("self_conditioning_share", denoises, SelfConditioningShare != standard.SelfConditioningShare),
            ("noise_curriculum", denoises, NoiseCurriculum != standard.NoiseCurriculum),
            ("token_weight", denoises, TokenWeight != standard.TokenWeight),
            ("adversarial_weight", denoises, AdversarialWeight != standard.AdversarialWeight),
        ];
        foreach ((string key, bool isRead, bool isSet) in keys)
        {
            Require(isRead || !isSet, key, $"left out for the objective \"{Objective}\", which does not read it", "a value");
        }
    }

    // Likewise a key that the corpus leaves without a meaning.
    internal void RequireReadOf(TokenDataset data)
    {
        TrainingOptions standard = new();
        (string Key, bool IsSet)[] keys = data.HasQuestions
            ?
            [
                ("infill_share", InfillShare is not null),
                ("continuation_share", ContinuationShare != standard.ContinuationShare),
                ("random_length_share", RandomLengthShare != standard.RandomLengthShare),
            ]
            : [("answer_padding", AnswerPadding != standard.AnswerPadding)];
        string kind = data.HasQuestions ? "examples" : "plain text";
        foreach ((string key, bool isSet) in keys)
        {
            Require(!isSet, key, $"left out for a corpus of {kind}, where it says nothing", "a value");
        }

        Require(
            !data.HasQuestions || !TrainingObjective.IsLatent(Objective),
            "corpus",
            $"one of plain text for the objective \"{Objective}\"",
            $"one of examples, '{Corpus}'");
    }

    // A network that looks ahead would read the next token, and one that never does has no use for the text behind a mask.
    private void RequireDirection(ModelConfig model)
    {
        ModelConfig wanted = Objective switch
        {
            TrainingObjective.Autoregressive => model with { AttentionKind = AttentionKind.Causal, ShiftLogits = true },
            TrainingObjective.BlockDiffusion => model with { AttentionKind = AttentionKind.BlockCausal, ShiftLogits = false },
            _ => model,
        };
        if (model.FirstDifference(wanted) is (string key, string found, string expected))
        {
            throw new CinnabarException(
                $"The objective \"{Objective}\" trains a model of {key} {expected}, found {key} {found}.",
                $"Set {key} {expected} in \"model\", or choose another objective.");
        }

        if (Objective == TrainingObjective.MaskedDiffusion && model.IsAutoregressive)
        {
            throw new CinnabarException(
                "The objective \"masked_diffusion\" trains a model that sees both sides of a mask, found attention_kind \"causal\" "
                + "with shift_logits true.",
                "Remove both from \"model\", or set the objective to \"autoregressive\".");
        }
    }

    private static string Shown(JsonElement value) => value.ValueKind == JsonValueKind.Undefined ? "nothing" : value.GetRawText();

    private static void RequireRange(string key, double value, double low, double high) =>
        Require(value >= low && value <= high, key, $"a number from {low} to {high}", value.ToString());

    private static void Require(bool condition, string key, string expected, string found)
    {
        if (!condition)
        {
            throw new CinnabarException(
                $"The training configuration's \"{key}\" should be {expected}, found {found}.",
                "Correct it in the configuration file, or by its flag where it has one.");
        }
    }
}
