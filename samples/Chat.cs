#:project ../src/Cinnabar.Extensions.AI/Cinnabar.Extensions.AI.csproj
#:property PublishAot=false
using Cinnabar;
using Cinnabar.Extensions.AI;
using Cinnabar.Serving;
using Microsoft.Extensions.AI;
await using ModelEngine engine = new(DiffusionModel.Load("csharp-12m"));
IChatClient client = new DiffusionChatClient(engine, new() { ContinueWithoutTemplate = true });
await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync("public int Count =>", new() { MaxOutputTokens = 8 }))
    Console.Write(update.Text);
