using System.Globalization;
using System.Net;
using System.Text;
using Cinnabar.Server;
using Cinnabar.Server.Security;
using Cinnabar.Serving;

namespace Cinnabar.Cli;

/// <summary>What `cinnabar serve` prints once it listens, at most ten lines.</summary>
internal static class ServeBanner
{
    private const int MostModels = 4;

    /// <summary>The lines.</summary>
    /// <param name="url">Where the server listens.</param>
    /// <param name="options">Keys and limits.</param>
    /// <param name="engines">Limits of each model.</param>
    /// <param name="models">The models.</param>
    /// <param name="keyFile">File of the keys; null: the key is in the environment, or there is none.</param>
    public static string Text(string url, ServerOptions options, EngineOptions engines, ServedModels models, string? keyFile)
    {
        StringBuilder text = new();
        bool isEverywhere = options.Address.Equals(IPAddress.Any) || options.Address.Equals(IPAddress.IPv6Any);
        url = isEverywhere ? $"http://localhost:{new Uri(url).Port}" : url;
        Line(
            "server",
            $"{url}{(isEverywhere ? " and all addresses of this machine" : "")}   (page: the same address in a browser; Ctrl-C stops)");
        Line("key", KeyState(options, keyFile));
        foreach (ServedModel model in models.All.Take(MostModels))
        {
            DiffusionModel it = model.Engine.Model;
            string first = models.All.Count > 1 && model == models.All[0] ? ", the default" : "";
            string chat = it.ChatTemplate is null ? "" : ", chat";
            string size = $"context {it.Config.MaxSequenceLength}, {it.Config.ParameterCount / 1e6:N0} M parameters";
            Line("model", $"{model.Id}: {model.Kind}{chat}, {size}{first}");
        }

        if (models.All.Count > MostModels)
        {
            Line("", $"and {models.All.Count - MostModels} more, see GET /v1/models");
        }

        Line(
            "limits",
            $"{engines.MaxRunning} texts at once and {engines.MaxWaiting} waiting for each model, {options.MaxConnections} connections, "
            + $"bodies of {options.MaxBodyBytes >> 20} MiB");
        Line("try", Curl(url, models.All[0], KeyHeader(options, keyFile)));
        return text.ToString();

        void Line(string name, string value) => text.Append(CultureInfo.InvariantCulture, $"{name,-8}{value}\n");
    }

    private static string KeyState(ServerOptions options, string? keyFile) => (options.Keys.Count, options.IsLoopback) switch
    {
        (0, true) => $"none is needed: only programs of this machine reach the server (set {ApiKeys.Variable} for one)",
        (0, false) => "none is needed: anybody who reaches this machine may use the server",
        (1, _) when keyFile is null => $"needed: that of {ApiKeys.Variable}",
        (int count, _) => $"needed: {(count == 1 ? "that" : $"one of {count}")} in {keyFile}",
    };

    private static string KeyHeader(ServerOptions options, string? keyFile) => options.Keys.Count == 0 ? ""
        : keyFile is null ? $" -H \"Authorization: Bearer ${ApiKeys.Variable}\""
        : $" -H \"Authorization: Bearer $(head -n 1 '{keyFile}')\"";

    // What the model can do best.
    private static string Curl(string url, ServedModel model, string keyHeader)
    {
        (string path, string body) = model switch
        {
            { Engine.Model.ChatTemplate: not null } =>
                ("/v1/chat/completions", """{"messages":[{"role":"user","content":"Write a haiku about mercury."}]}"""),
            { Kind: "masked" } => ("/v1/infill", """{"segments":["int Add(int a, int b) { return ",{"hole":{"max_tokens":8}},"; }"]}"""),
            _ => ("/v1/completions", """{"prompt":"public static int Max(int a, int b)","max_tokens":32}"""),
        };
        return $"curl {url}{path} -H 'Content-Type: application/json'{keyHeader} -d '{body}'";
    }
}
