// The loop of uniform noise: canvases of N random tokens, one behind the other, each denoised until it is stable.
//
//   known text is read, later also each finished canvas; x = N random tokens; nothing is conditioned on
//   for step = 1 … Steps:
//     l = network(x);  T falls from MaxTemperature towards MinTemperature;  best, sample, H of each slot at T       UniformReader
//     done if best is that of each of the last StableSteps steps, and the mean of H is below MeanEntropy
//     accept samples within the entropy bound, all other slots become new random tokens; the next step is conditioned on softmax(l / T)
//   the canvas becomes best, whether it was done or out of steps; the text ends with the first end token
//
// Where the text is constrained, best, sample and H are those of ConstrainedUniform.
// Nothing is permanent: what a step accepted the next may make noise again. The last step of a canvas draws no noise and conditions
// nothing, as nobody would see it. The network always gets N tokens, though the hole may end before; slots behind the hole are dropped.
// Source: huggingface/transformers, diffusion_gemma generation (specification models2026 1.8).
using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

/// <summary>One canvas on its way from random tokens to text.</summary>
internal sealed class UniformRun : DenoisingRun
{
    private readonly UniformReader _reader;
    private readonly UniformOptions _options;
    private readonly IUniformDraws _draws;
    private readonly Canvas _canvas;
    private readonly Hole _hole;
    private readonly IUniformContext _context;
    private readonly ConstrainedUniform? _constrained;
    private readonly int[] _tokens; // x: [N]
    private readonly int[] _best; // [N], of the last step
    private readonly UniformSlot[] _slots;
    private readonly bool[] _accepted;
    private readonly Queue<int[]> _history = new(); // best of the last StableSteps steps
    private readonly StepWrites _writes;
    private readonly List<int> _renoised = [];

    private int _block = -1; // number of the canvas of N tokens
    private int _stepOfBlock;
    private int _step;
    private bool _inBlock;
    private long _computed;

    /// <summary>Starts with a canvas.</summary>
    /// <param name="network">The network.</param>
    /// <param name="reader">For the tokens that may be written.</param>
    /// <param name="canvas">Known text, then one continuation.</param>
    /// <param name="options">Valid.</param>
    /// <param name="draws">Random numbers.</param>
    public UniformRun(IUniformDenoiser network, UniformReader reader, Canvas canvas, SamplerOptions options, IUniformDraws draws)
    {
        (_reader, _options, _draws, _canvas) = (reader, options.Uniform, draws, canvas);
        _hole = canvas.Holes[0];
        _constrained = canvas.AutomatonOf(0) is TokenAutomaton automaton
            ? new ConstrainedUniform(automaton, canvas, options.Seed, reader.Workers)
            : null;
        _context = network.Open();
        _tokens = new int[network.CanvasLength];
        _best = new int[_tokens.Length];
        _slots = new UniformSlot[_tokens.Length];
        _accepted = new bool[_tokens.Length];
        _writes = new StepWrites(canvas, renews: false);
    }

    private int N => _tokens.Length;

    private int FirstPosition => _hole.Start + (_block * N);

    // Of the slots, those that lie in the hole.
    private int SlotsInHole => Math.Min(N, _hole.End - FirstPosition);

    /// <inheritdoc/>
    public override Canvas Canvas => _canvas;

    /// <summary>Passes through the network over a canvas so far.</summary>
    public override int Passes => _step;

    /// <inheritdoc/>
    public override bool Next(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return _inBlock || _canvas.NoisyCount > 0;
    }

    /// <inheritdoc/>
    public override void FinishStep()
    {
        if (!_inBlock)
        {
            EnterBlock();
        }

        _step++;
        _stepOfBlock++;
        double temperature = _options.TemperatureOf(_stepOfBlock);
        Tensor logits = _context.Logits(_tokens);
        _computed += N;
        _reader.Read(logits, temperature, _draws, _block, _stepOfBlock, _slots);
        _constrained?.Read(logits, temperature, FirstPosition - _hole.Start, SlotsInHole, _step, _slots);
        _writes.Clear();
        _renoised.Clear();
        if (IsDone() || _stepOfBlock == _options.Steps)
        {
            Finish();
        }
        else
        {
            AcceptAndRenoise();
            _context.Condition(temperature);
        }
    }

    /// <inheritdoc/>
    public override DenoisingStep Report() => new(_step, Passes, _block, _canvas.NoisyCount, _canvas)
    {
        Commits = [.. _writes.Commits],
        Edits = [.. _writes.Edits],
        Renoised = [.. _renoised],
        ComputedPositions = _computed,
        FinalBefore = _inBlock ? FirstPosition : FirstPosition + SlotsInHole,
    };

    private void EnterBlock()
    {
        Append(_block < 0 ? _canvas.Ids[.._hole.Start] : _best);
        _block++;
        _history.Clear();
        (_stepOfBlock, _inBlock) = (0, true);
        for (int slot = 0; slot < N; slot++)
        {
            _tokens[slot] = _draws.Noise(_block, 0, slot, _reader.VocabularySize);
            if (slot < SlotsInHole)
            {
                _canvas.Renoise(FirstPosition + slot, _tokens[slot]);
            }
        }
    }

    private void Append(ReadOnlySpan<int> text)
    {
        _context.Append(text);
        _computed += text.Length;
    }

    // Also remembers what is most probable now.
    private bool IsDone()
    {
        double entropy = 0;
        for (int slot = 0; slot < N; slot++)
        {
            _best[slot] = _slots[slot].Best;
            entropy += _slots[slot].Entropy;
        }

        bool isStable = _history.Count == _options.StableSteps && _history.All(before => before.AsSpan().SequenceEqual(_best));
        _history.Enqueue([.. _best]);
        if (_history.Count > _options.StableSteps)
        {
            _history.Dequeue();
        }

        return isStable && entropy / N < _options.MeanEntropy;
    }

    private void AcceptAndRenoise()
    {
        UniformReader.Accept(_slots, _options.EntropyBound, _accepted);
        for (int slot = 0; slot < N; slot++)
        {
            UniformSlot read = _slots[slot];
            _tokens[slot] = _accepted[slot] ? read.Sample : _draws.Noise(_block, _stepOfBlock, slot, _reader.VocabularySize);
            if (slot >= SlotsInHole)
            {
                continue;
            }

            int position = FirstPosition + slot;
            if (_accepted[slot])
            {
                _writes.Write(new Commit(position, read.Sample, read.SampleConfidence), _step);
                continue;
            }

            if (_canvas.StateOf(position) == PositionState.Committed)
            {
                _renoised.Add(position);
            }

            _canvas.Renoise(position, _tokens[slot]);
        }
    }

    private void Finish()
    {
        for (int slot = 0; slot < SlotsInHole; slot++)
        {
            _writes.Write(new Commit(FirstPosition + slot, _best[slot], _slots[slot].BestConfidence), _step);
        }

        // Behind the first end token there is no text: the canvases that were to come are filled.
        _canvas.Settle(_step, _writes.Commits);
        _inBlock = false;
    }
}
