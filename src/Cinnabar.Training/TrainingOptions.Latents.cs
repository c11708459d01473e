namespace Cinnabar.Training;

/// <content>Settings of latent models alone.</content>
public sealed partial record TrainingOptions
{
    /// <summary>A <see cref="NoiseCurriculum"/> that begins with little noise.</summary>
    internal const string LowNoiseFirst = "low_first";

    /// <summary>β: how strongly latents are pulled to their codes; autoencoder only. Default 0.25.</summary>
    public double Commitment { get; set; } = 0.25;

    /// <summary>γ: decay of the averages that codes follow; autoencoder only. Default 0.99.</summary>
    public double CodebookDecay { get; set; } = 0.99;

    /// <summary>Deviation of the noise that the decoder's latents get; autoencoder only. Default 0.</summary>
    public double LatentNoise { get; set; }

    /// <summary>Share of sequences with a known prefix, suffix or both; latent diffusion only. Default 0.5.</summary>
    public double ConditionShare { get; set; } = 0.5;

    /// <summary>Share of passes that are given what a pass before guessed; latent diffusion only. Default 0.5.</summary>
    public double SelfConditioningShare { get; set; } = 0.5;

    /// <summary>Order of times: "none" or "low_first"; latent diffusion only. Default "none".</summary>
    public string NoiseCurriculum { get; set; } = "none";

    /// <summary>Weight of the cross-entropy of tokens decoded from guessed latents; latent diffusion only. Default 0.</summary>
    public double TokenWeight { get; set; }

    /// <summary>Weight of the discriminator's opinion; latent diffusion only. Default 0.</summary>
    public double AdversarialWeight { get; set; }

    private void ValidateLatents()
    {
        RequireRange("commitment", Commitment, 0, 100);
        RequireRange("codebook_decay", CodebookDecay, 0, 0.999999);
        RequireRange("latent_noise", LatentNoise, 0, 10);
        RequireRange("condition_share", ConditionShare, 0, 1);
        RequireRange("self_conditioning_share", SelfConditioningShare, 0, 1);
        Require(
            NoiseCurriculum is "none" or LowNoiseFirst, "noise_curriculum", $"\"none\" or \"{LowNoiseFirst}\"", $"\"{NoiseCurriculum}\"");
        RequireRange("token_weight", TokenWeight, 0, 100);
        RequireRange("adversarial_weight", AdversarialWeight, 0, 100);
        Checkpoints.LatentShape? latents = ModelConfig.Latents;
        bool wanted = Objectives.TrainingObjective.IsLatent(Objective);
        Require(
            (latents is not null) == wanted,
            "model",
            wanted ? "a model with \"latents\"" : "a model without \"latents\"",
            latents is null ? "one without" : "one with");
        if (latents is null)
        {
            return;
        }

        bool denoises = Objective == Objectives.TrainingObjective.LatentDiffusion;
        Require(
            (latents.Denoiser is not null) == denoises,
            "model",
            $"\"latents\" {(denoises ? "with" : "without")} \"denoiser\" for the objective \"{Objective}\"",
            latents.Denoiser is null ? "none" : "one");
        Require(!denoises || InitialModel is not null, "initial_model", "a trained autoencoder", "nothing");
        Require(
            SequenceLength % latents.Unit == 0, "sequence_length", $"a multiple of {latents.Unit} tokens", SequenceLength.ToString());
    }
}
