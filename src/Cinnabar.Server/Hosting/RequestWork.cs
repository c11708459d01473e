using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Hosting;

/// <summary>What a request has cost; its endpoint adds to it, the log and the metrics tell it.</summary>
internal sealed class RequestWork
{
    /// <summary>Tokens written into holes.</summary>
    public int Tokens { get; private set; }

    /// <summary>Passes through the network.</summary>
    public int Passes { get; private set; }

    /// <summary>That of a request.</summary>
    public static RequestWork Of(HttpContext context)
    {
        RequestWork? work = context.Features.Get<RequestWork>();
        if (work is null)
        {
            work = new RequestWork();
            context.Features.Set(work);
        }

        return work;
    }

    /// <summary>Adds a text.</summary>
    public void Add(int tokens, int passes) => (Tokens, Passes) = (Tokens + tokens, Passes + passes);
}
