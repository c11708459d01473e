using System.Net;
using System.Text.Json;

namespace Cinnabar.Server.Tests;

/// <summary>The members of {"error": {…}}, and no others.</summary>
internal sealed record ErrorBody(string Message, string Type, string? Param, string? Code)
{
    /// <summary>Reads the answer, which must have this status and be an error.</summary>
    public static async Task<ErrorBody> OfAsync(HttpResponseMessage response, HttpStatusCode status)
    {
        string text = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == status, $"expected {status}, found {response.StatusCode}: {text}");
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        using JsonDocument document = JsonDocument.Parse(text);
        JsonElement error = document.RootElement.GetProperty("error");
        Assert.Single(document.RootElement.EnumerateObject());
        Assert.Equal(["message", "type", "param", "code"], error.EnumerateObject().Select(member => member.Name));
        return new ErrorBody(
            error.GetProperty("message").GetString()!,
            error.GetProperty("type").GetString()!,
            error.GetProperty("param").GetString(),
            error.GetProperty("code").GetString());
    }
}
