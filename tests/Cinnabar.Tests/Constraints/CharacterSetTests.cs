using System.Text;
using Cinnabar.Constraints;

namespace Cinnabar.Tests.Constraints;

public sealed class CharacterSetTests
{
    private static readonly CharacterSet s_all = CharacterSet.Of(new CharacterRange(0, 0x10FFFF));

    [Fact]
    public void Of_RangesInAnyOrder_MergesThemAndLeavesSurrogatesOut()
    {
        CharacterSet set = CharacterSet.Of(new(0xD000, 0xE000), new('c', 'f'), new('a', 'b'), new('e', 'z'), new('A', 'A'));
        Assert.Equal([new('A', 'A'), new('a', 'z'), new(0xD000, 0xD7FF), new(0xE000, 0xE000)], set.Ranges.ToArray());
        Assert.Equal([new(0, 0xD7FF), new(0xE000, 0x10FFFF)], s_all.Ranges.ToArray());
        Assert.True(s_all.Complement().IsEmpty);
        Assert.Equal('x', CharacterSet.Of('x').Single);
        Assert.Null(CharacterSet.Of("xy").Single);
    }

    // Every code point, for random sets whose borders lie at the borders of UTF-8 as well.
    [Fact]
    public void Utf8_RandomSets_AreTheCharactersOfTheSet()
    {
        int[] borders = [0, 0x7F, 0x80, 0x7FF, 0x800, 0x1000, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x40000, 0xFFFFF, 0x100000, 0x10FFFF];
        Random random = new(4);
        byte[] utf8 = new byte[4];
        for (int i = 0; i < 6; i++)
        {
            CharacterRange[] ranges = [.. Enumerable.Range(0, 4).Select(_ =>
            {
                int[] ends = [Border(), Border()];
                return new CharacterRange(ends.Min(), ends.Max());
            })];
            CharacterSet set = CharacterSet.Of(ranges[..3]).Intersect(CharacterSet.Of(ranges[3]).Complement());
            if (set.IsEmpty)
            {
                continue;
            }

            ByteAutomaton automaton = RegexCompiler.Compile(RegexNode.OneOf(set), new CompilationBudget("test"));
            for (int code = 0; code <= 0x10FFFF; code++)
            {
                if (!Rune.TryCreate(code, out Rune rune))
                {
                    continue;
                }

                bool expected = ranges[..3].Any(range => range.First <= code && code <= range.Last)
                    && !(ranges[3].First <= code && code <= ranges[3].Last);
                if (expected != set.Contains(code) || expected != automaton.Matches(utf8.AsSpan(0, rune.EncodeToUtf8(utf8))))
                {
                    Assert.Fail($"U+{code:X4}: expected {expected} in {string.Join(", ", ranges)}");
                }
            }

            int Border() => Math.Clamp(borders[random.Next(borders.Length)] + random.Next(-2, 3) * random.Next(3), 0, 0x10FFFF);
        }
    }

    // All byte strings of one and two bytes, and many longer ones: exactly the valid UTF-8 of one character.
    [Fact]
    public void Utf8_AllCharacters_AcceptsNothingButUtf8()
    {
        ByteAutomaton automaton = RegexCompiler.Compile(RegexNode.OneOf(s_all), new CompilationBudget("test"));
        byte[] bytes = new byte[4];
        byte[] usual = [0, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF];
        for (int length = 1; length <= 4; length++)
        {
            for (int i = 0; i < 256 * (int)Math.Pow(usual.Length, length - 1); i++)
            {
                bytes[0] = (byte)i;
                for (int place = 1, rest = i / 256; place < length; place++, rest /= usual.Length)
                {
                    bytes[place] = usual[rest % usual.Length];
                }

                ReadOnlySpan<byte> text = bytes.AsSpan(0, length);
                bool expected = Rune.DecodeFromUtf8(text, out _, out int used) == System.Buffers.OperationStatus.Done && used == length;
                Assert.True(expected == automaton.Matches(text), Convert.ToHexString(text));
            }
        }
    }
}
