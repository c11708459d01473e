using System.Text;
using System.Text.Json.Nodes;
using Cinnabar.Machines;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Machines;

/// <summary>What a machine refuses while it is given layers, and that it goes on for others.</summary>
public sealed class LayerWorkerLoadingTests : IDisposable
{
    private readonly TestMachines _machines = new(1);

    public void Dispose()
    {
        GoodProgram.Works(_machines);
        _machines.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(255)]
    [InlineData((byte)MachineCommand.Weight)]
    [InlineData((byte)MachineCommand.Complete)]
    [InlineData((byte)MachineCommand.Pass)]
    public void Command_BeforeBegin_IsRefused(byte command)
    {
        using RawProgram program = RawProgram.Greeted(_machines.Port);
        Assert.Equal($"Expected what a program may ask next, found {command}.", program.Refused((MachineCommand)command));
    }

    [Fact]
    public void Begin_Twice_IsRefused()
    {
        using RawProgram program = RawProgram.Begun(_machines.Port, RawProgram.Small);
        Assert.Equal(
            "Expected what a program may ask next, found 1.",
            program.Refused(MachineCommand.Begin, RawProgram.Text(RawProgram.Small.ToJson())));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"model\":\"x\"")]
    public void Begin_OtherJson_IsRefused(string json)
    {
        using RawProgram program = RawProgram.Greeted(_machines.Port);
        Assert.StartsWith("Expected layers of a network", program.Refused(MachineCommand.Begin, RawProgram.Text(json)));
    }

    [Theory]
    [InlineData("model", "null")]
    [InlineData("hidden_size", "null")]
    [InlineData("learned_positions", "null")]
    [InlineData("first", "2")]
    [InlineData("first", "-1")]
    [InlineData("first", "2147483647")]
    [InlineData("count", "0")]
    [InlineData("count", "2147483647")]
    [InlineData("num_hidden_layers", "1025")]
    [InlineData("hidden_size", "0")]
    [InlineData("hidden_size", "-4")]
    [InlineData("hidden_size", "2147483647")]
    [InlineData("hidden_size", "4.5")]
    [InlineData("hidden_size", "\"4\"")]
    [InlineData("intermediate_size", "0")]
    [InlineData("num_attention_heads", "3000000")]
    [InlineData("num_key_value_heads", "0")]
    [InlineData("num_key_value_heads", "3")]
    [InlineData("head_size", "0")]
    [InlineData("head_size", "100000")]
    [InlineData("rotary_dimensions", "1")]
    [InlineData("rotary_dimensions", "4")]
    [InlineData("rotary_dimensions", "-2")]
    [InlineData("max_sequence_length", "0")]
    [InlineData("max_sequence_length", "16777217")]
    [InlineData("rms_norm_eps", "0")]
    [InlineData("rms_norm_eps", "1")]
    [InlineData("rope_theta", "0")]
    [InlineData("rope_theta", "1e13")]
    [InlineData("rope_theta", "1.0000001e12")]
    [InlineData("rope_theta", "0.99")]
    [InlineData("attention_block_size", "0")]
    [InlineData("attention_block_size", "16777217")]
    [InlineData("precision", "77")]
    [InlineData("further", "1")]
    [InlineData("experts", "{}")]
    [InlineData("experts", "{\"count\":0,\"active_count\":1,\"intermediate_size\":4}")]
    [InlineData("experts", "{\"count\":131073,\"active_count\":1,\"intermediate_size\":4}")] // of two layers more than 1 << 18
    [InlineData("experts", "{\"count\":4,\"active_count\":5,\"intermediate_size\":4}")]
    [InlineData("experts", "{\"count\":4,\"active_count\":1,\"intermediate_size\":0}")]
    [InlineData("experts", "{\"count\":4,\"active_count\":1,\"intermediate_size\":4,\"group_count\":3}")]
    [InlineData("experts", "{\"count\":4,\"active_count\":3,\"intermediate_size\":4,\"group_count\":2}")]
    [InlineData("experts", "{\"count\":4,\"active_count\":1,\"intermediate_size\":4,\"scoring\":9}")]
    [InlineData("experts", "{\"count\":4,\"active_count\":1,\"intermediate_size\":4,\"dense_blocks\":-1}")]
    public void Begin_ImpossibleSize_IsRefused(string key, string value)
    {
        using RawProgram program = RawProgram.Greeted(_machines.Port);
        JsonObject json = JsonNode.Parse(RawProgram.Small.ToJson())!.AsObject();
        json[key] = JsonNode.Parse(value);
        Assert.StartsWith("Expected layers of a network", program.Refused(MachineCommand.Begin, RawProgram.Text(json.ToJsonString())));
    }

    [Fact]
    public void Begin_WithoutAKey_IsRefused()
    {
        foreach (string key in JsonNode.Parse(RawProgram.Small.ToJson())!.AsObject().Select(pair => pair.Key))
        {
            using RawProgram program = RawProgram.Greeted(_machines.Port);
            JsonObject json = JsonNode.Parse(RawProgram.Small.ToJson())!.AsObject();
            json.Remove(key);
            Assert.StartsWith("Expected layers of a network", program.Refused(MachineCommand.Begin, RawProgram.Text(json.ToJsonString())));
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(MachineProtocol.MostTextBytes + 1)]
    [InlineData(int.MaxValue)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    public void Text_OfImpossibleLength_IsRefused(long length)
    {
        using RawProgram program = RawProgram.Greeted(_machines.Port);
        Assert.Equal(
            $"Expected the length of layers, 0 … 65536, found {length}.", program.Refused(MachineCommand.Begin, RawProgram.Number(length)));
        using RawProgram begun = RawProgram.Begun(_machines.Port, RawProgram.Small);
        Assert.Equal(
            $"Expected the length of a weight's name, 0 … 65536, found {length}.",
            begun.Refused(MachineCommand.Weight, RawProgram.Number(length)));
    }

    [Theory]
    [InlineData("model.transformer.blocks.0.attn_norm.weight")] // of a layer that it does not have
    [InlineData("model.transformer.wte.weight")]
    [InlineData("")]
    [InlineData("../../etc/passwd\u001b[2J")]
    public void Weight_ThatWasNotAskedFor_IsRefused(string name)
    {
        using RawProgram program = RawProgram.Begun(_machines.Port, RawProgram.Small);
        string said = program.Refused(MachineCommand.Weight, RawProgram.Header(name, Tensor.Zeros(4)));
        Assert.StartsWith("Expected a weight of the layers that were asked for, found '", said);
        Assert.DoesNotContain('\u001b', said);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(2, 4)]
    [InlineData(4, 2)]
    [InlineData(16)]
    [InlineData(4, 4, 1)]
    [InlineData(4, 0)]
    [InlineData(int.MaxValue, int.MaxValue)]
    public void Weight_OfAnotherShape_IsRefused(params int[] shape)
    {
        using RawProgram program = RawProgram.Begun(_machines.Port, RawProgram.Small);
        string name = RawProgram.WeightNames.Single(weight => weight.Contains("ff_out", StringComparison.Ordinal));
        Assert.Contains(name, program.Refused(MachineCommand.Weight, RawProgram.Header(name, (byte)DType.F32, group: 0, shape)));
    }

    // A number of the group, or of dimensions, that no tensor has; types that there are none of.
    [Theory]
    [InlineData(200, 2, 4, "of a known type")]
    [InlineData(2, 2, 1L << 40, "the group of")]
    [InlineData(2, 2, -1, "the group of")]
    [InlineData(0, 0, 0, "dimensions of")]
    [InlineData(0, 3, 0, "dimensions of")]
    [InlineData(0, long.MaxValue, 0, "dimensions of")]
    public void Weight_OfAnotherTypeOrGroup_IsRefused(byte type, long dimensions, long group, string said)
    {
        using RawProgram program = RawProgram.Begun(_machines.Port, RawProgram.Small);
        string name = RawProgram.WeightNames.Single(weight => weight.Contains("ff_out", StringComparison.Ordinal));
        byte[] sizes = [.. RawProgram.Number(4), .. RawProgram.Number(4)];
        byte[] message = [.. RawProgram.Text(name), type, .. RawProgram.Number(dimensions), .. sizes, .. RawProgram.Number(group)];
        Assert.Contains(said, program.Refused(MachineCommand.Weight, message));
    }

    // Groups that do not fit are found out at the latest when the first byte is to come.
    [Theory]
    [InlineData(2, 0)]
    [InlineData(2, 3)]
    [InlineData(3, 1)]
    [InlineData(4, 4)]
    public void Weight_OfGroupsThatDoNotFit_IsRefusedWithoutItsBytes(byte type, long group)
    {
        using RawProgram program = RawProgram.Begun(_machines.Port, RawProgram.Small);
        string name = RawProgram.WeightNames.Single(weight => weight.Contains("ff_out", StringComparison.Ordinal));
        program.Send([(byte)MachineCommand.Weight, .. RawProgram.Header(name, type, group, 4, 4)]);
        byte[] said = program.ReadToEnd();
        int failed = type == (byte)DType.Q4_0 ? 1 : 0; // how long a block is, is known only when room is made
        Assert.Equal((byte)MachineAnswer.Failed, said[failed]);
        Assert.Contains($"roups of {group}", Encoding.UTF8.GetString(said));
    }

    // What was announced is not yet there, so that it could come twice.
    [Fact]
    public void Weight_OtherCommandInsteadOfItsBytes_IsTakenForThem()
    {
        string name = RawProgram.WeightNames[0]; // a norm of 16 bytes
        using RawProgram program = RawProgram.Begun(_machines.Port, RawProgram.Small);
        program.Ask(MachineCommand.Weight, RawProgram.Header(name, RawProgram.SmallNetwork.Weights[name]));
        program.Ask([.. Enumerable.Repeat((byte)MachineCommand.Complete, 16)]);
        Assert.Contains("found 1; ", program.Refused(MachineCommand.Complete));
    }

    [Fact]
    public void Weight_Twice_IsRefused()
    {
        string name = RawProgram.WeightNames[0];
        using RawProgram program = RawProgram.Begun(_machines.Port, RawProgram.Small);
        byte[] header = RawProgram.Header(name, RawProgram.SmallNetwork.Weights[name]);
        program.Load(name);
        Assert.Equal($"Expected each weight once, found {name} again.", program.Refused(MachineCommand.Weight, header));
        using RawProgram ready = RawProgram.Ready(_machines.Port, RawProgram.Small);
        Assert.Equal($"Expected each weight once, found {name} again.", ready.Refused(MachineCommand.Weight, header));
    }

    [Fact]
    public void Complete_WithAWeightMissing_IsRefused()
    {
        foreach (string missing in RawProgram.WeightNames)
        {
            using RawProgram program = RawProgram.Begun(_machines.Port, RawProgram.Small);
            foreach (string name in RawProgram.WeightNames.Where(name => name != missing))
            {
                program.Load(name);
            }

            Assert.Contains($"{missing} is missing", program.Refused(MachineCommand.Complete));
        }
    }

    // A type is taken for matrices as for norms, whatever the numbers in them; what they make is the program's affair.
    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.BF16)]
    [InlineData(DType.Int8)]
    public void Weights_OfNumbersThatAreNone_DoNoHarm(DType type)
    {
        using RawProgram program = RawProgram.Begun(_machines.Port, RawProgram.Small);
        foreach (string name in RawProgram.WeightNames)
        {
            Tensor tensor = Tensor.Zeros(type, RawProgram.SmallNetwork.Weights[name].Shape);
            tensor.Bytes.Fill(0xff);
            tensor.Scales?.Bytes.Fill(0xff);
            program.Load(name, tensor);
        }

        program.Ask(MachineCommand.Complete);
        Assert.Equal(4 * 4 * 4, program.Pass(new RawPass()).Length);
    }
}
