// How many of the masks of a block each of its steps commits.
//
//   Even       floor(M/S), and one more in the first M mod S steps: 10 masks in 4 steps are 3, 3, 2, 2       (LLaDA)
//   Timestep   t_i = 1 − i(1 − ε)/S; step i goes from t = t_i to s = t_{i+1} and commits int(m · (1 − s/t)) of the m masks
//              left, the last step all: 10 masks in 4 steps are 2, 2, 2, 4; may be 0                          (Dream)
//
// Sources: ML-GSAI/LLaDA generate.py, get_num_transfer_tokens; HKUNLP/Dream generation_utils.py (ε = 1e-3). Times in float64, where Dream
// has float32.
namespace Cinnabar.Sampling;

/// <summary>How the masks of a block are divided among its steps.</summary>
public enum Transfer
{
    /// <summary>As equal as possible, remainder first (LLaDA).</summary>
    Even,

    /// <summary>As the time of the diffusion process goes from 1 to ε in equal steps (Dream).</summary>
    Timestep,
}

internal static class TransferQuota
{
    private const double Epsilon = 1e-3;

    /// <summary>The part of <paramref name="total"/> that falls to share <paramref name="index"/> of <paramref name="shares"/>.</summary>
    public static int Even(int total, int shares, int index) => (total / shares) + (index < total % shares ? 1 : 0);

    /// <summary>
    /// Masks that step <paramref name="index"/> of <paramref name="steps"/> commits if <paramref name="remaining"/> are left.
    /// </summary>
    public static int Timestep(int remaining, int steps, int index) =>
        index == steps - 1 ? remaining : (int)(remaining * (1 - StayProbability(steps, index)));

    /// <summary>s/t: probability that a mask outlives step <paramref name="index"/> of <paramref name="steps"/>; 0 for the last.</summary>
    public static double StayProbability(int steps, int index) =>
        index == steps - 1 ? 0 : Time(steps, index + 1) / Time(steps, index);

    /// <summary>t at step <paramref name="index"/> of <paramref name="steps"/>, from 1.</summary>
    public static double Time(int steps, int index) => 1 - ((1 - Epsilon) * index / steps);
}
