// Requests to a hub. Redirects are followed here and not by HttpClient, so that each is judged (see HubEndpoint) and the token goes to
// the hub alone. What a status means:
//   200, 206, 416           for the caller          301, 302, 303, 307, 308   followed, at most five
//   401, 403, 404, others   a CinnabarException     408, 429, 5xx, cuts, silence of a minute   a HubInterruption: try again
// The hub answers 401 for models that do not exist, lest one learn which private ones do.
using System.Net;
using System.Net.Http.Headers;
using System.Security.Authentication;

namespace Cinnabar.Checkpoints.Hub;

/// <summary>Sends requests to one hub.</summary>
internal sealed class HubConnection : IDisposable
{
    private const int MostRedirects = 5;
    private static readonly TimeSpan s_longestSilence = TimeSpan.FromMinutes(1);

    private readonly HubEndpoint _endpoint;
    private readonly AuthenticationHeaderValue? _authorization;
    private readonly HttpClient _http;
    private bool _wasReached;

    /// <summary>Prepares a connection; nothing is sent yet.</summary>
    /// <param name="endpoint">The hub.</param>
    /// <param name="token">Token of the user; null: none.</param>
    public HubConnection(HubEndpoint endpoint, string? token)
    {
        _endpoint = endpoint;
        _authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        SocketsHttpHandler handler = new()
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = !endpoint.IsLoopback,
            ConnectTimeout = TimeSpan.FromSeconds(30),
            ConnectCallback = endpoint.ConnectAsync,
        };
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("cinnabar", null));
    }

    /// <summary>Asks for an address, following redirects.</summary>
    /// <param name="address">Where.</param>
    /// <param name="offset">First byte wanted; 0: the whole.</param>
    /// <param name="what">What is asked for, for messages, e.g. "org/name".</param>
    /// <param name="redirected">Sees each redirect; null: nobody does.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <returns>An answer 200, 206 or 416 whose body was not read yet.</returns>
    /// <exception cref="HubInterruption">A failure that may pass.</exception>
    /// <exception cref="CinnabarException">The hub refuses, or a redirect leads where it must not.</exception>
    public async Task<HttpResponseMessage> GetAsync(
        Uri address, long offset, string what, Action<HttpResponseHeaders>? redirected, CancellationToken cancellation)
    {
        for (int redirects = 0; redirects <= MostRedirects; redirects++)
        {
            using HttpRequestMessage request = new(HttpMethod.Get, address);
            request.Headers.Range = offset > 0 ? new RangeHeaderValue(offset, null) : null;
            request.Headers.Authorization = _endpoint.Owns(address) ? _authorization : null;
            HttpResponseMessage answer = await SendAsync(request, cancellation).ConfigureAwait(false);
            switch (answer.StatusCode)
            {
                case HttpStatusCode.OK or HttpStatusCode.PartialContent or HttpStatusCode.RequestedRangeNotSatisfiable:
                    return answer;
                case HttpStatusCode.Moved or HttpStatusCode.Found or HttpStatusCode.SeeOther
                    or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect:
                    using (answer)
                    {
                        redirected?.Invoke(answer.Headers);
                        address = _endpoint.Follow(address, ValueOf(answer.Headers, "Location"));
                        break;
                    }

                default:
                    using (answer)
                    {
                        throw Failure(answer, address, what);
                    }
            }
        }

        throw new CinnabarException(
            $"{what}: expected an answer from {_endpoint.Address} after at most {MostRedirects} redirects, found more.",
            "Check HF_ENDPOINT, or try again later.");
    }

    /// <summary>Reads from the body of an answer; 0 at its end.</summary>
    /// <exception cref="HubInterruption">The connection was cut or silent for a minute.</exception>
    public static async Task<int> ReadAsync(Stream body, Memory<byte> buffer, CancellationToken cancellation)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(s_longestSilence);
        try
        {
            return await body.ReadAsync(buffer, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new HubInterruption($"The hub sent nothing for {s_longestSilence.TotalSeconds:F0} s", null, e);
        }
        catch (IOException e)
        {
            throw new HubInterruption($"The connection was cut: {e.Message.TrimEnd('.')}", null, e);
        }
    }

    /// <summary>A header as text; null if it is not there.</summary>
    public static string? ValueOf(HttpResponseHeaders headers, string name) =>
        headers.NonValidated.TryGetValues(name, out HeaderStringValues values) ? values.ToString() : null;

    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        string host = request.RequestUri!.Authority;
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(s_longestSilence);
        try
        {
            HttpResponseMessage answer =
                await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token).ConfigureAwait(false);
            _wasReached = true;
            return answer;
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new HubInterruption($"{host} did not answer within {s_longestSilence.TotalSeconds:F0} s", null, e);
        }
        catch (HttpRequestException e) when (e.InnerException is CinnabarException forbidden)
        {
            throw forbidden;
        }
        catch (HttpRequestException e) when (e.InnerException is AuthenticationException)
        {
            throw new CinnabarException(
                $"{host}: expected a trusted certificate, found: {e.InnerException.Message}",
                "Check the clock and the certificates of this machine; a proxy may stand in between.",
                e);
        }
        catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.NameResolutionError && !_wasReached)
        {
            throw new CinnabarException(
                $"{host}: expected to find this host on the network, found: {e.Message}",
                "Check the network and HF_ENDPOINT. Models that were pulled before run without a network.",
                e);
        }
        catch (HttpRequestException e)
        {
            throw new HubInterruption($"{host} could not be reached: {e.Message.TrimEnd('.')}", null, e);
        }
    }

    private Exception Failure(HttpResponseMessage answer, Uri address, string what)
    {
        int status = (int)answer.StatusCode;
        string page = $"{_endpoint.Address}{what.Split('@', ':', ',')[0]}";
        if (status is 408 or 429 or >= 500)
        {
            string meaning = status == 429 ? "too many requests" : "a passing fault";
            return new HubInterruption($"{address.Authority} answered {status} ({meaning}) for {what}", WaitOf(answer));
        }

        (string found, string remedy) = status switch
        {
            401 when _authorization is null => (
                "there is no such model, or it is private or gated",
                $"Check the name; for a private or gated model accept its terms at {page} and set HF_TOKEN."),
            401 => ("the token was not accepted", "Check HF_TOKEN (or the token file), and the name of the model."),
            403 => ("access is refused", $"Accept the terms of the model at {page} with the account of the token, and set HF_TOKEN."),
            404 => ("there is no such model, revision or file", $"Check the name and the revision at {page}."),
            _ => ("the hub refuses", "Check HF_ENDPOINT, or try again later."),
        };
        return new CinnabarException($"{what}: expected an answer from {address.Authority}, found status {status}: {found}.", remedy);
    }

    private static TimeSpan? WaitOf(HttpResponseMessage answer) => answer.Headers.RetryAfter switch
    {
        { Delta: TimeSpan delta } => delta,
        { Date: DateTimeOffset date } => TimeSpan.FromSeconds(Math.Max(0, (date - DateTimeOffset.UtcNow).TotalSeconds)),
        _ => null,
    };
}
