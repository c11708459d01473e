using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Cinnabar.Server.Api;

/// <summary>The endpoints that write, score and tokenise text.</summary>
internal static class GenerationEndpoints
{
    /// <summary>
    /// Adds them. They need <see cref="ServedModels"/> and <see cref="ServerOptions"/> among the services, and leave errors before an
    /// answer to the host.
    /// </summary>
    public static void MapGeneration(this IEndpointRouteBuilder routes)
    {
        Map("/v1/completions", CompletionsEndpoint.CompleteAsync);
        Map("/v1/fim/completions", CompletionsEndpoint.FillAsync);
        Map("/v1/chat/completions", ChatEndpoint.AnswerAsync);
        Map("/v1/edit/completions", EditEndpoint.EditAsync);
        Map("/v1/apply/completions", ApplyEndpoint.ApplyAsync);
        Map("/infill", LlamaInfillEndpoint.FillAsync);
        Map("/v1/infill", InfillEndpoint.FillAsync);
        Map("/v1/score", ScoreEndpoint.ScoreAsync);
        Map("/tokenize", TokenEndpoints.TokenizeAsync);
        Map("/detokenize", TokenEndpoints.DetokenizeAsync);

        void Map(string pattern, RequestDelegate answer) => routes.MapPost(pattern, answer);
    }
}
