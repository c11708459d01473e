using System.Text.Json;
using Cinnabar.Server.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Cinnabar.Server.Api;

/// <summary>GET and HEAD of /v1/models and /v1/models/{id}: OpenAI's members, and under "cinnabar" what only we know.</summary>
internal static class ModelsEndpoints
{
    public static void MapModels(this IEndpointRouteBuilder routes)
    {
        ServedModels models = routes.ServiceProvider.GetRequiredService<ServedModels>();
        string[] methods = [HttpMethods.Get, HttpMethods.Head];
        routes.MapMethods("/v1/models", methods, context => WholeAnswer.WriteJsonAsync(context, StatusCodes.Status200OK, json =>
        {
            json.WriteString("object", "list");
            json.WriteStartArray("data");
            foreach (ServedModel model in models.All)
            {
                json.WriteStartObject();
                WriteMembers(json, model, models);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }));
        // Names of models of the hub hold a slash; OpenAI's clients escape it, and of all escapes that one is left in a path.
        routes.MapMethods("/v1/models/{**id}", methods, context =>
        {
            string id = context.GetRouteValue("id") as string ?? "";
            ServedModel model = models.Find(id.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase));
            return WholeAnswer.WriteJsonAsync(context, StatusCodes.Status200OK, json => WriteMembers(json, model, models));
        });
    }

    private static void WriteMembers(Utf8JsonWriter json, ServedModel served, ServedModels models)
    {
        DiffusionModel model = served.Engine.Model;
        json.WriteString("id", served.Id);
        json.WriteString("object", "model");
        json.WriteNumber("created", served.Created);
        json.WriteString("owned_by", "cinnabar");
        json.WriteStartObject("cinnabar");
        json.WriteString("kind", served.Kind);
        json.WriteString("tokenizer", served.TokenizerHash);
        json.WriteNumber("context", model.Config.MaxSequenceLength);
        json.WriteBoolean("chat", model.ChatTemplate is not null);
        json.WriteBoolean("grows", model.GrowsHoles && served.Kind == "masked");
        json.WriteBoolean("drafts", model.CanDraft && served.Kind == "masked");
        json.WriteNumber("parameters", model.Config.ParameterCount);
        json.WriteBoolean("default", served == models.All[0]);
        json.WriteStartObject("options");
        DefaultOptions.Write(json, model);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
