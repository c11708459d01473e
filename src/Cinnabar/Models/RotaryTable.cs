using Cinnabar.Checkpoints;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Models;

/// <summary>
/// The angles of a network's positions. Models that allow for 100,000 positions are seldom given so many: the table grows as it is needed.
/// </summary>
internal sealed class RotaryTable(ModelConfig config)
{
    private const int FirstPositions = 4_096;

    private RotaryAngles _angles = AnglesOf(config, Math.Min(config.MaxSequenceLength, FirstPositions));

    /// <summary>Angles of at least <paramref name="positions"/> positions, as far as the model allows for them.</summary>
    public RotaryAngles For(int positions)
    {
        if (positions > _angles.Positions)
        {
            _angles = AnglesOf(config, (int)Math.Min(config.MaxSequenceLength, Math.Max(positions, 2L * _angles.Positions)));
        }

        return _angles;
    }

    private static RotaryAngles AnglesOf(ModelConfig config, int positions) =>
        new(positions, config.HeadSize, config.RopeTheta, config.RotaryDimensions);
}
