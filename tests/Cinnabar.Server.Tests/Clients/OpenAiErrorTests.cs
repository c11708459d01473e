#pragma warning disable OPENAI001 // the client calls its seed experimental
using System.ClientModel;
using Cinnabar.Server.Security;
using Cinnabar.Serving;
using OpenAI.Chat;

namespace Cinnabar.Server.Tests.Clients;

/// <summary>The server's errors as OpenAI's .NET client tells them.</summary>
public sealed class OpenAiErrorTests(OpenAiServer server) : IClassFixture<OpenAiServer>
{
    private static readonly ChatMessage[] s_hello = [new UserChatMessage("hello")];

    [Fact]
    public async Task UnknownModel_Is404()
    {
        ClientResultException error = await FailAsync(server.Chat("gpt-4o"));

        Assert.Equal(404, error.Status);
        Assert.Contains("model_not_found", error.Message);
        Assert.Contains("chat, plain", error.Message); // the names there are
    }

    [Fact]
    public async Task UnsupportedOption_Is400WithItsName()
    {
        ChatCompletionOptions options = new() { IncludeLogProbabilities = true };

        ClientResultException error = await FailAsync(server.Chat(), options);

        Assert.Equal(400, error.Status);
        Assert.Contains("Parameter: logprobs", error.Message);
    }

    [Fact]
    public async Task ErrorBeforeAStream_IsThrownByIt()
    {
        ClientResultException error = await Assert.ThrowsAsync<ClientResultException>(async () =>
        {
            await foreach (StreamingChatCompletionUpdate _ in server.Chat("plain").CompleteChatStreamingAsync(s_hello))
            {
            }
        });

        Assert.Equal(400, error.Status);
        Assert.Contains("chat template", error.Message);
    }

    [Fact]
    public async Task WrongKey_Is401()
    {
        await using OpenAiServer keyed = await OpenAiServer.StartAsync(new ServerOptions { Keys = ApiKeys.Of("right-key") });
        ClientResultException error = await FailAsync(keyed.Chat(key: "wrong-key"));
        ChatCompletion answer = await keyed.Chat(key: "right-key").CompleteChatAsync(s_hello);

        Assert.Equal(401, error.Status);
        Assert.Contains("invalid_api_key", error.Message);
        Assert.NotEmpty(answer.Content);
    }

    [Fact]
    public async Task Busy_Is429AndTriedAgainAfterAWhile()
    {
        await using OpenAiServer small = await OpenAiServer.StartAsync(engines: new EngineOptions { MaxRunning = 1, MaxWaiting = 0 });
        using SemaphoreSlim gate = new(0);
        Task held = small.Engine.RunAsync(_ => gate.Wait(10_000));
        Task<ClientResult<ChatCompletion>> first = small.Chat().CompleteChatAsync(s_hello);
        await OpenAiChatTests.UntilAsync(() => small.Engine.Status is { Waiting: 1 } or { Running: 1 });

        ClientResultException error = await FailAsync(small.Chat());
        Task<ClientResult<ChatCompletion>> patient = small.Chat(retries: 3).CompleteChatAsync(s_hello);
        await OpenAiChatTests.UntilAsync(() => small.Engine.Status.Refused == 2);
        gate.Release();
        await held;

        Assert.Equal(429, error.Status);
        Assert.Contains("overloaded_error", error.Message);
        Assert.NotEmpty((await first).Value.Content);
        Assert.NotEmpty((await patient).Value.Content);
    }

    private static Task<ClientResultException> FailAsync(ChatClient client, ChatCompletionOptions? options = null) =>
        Assert.ThrowsAsync<ClientResultException>(() => client.CompleteChatAsync(s_hello, options));
}
