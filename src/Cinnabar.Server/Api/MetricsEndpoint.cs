using System.Text;
using Cinnabar.Server.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Cinnabar.Server.Api;

/// <summary>GET and HEAD of /metrics: for Prometheus.</summary>
internal static class MetricsEndpoint
{
    public static void MapMetrics(this IEndpointRouteBuilder routes)
    {
        PrometheusText metrics = routes.ServiceProvider.GetRequiredService<PrometheusText>();
        routes.MapMethods("/metrics", [HttpMethods.Get, HttpMethods.Head], context => WholeAnswer.WriteAsync(
            context, StatusCodes.Status200OK, PrometheusText.ContentType, Encoding.UTF8.GetBytes(metrics.Write())));
    }
}
