using System.Text;
using Cinnabar.Constraints;

namespace Cinnabar.Tests.Constraints;

// Random accepted texts by walking an automaton. Until `length` bytes are read any way is taken, then the shortest to an end.
internal sealed class AutomatonSamples
{
    private static readonly Encoding s_utf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);
    private readonly ByteAutomaton _automaton;
    private readonly int[] _distance; // bytes to the nearest accepting state

    public AutomatonSamples(ByteAutomaton automaton)
    {
        _automaton = automaton;
        _distance = Distances(automaton);
    }

    // Throws where an accepted byte string is not UTF-8.
    public string Next(Random random, int length)
    {
        List<byte> bytes = [];
        int state = _automaton.Start;
        while (!(_automaton.Accepts(state) && (bytes.Count >= length || random.Next(8) == 0)))
        {
            // Of 8 live bytes at random one, near the end the one that leads there fastest; so rare ways are taken too.
            List<byte> live = [.. Live(state)];
            if (live.Count == 0)
            {
                break;
            }

            byte value = bytes.Count >= length || random.Next(6) == 0
                ? live.MinBy(candidate => (_distance[_automaton.Next(state, candidate)], random.Next()))
                : live[random.Next(live.Count)];
            bytes.Add(value);
            state = _automaton.Next(state, value);
        }

        Assert.True(_automaton.Accepts(state));
        return s_utf8.GetString([.. bytes]);
    }

    // Of every state: can an end be reached, and the state itself from the start?
    public static void AssertTrimmed(ByteAutomaton automaton)
    {
        HashSet<int> reached = [automaton.Start];
        Stack<int> open = new([automaton.Start]);
        while (open.TryPop(out int state))
        {
            for (int value = 0; value < 256; value++)
            {
                int next = automaton.Next(state, (byte)value);
                if (next != ByteAutomaton.Dead && reached.Add(next))
                {
                    open.Push(next);
                }
            }
        }

        Assert.Equal(automaton.StateCount, reached.Count);
        Assert.DoesNotContain(int.MaxValue, Distances(automaton));
    }

    private IEnumerable<byte> Live(int state) =>
        Enumerable.Range(0, 256).Select(value => (byte)value).Where(value => _automaton.Next(state, value) != ByteAutomaton.Dead);

    private static int[] Distances(ByteAutomaton automaton)
    {
        int count = automaton.StateCount;
        List<int>[] into = [.. Enumerable.Range(0, count).Select(_ => new List<int>())];
        for (int state = 0; state < count; state++)
        {
            foreach (int next in Enumerable.Range(0, 256).Select(value => automaton.Next(state, (byte)value)).Distinct())
            {
                if (next != ByteAutomaton.Dead)
                {
                    into[next].Add(state);
                }
            }
        }

        int[] distance = [.. Enumerable.Range(0, count).Select(state => automaton.Accepts(state) ? 0 : int.MaxValue)];
        Queue<int> queue = new(Enumerable.Range(0, count).Where(automaton.Accepts));
        while (queue.TryDequeue(out int state))
        {
            foreach (int source in into[state].Where(source => distance[source] == int.MaxValue))
            {
                distance[source] = distance[state] + 1;
                queue.Enqueue(source);
            }
        }

        return distance;
    }
}
