// cinnabar train CONFIG: trains a model, shows how it goes, and writes it as a Hugging Face folder at the end.
using System.CommandLine;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Cuda;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Training;

namespace Cinnabar.Cli.Commands;

internal static class TrainCommand
{
    public static Command Create()
    {
        Argument<string> config = new("config") { Description = "JSON file with the settings of the run; recipes/ holds examples." };
        Option<string?> corpus = new("--corpus") { Description = "Folder written by 'cinnabar corpus'. [default: the file's]" };
        Option<string?> output = new("--output", "-o") { Description = "Folder of the run. [default: the file's]" };
        Option<string?> initialModel = new("--initial-model")
        {
            Description = "Start from the weights of this model: a name under models/ or a folder. [default: random weights]",
        };
        Option<int?> steps = new("--steps") { Description = "Optimiser steps in all. [default: the file's]" };
        Option<int?> batchSize = new("--batch-size")
        {
            Description = "Sequences per optimiser step, and at most as many per pass. [default: the file's]",
        };
        Option<double?> learningRate = new("--learning-rate") { Description = "Highest learning rate. [default: the file's]" };
        Option<ulong?> seed = new("--seed") { Description = "Seed of weights, data order and noise. [default: the file's]" };
        learningRate.RequireNumber();
        DeviceArguments device = new();
        Option<bool> resume = new("--resume") { Description = "Continue from the checkpoint in the output folder." };
        Command command = new("train", "Train a model from a configuration file.")
        {
            config, corpus, output, initialModel, steps, batchSize, learningRate, seed, resume,
        };
        device.AddTo(command);
        command.SetWork((parsed, cancellation) =>
        {
            TrainingOptions options = TrainingOptions.Load(parsed.GetValue(config)!, o =>
            {
                o.Corpus = parsed.GetValue(corpus) ?? o.Corpus;
                o.Output = parsed.GetValue(output) ?? o.Output;
                o.InitialModel = parsed.GetValue(initialModel) ?? o.InitialModel;
                o.Steps = parsed.GetValue(steps) ?? o.Steps;
                if (parsed.GetValue(batchSize) is int sequences)
                {
                    o.BatchSize = sequences;
                    o.MicroBatchSize = Math.Min(o.MicroBatchSize, Math.Max(1, sequences));
                }

                o.LearningRate = parsed.GetValue(learningRate) ?? o.LearningRate;
                o.Seed = parsed.GetValue(seed) ?? o.Seed;
            });
            return Run(options, device.Kernels(parsed), parsed.GetValue(resume), cancellation);
        });
        return command;
    }

    private static int Run(TrainingOptions options, KernelTable kernels, bool resume, CancellationToken cancellation)
    {
        using Trainer trainer = new(options, kernels, resume);
        foreach (string reason in kernels.Reasons)
        {
            Console.Error.WriteLine(reason);
        }

        Console.Error.WriteLine(trainer.Mark.Step < options.Steps
            ? $"Training {options.ModelConfig.ParameterCount / 1e6:F1} M parameters on '{options.Corpus}', "
                + $"step {trainer.Mark.Step} of {options.Steps}, into '{options.Output}'."
            : $"Nothing is left to train: the checkpoint in '{options.Output}' is of step {trainer.Mark.Step}, "
                + $"{options.Steps} were wanted; its model is written again.");
        double? peak = kernels.Device is null ? MachinePeak.TryCreate(kernels.Workers, out _)?.Measure(MatMulPrecision.BF16) : null;
        TrainingDisplay display = new(Console.Error, Screen.Detect(plain: false).Live, peak);
        try
        {
            trainer.Run(display.Show, cancellation);
        }
        catch (CudaException e)
        {
            string checkpoint = trainer.HasCheckpoint
                ? $"The checkpoint in '{trainer.CheckpointFolder}' is intact."
                : "No checkpoint was written yet.";
            throw new CinnabarException(
                $"Training stopped after step {trainer.Mark.Step}: {e.Message} {checkpoint}",
                trainer.HasCheckpoint ? $"{e.Remedy} Continue with --resume." : e.Remedy,
                e);
        }
        finally
        {
            display.End();
        }

        if (trainer.Mark.Step < options.Steps)
        {
            Console.Error.WriteLine(
                $"Stopped at step {trainer.Mark.Step}; the checkpoint is written. Continue with the same command and --resume.");
        }

        trainer.Export(trainer.ModelPath, ModelCard.Write(options, trainer.Mark));
        if (trainer.Mark.Step < options.Steps)
        {
            Console.Error.WriteLine($"The model so far is in '{trainer.ModelPath}'.");
            return CommandRunner.Cancelled;
        }

        double bits = trainer.Mark.HeldOutBitsPerByte;
        string heldOut = bits > 0 ? $"held-out {bits:F3} bits per byte"
            : trainer.HasHeldOutText ? "held-out text not measured yet" : "no held-out text in the corpus";
        Console.Error.WriteLine($"Done: {trainer.Mark.Tokens / 1e6:F1} M tokens, {trainer.Mark.Flops:E2} FLOPs, {heldOut}.");
        Console.WriteLine(trainer.ModelPath);
        return 0;
    }
}
