using Cinnabar.Diffusion;
using Cinnabar.Machines;
using Cinnabar.Models;

namespace Cinnabar.Tests.Machines;

/// <summary>Conversations that end anywhere, or in which any byte is another: the machine lives, and serves the next program.</summary>
public sealed class LayerWorkerCutTests : IDisposable
{
    private const int GreetingBytes = 80; // of a program
    private readonly TestMachines _machines = new(1);
    private readonly byte[] _conversation; // behind the greeting

    public LayerWorkerCutTests()
    {
        using MachineProxy proxy = new(_machines.Port);
        TransformerDenoiser network = proxy.Network(RawProgram.SmallNetwork, 1);
        int[] ids = RawProgram.SmallNetwork.Ids(5);
        network.Logits(ids, [1]);
        network.Logits(ids, [1], network.CreateCache(5), [2]);
        network.LogitsWithShadows(ids, [1], [3]);
        _conversation = proxy.FromProgram[GreetingBytes..];
    }

    public void Dispose()
    {
        GoodProgram.Works(_machines);
        _machines.Dispose();
    }

    [Fact]
    public void Conversation_AsRecorded_IsAnsweredToItsEnd()
    {
        Assert.Equal(Answers(_conversation, most: int.MaxValue), Answers(_conversation, most: int.MaxValue));
        Assert.True(Answers(_conversation, most: int.MaxValue).Length > 5 * 4 * sizeof(float));
    }

    // Every place but those within weights, of which there is one every 16 bytes.
    [Fact]
    public void Conversation_CutAnywhere_EndsTheConnectionWithoutAnAnswerThatIsWrong()
    {
        byte[] whole = Answers(_conversation, most: int.MaxValue);
        int all = GreetingBytes + _conversation.Length;
        int weights = Array.IndexOf(_conversation, (byte)MachineCommand.Weight) + GreetingBytes;
        int[] places = [.. Enumerable.Range(0, all).Where(i => i < weights + 100 || i > all - 400 || i % 16 == 0)];
        Parallel.ForEach(places, new ParallelOptions { MaxDegreeOfParallelism = 4 }, most =>
        {
            byte[] answers = Answers(_conversation, most);
            Assert.True(whole.AsSpan().StartsWith(answers), $"Cut behind {most} bytes, it gets another answer.");
            Assert.True(answers.Length < whole.Length, $"Cut behind {most} bytes, it gets all answers.");
        });
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Conversation_WithOtherBytes_EndsTheConnection(int seed)
    {
        DeterministicRandom random = new((ulong)seed);
        for (int i = 0; i < 150; i++)
        {
            byte[] changed = [.. _conversation];
            for (int changes = 1 + random.NextInt(3); changes > 0; changes--)
            {
                int place = random.NextInt(changed.Length);
                changed[place] = random.NextInt(3) switch
                {
                    0 => (byte)(changed[place] ^ (1 << random.NextInt(8))),
                    1 => 0xff,
                    _ => (byte)random.NextInt(256),
                };
            }

            Answers(changed, int.MaxValue);
        }
    }

    // What the machine says behind its proof, its memory, which others may have a part of, and its kernels, until it closes the
    // connection.
    private byte[] Answers(byte[] conversation, int most)
    {
        using RawProgram program = RawProgram.Silent(_machines.Port);
        byte[] all = [.. program.GreetingWith(MachineKey.None), .. conversation];
        program.Send(all.AsSpan(0, Math.Min(most, all.Length)));
        program.EndSending();
        byte[] said = program.ReadToEnd();
        int introduction = 1 + 32 + sizeof(long) + RawProgram.Text(TestMachines.Kernels).Length;
        return said.Length <= introduction ? [] : said[introduction..];
    }
}
