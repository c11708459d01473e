using System.Text;
using Cinnabar.Checkpoints;

namespace Cinnabar.Tests.Checkpoints;

public sealed class LladaWeightNamesTests
{
    [Fact]
    public void Expected_OneBlockGrouped_IsTheLayoutOfTheReference()
    {
        ModelConfig config = ModelConfig.Parse("c", LladaConfigs.TinyWith("n_layers", "1"))
            with { WeightTying = false, EmbeddingSize = 16 };
        Assert.Equal(
            [
                "model.transformer.wte.weight 16,8",
                "model.transformer.blocks.0.attn_norm.weight 8",
                "model.transformer.blocks.0.q_proj.weight 8,8",
                "model.transformer.blocks.0.k_proj.weight 4,8",
                "model.transformer.blocks.0.v_proj.weight 4,8",
                "model.transformer.blocks.0.attn_out.weight 8,8",
                "model.transformer.blocks.0.ff_norm.weight 8",
                "model.transformer.blocks.0.ff_proj.weight 12,8",
                "model.transformer.blocks.0.up_proj.weight 12,8",
                "model.transformer.blocks.0.ff_out.weight 8,12",
                "model.transformer.ln_f.weight 8",
                "model.transformer.ff_out.weight 16,8",
            ],
            LladaWeightNames.Expected(config).Select(weight => $"{weight.Name} {string.Join(',', weight.Shape)}"));
    }

    [Fact]
    public void Expected_TiedModel_HasNoHead()
    {
        ModelConfig config = ModelConfig.Parse("c", Encoding.UTF8.GetBytes(LladaConfigs.Tiny));
        Assert.DoesNotContain(LladaWeightNames.Expected(config), weight => weight.Name == LladaWeightNames.Head);
        Assert.Equal(2 + (2 * 9), LladaWeightNames.Expected(config).Count());
    }
}
