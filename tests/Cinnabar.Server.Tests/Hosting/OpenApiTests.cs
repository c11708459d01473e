using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Cinnabar.Server.Tests.Hosting;

public sealed class OpenApiTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private const string RefusedAsUnknown = "which is none of them";

    [Fact]
    public async Task Document_NamesEveryRouteAndNoOther()
    {
        JsonObject paths = (await DocumentAsync())["paths"]!.AsObject();
        string[] documented =
        [
            .. paths.SelectMany(path => path.Value!.AsObject().Select(method => $"{method.Key.ToUpperInvariant()} {path.Key}")),
        ];

        Assert.Equal(Routes().Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Document_PointsOnlyAtWhatItHolds()
    {
        JsonObject document = await DocumentAsync();
        List<string> references = [];
        Collect(document);

        Assert.NotEmpty(references);
        Assert.All(references, reference => Assert.NotNull(Resolve(document, reference)));

        void Collect(JsonNode? node)
        {
            if (node is JsonObject members)
            {
                references.AddRange(members.Where(member => member.Key == "$ref").Select(member => (string)member.Value!));
                members.ToList().ForEach(member => Collect(member.Value));
            }
            else if (node is JsonArray items)
            {
                items.ToList().ForEach(Collect);
            }
        }
    }

    [Fact]
    public async Task Examples_OfEveryEndpoint_AreAnswered()
    {
        JsonObject document = await DocumentAsync();
        foreach ((string path, JsonObject body) in Bodies(document))
        {
            using HttpResponseMessage response = await shared.Server.PostAsync(path, body["example"]!.ToJsonString());

            string answer = await response.Content.ReadAsStringAsync();
            bool isRefused = path == "/v1/chat/completions" && answer.Contains("chat template", StringComparison.Ordinal);
            Assert.True(response.StatusCode == HttpStatusCode.OK || isRefused, $"{path}: {response.StatusCode} {answer}");
        }
    }

    // Every name that the document has anywhere goes to every endpoint beside a body that is right: it must be refused as unknown exactly
    // where the document does not have it.
    [Fact]
    public async Task Fields_OfEveryEndpoint_AreThoseOfTheDocument()
    {
        JsonObject document = await DocumentAsync();
        (string Path, JsonObject Body)[] bodies = [.. Bodies(document)];
        HashSet<string> all = [.. bodies.SelectMany(body => Fields(document, body.Body["schema"]!)), "unheard_of"];
        List<string> differences = [];
        foreach ((string path, JsonObject body) in bodies)
        {
            HashSet<string> documented = [.. Fields(document, body["schema"]!)];
            JsonObject example = body["example"]!.AsObject();
            foreach (string name in all.Where(name => !example.ContainsKey(name)))
            {
                JsonObject request = example.DeepClone().AsObject();
                request[name] = null;
                using HttpResponseMessage response = await shared.Server.PostAsync(path, request.ToJsonString());
                bool isUnknown = (await response.Content.ReadAsStringAsync()).Contains(RefusedAsUnknown, StringComparison.Ordinal);
                if (isUnknown == documented.Contains(name))
                {
                    differences.Add($"{path} {name}: {(isUnknown ? "documented but refused" : "accepted but not documented")}");
                }
            }
        }

        Assert.Empty(differences);
    }

    private static IEnumerable<(string Path, JsonObject Body)> Bodies(JsonObject document) => document["paths"]!.AsObject()
        .Where(path => path.Value!["post"] is not null)
        .Select(path => (path.Key, path.Value!["post"]!["requestBody"]!["content"]!["application/json"]!.AsObject()));

    private static IEnumerable<string> Fields(JsonObject document, JsonNode schema)
    {
        JsonObject resolved = (schema["$ref"] is JsonNode reference ? Resolve(document, (string)reference!)! : schema).AsObject();
        IEnumerable<string> own = resolved["properties"]?.AsObject().Select(property => property.Key) ?? [];
        return own.Concat((resolved["allOf"]?.AsArray() ?? []).SelectMany(part => Fields(document, part!)));
    }

    private static JsonNode? Resolve(JsonObject document, string reference) =>
        reference.Split('/').Skip(1).Aggregate((JsonNode?)document, (node, name) => node?[name]);

    private async Task<JsonObject> DocumentAsync() =>
        JsonNode.Parse(await shared.Server.Client.GetStringAsync("/openapi.json"))!.AsObject();

    // All but the page's, those of tests, and the second method of a path that answers HEAD as it does GET.
    private IEnumerable<string> Routes() => shared.Server.Application.Services.GetRequiredService<EndpointDataSource>().Endpoints
        .OfType<RouteEndpoint>()
        .Select(route => (Path: route.RoutePattern.RawText!.Replace("**", "", StringComparison.Ordinal), Route: route))
        .Where(route => route.Path is not ("/" or "/read") && !Path.HasExtension(route.Path) || route.Path == "/openapi.json")
        .SelectMany(route => route.Route.Metadata.GetRequiredMetadata<HttpMethodMetadata>().HttpMethods
            .Where(method => method != HttpMethods.Head)
            .Select(method => $"{method} {route.Path}"));
}
