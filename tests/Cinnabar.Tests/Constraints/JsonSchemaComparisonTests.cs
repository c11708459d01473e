using System.Text.Json;
using Cinnabar.Constraints;

namespace Cinnabar.Tests.Constraints;

// Random schemas: what the automaton accepts satisfies the schema, what satisfies the schema is accepted.
public sealed class JsonSchemaComparisonTests
{
    [Fact]
    public void FromJsonSchema_RandomSchemas_AcceptWhatSatisfiesThem()
    {
        Random random = new(12);
        RandomSchema schemas = new(random);
        for (int i = 0; i < 400; i++)
        {
            string text = schemas.Next(depth: 3);
            Constraint constraint = Constraint.FromJsonSchema(text);
            using JsonDocument schema = JsonDocument.Parse(text);
            AutomatonSamples samples = new(constraint.Automaton);
            for (int j = 0; j < 10; j++)
            {
                string sample = samples.Next(random, random.Next(80));
                using JsonDocument value = JsonDocument.Parse(sample);
                string? fault = RandomSchema.Fault(schema.RootElement, value.RootElement);
                Assert.True(fault is null, $"{fault}: {sample} of {text}");

                string instance = schemas.Instance(schema.RootElement);
                Assert.True(constraint.Matches(instance), $"{instance} of {text}");
            }
        }
    }

    // A text with one character changed either satisfies the schema still or is refused.
    [Fact]
    public void FromJsonSchema_DamagedTexts_AreRefusedUnlessTheySatisfyTheSchema()
    {
        Random random = new(13);
        RandomSchema schemas = new(random);
        const string Alphabet = "\"{}[],: 019-.eabn\\";
        int refused = 0;
        for (int i = 0; i < 200; i++)
        {
            string text = schemas.Next(depth: 2);
            Constraint constraint = Constraint.FromJsonSchema(text);
            using JsonDocument schema = JsonDocument.Parse(text);
            for (int j = 0; j < 20; j++)
            {
                string damaged = schemas.Instance(schema.RootElement);
                int at = random.Next(damaged.Length);
                damaged = damaged[..at] + Alphabet[random.Next(Alphabet.Length)] + damaged[(at + random.Next(2))..];
                if (!constraint.Matches(damaged))
                {
                    refused++;
                    continue;
                }

                using JsonDocument value = JsonDocument.Parse(damaged);
                Assert.True(RandomSchema.Fault(schema.RootElement, value.RootElement) is null, $"{damaged} of {text}");
            }
        }

        Assert.InRange(refused, 2000, 3900);
    }
}
