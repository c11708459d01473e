// cinnabar pull org/name[@revision][:file.gguf]: fetches a model from the Hugging Face hub into the cache that all its programs share.
using System.CommandLine;
using System.Diagnostics;
using Cinnabar.Checkpoints.Hub;

namespace Cinnabar.Cli.Commands;

internal static class PullCommand
{
    public static Command Create()
    {
        Argument<string> model = new("model")
        {
            Description = "Model on the hub: org/name, org/name@revision, or org/name:file.gguf for one file of several.",
        };
        Option<bool> json = new("--json")
        {
            Description = "Print one JSON object: commit, path and files. [default: the path]",
        };
        Command command = new(
            "pull",
            "Fetch a model from the Hugging Face hub. HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE are heeded.")
        {
            model, json,
        };
        command.SetAction((parsed, cancellation) => RunAsync(
            ModelReference.Parse(parsed.GetValue(model)!), parsed.GetValue(json), cancellation));
        return command;
    }

    private static async Task<int> RunAsync(ModelReference model, bool json, CancellationToken cancellation)
    {
        HubOptions options = HubOptions.FromEnvironment();
        Screen screen = Screen.Detect(plain: false);
        HubClient client = new(options)
        {
            Retrying = screen.Live ? null : failure => Console.Error.WriteLine(TerminalText.Safe(failure)), // else the bar stands there
        };
        Stopwatch time = Stopwatch.StartNew();
        HubSnapshot snapshot;
        try
        {
            snapshot = await PullDisplay.ShowAsync(
                screen, Console.Error, progress => client.PullAsync(model, progress, cancellation));
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync($"What has arrived is kept; to go on: cinnabar pull {model}");
            throw;
        }

        if (json)
        {
            PrintJson(model, snapshot, time.Elapsed);
        }
        else
        {
            Console.WriteLine(TerminalText.Safe(snapshot.Path));
        }

        string fetched = snapshot.ReceivedBytes > 0
            ? $"{PullDisplay.Size(snapshot.ReceivedBytes)} in {time.Elapsed.TotalSeconds:F1} s, hashes verified"
            : "nothing to fetch, everything is there";
        await Console.Error.WriteLineAsync($"{model}: {fetched}. Next: cinnabar show {model}");
        return 0;
    }

    private static void PrintJson(ModelReference model, HubSnapshot snapshot, TimeSpan time) => ResultWriter.WriteJson(json =>
    {
        json.WriteString("model", model.Repository);
        json.WriteString("revision", model.Revision);
        json.WriteString("commit", snapshot.Commit);
        json.WriteString("path", snapshot.Path);
        json.WriteNumber("received_bytes", snapshot.ReceivedBytes);
        json.WriteNumber("seconds", Math.Round(time.TotalSeconds, 4));
        json.WriteStartArray("files");
        foreach (HubFile file in snapshot.Files)
        {
            json.WriteStartObject();
            json.WriteString("path", file.Path);
            json.WriteNumber("bytes", file.Size);
            json.WriteString("hash", file.Digest);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
