using System.Text.Json.Nodes;

namespace Cinnabar.Server;

/// <summary>A request that cannot be answered: becomes <c>{"error": {"message", "type", "param", "code"}}</c> with a status.</summary>
/// <param name="status">HTTP status.</param>
/// <param name="type">Kind of error, as OpenAI names them: invalid_request_error, overloaded_error …</param>
/// <param name="message">What was expected, what was found, what to do.</param>
/// <param name="param">The field that is wrong, with its path: messages[2].role; null: none.</param>
/// <param name="code">A word for programs: model_not_found …; null: none.</param>
public sealed class ApiException(int status, string type, string message, string? param = null, string? code = null) : Exception(message)
{
    /// <summary>HTTP status.</summary>
    public int Status => status;

    /// <summary>Kind of error.</summary>
    public string Type => type;

    /// <summary>The field that is wrong; null: none.</summary>
    public string? Param => param;

    /// <summary>A word for programs; null: none.</summary>
    public string? Code => code;

    /// <summary>Seconds after which to try again; null: no such hint.</summary>
    public int? RetryAfter { get; init; }

    /// <summary>The envelope.</summary>
    public JsonObject ToJson() => new()
    {
        ["error"] = new JsonObject { ["message"] = Message, ["type"] = type, ["param"] = param, ["code"] = code },
    };

    /// <summary>Does something that a field asks for, and names the field where the library refuses it.</summary>
    /// <param name="param">The field.</param>
    /// <param name="work">What it asks for.</param>
    /// <exception cref="ApiException">400: it was refused.</exception>
    public static T Naming<T>(string param, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (CinnabarException error)
        {
            throw Invalid(error.Message, param);
        }
    }

    /// <summary>Status 400 for a field.</summary>
    public static ApiException Invalid(string message, string? param) => new(400, "invalid_request_error", message, param);
}
