// What llama.cpp's diffusion example does differently from the references, as policies (README of the goldens, "Sampler traces"):
//   entropy        the position with the HIGHEST entropy first
//   origin         each masked position, from the left, is revealed if a draw is below transfer/remaining
//   random         each masked position, from the left, draws its confidence
//   top-k 1        all confidences are 1, so the lowest positions come first
// Draws are 32-bit outputs of std::mt19937 divided by 2^32, in float.
using Cinnabar.Diffusion;
using Cinnabar.Sampling;

namespace Cinnabar.Tests.Sampling.Golden;

internal sealed class HighestEntropyFirst : StepPolicy
{
    public override double Score(TokenDistribution row, CounterRandom random) => -row.NegativeEntropy();
}

/// <summary>All candidates are equally sure: ties go to the lower position.</summary>
internal class LeftToRight : StepPolicy
{
    public override double Score(TokenDistribution row, CounterRandom random) => 1;
}

internal sealed class LlamaCppOrigin(uint seed) : LeftToRight
{
    private readonly MersenneTwister _random = new(seed);

    public override void Choose(StepView view, StepChoice choice)
    {
        float share = (float)view.Context.Quota / view.Candidates.Count;
        choice.Commits.AddRange(view.Candidates.Where(_ => _random.Next() < share));
    }
}

internal sealed class LlamaCppRandom(uint seed) : LeftToRight
{
    private readonly MersenneTwister _random = new(seed);

    public override void Choose(StepView view, StepChoice choice)
    {
        (Candidate Candidate, float Confidence)[] drawn = [.. view.Candidates.Select(candidate => (candidate, _random.Next()))];
        choice.Commits.AddRange(drawn.OrderByDescending(d => d.Confidence).Take(view.Context.Quota).Select(d => d.Candidate));
    }
}

/// <summary>Matsumoto and Nishimura 1998, 32 bits: std::mt19937.</summary>
internal sealed class MersenneTwister
{
    private const int Size = 624;
    private const int Shift = 397;

    private readonly uint[] _state = new uint[Size];
    private int _next = Size;

    public MersenneTwister(uint seed)
    {
        _state[0] = seed;
        for (uint i = 1; i < Size; i++)
        {
            _state[i] = (1_812_433_253u * (_state[i - 1] ^ (_state[i - 1] >> 30))) + i;
        }
    }

    /// <summary>A number in [0, 1).</summary>
    public float Next()
    {
        if (_next == Size)
        {
            Twist();
        }

        uint y = _state[_next++];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9D2C5680;
        y ^= (y << 15) & 0xEFC60000;
        y ^= y >> 18;
        return Math.Min(y / 4_294_967_296f, MathF.BitDecrement(1));
    }

    private void Twist()
    {
        for (int i = 0; i < Size; i++)
        {
            uint y = (_state[i] & 0x80000000) | (_state[(i + 1) % Size] & 0x7FFFFFFF);
            _state[i] = _state[(i + Shift) % Size] ^ (y >> 1) ^ (y % 2 == 0 ? 0 : 0x9908B0DF);
        }

        _next = 0;
    }
}
