using System.Globalization;
using System.Text.RegularExpressions;
using Cinnabar.Constraints;

namespace Cinnabar;

/// <summary>Text with holes to be filled: n + 1 pieces of known text around n holes.</summary>
public sealed record TextWithHoles
{
    /// <summary>What marks a hole unless another marker is given.</summary>
    public const string DefaultMarker = "<fill>";

    /// <summary>Longest content of a hole, in tokens, unless another is given.</summary>
    public const int DefaultHoleTokens = 32;

    /// <summary>With how many positions a growing hole starts unless told otherwise.</summary>
    public const int DefaultGrowsFrom = 4;

    /// <summary>Longest hole that can be asked for, far above the context of any model.</summary>
    public const int MaxHoleTokens = 1 << 20;

    /// <summary>Joins known texts and the holes between them.</summary>
    /// <param name="texts">n + 1 texts, which may be empty.</param>
    /// <param name="holeTokens">The most tokens that each of the n holes may get, 1 … 1,048,576.</param>
    /// <exception cref="CinnabarException">There is no hole, or the size of one is out of range.</exception>
    public TextWithHoles(IReadOnlyList<string> texts, IReadOnlyList<int> holeTokens)
    {
        if (texts.Count != holeTokens.Count + 1)
        {
            throw new ArgumentException(
                $"Expected {holeTokens.Count + 1} texts around {holeTokens.Count} holes, found {texts.Count}.", nameof(texts));
        }

        if (holeTokens.Count == 0)
        {
            throw new CinnabarException(
                "Expected a text with at least one hole, found none.", $"Mark the place to be filled with {DefaultMarker}.");
        }

        foreach (int tokens in holeTokens)
        {
            if (tokens is < 1 or > MaxHoleTokens)
            {
                throw new CinnabarException(
                    $"Expected holes of 1 … {MaxHoleTokens} tokens, found one of {tokens}.", "Change the size of the hole.");
            }
        }

        Texts = texts;
        HoleTokens = holeTokens;
    }

    /// <summary>The known texts, one more than holes.</summary>
    public IReadOnlyList<string> Texts { get; }

    /// <summary>The most tokens each hole may get.</summary>
    public IReadOnlyList<int> HoleTokens { get; }

    /// <summary>
    /// The fewest tokens of each hole: one for each, or none at all, the default, which is 0. As many as the most: exactly so many.
    /// </summary>
    public IReadOnlyList<int> LeastTokens { get; init; } = [];

    /// <summary>How long the texts of holes become. Default <see cref="LengthPolicy.Trim"/>.</summary>
    public LengthPolicy Length { get; init; } = LengthPolicy.Trim;

    /// <summary>With how many positions holes start under <see cref="LengthPolicy.Grow"/>, 1 or more. Default 4.</summary>
    public int GrowsFrom { get; init; } = DefaultGrowsFrom;

    /// <summary>What <see cref="DiffusionModel.FindLengths"/> took to find the lengths; nothing, the default: they were given.</summary>
    public LengthCost LengthCost { get; init; }

    /// <summary>Whether the lengths are to be found before the holes are laid out.</summary>
    public bool FindsLengths => Length == LengthPolicy.Probe;

    /// <summary>The fewest tokens of a hole.</summary>
    /// <param name="hole">Its index.</param>
    public int LeastOf(int hole) => Length == LengthPolicy.Fixed ? HoleTokens[hole]
        : hole < LeastTokens.Count ? LeastTokens[hole] : 0;

    /// <summary>What the text of each hole must be: one for each hole, null where anything goes; or none at all, the default.</summary>
    /// <exception cref="ArgumentException">There are others than one for each hole.</exception>
    public IReadOnlyList<Constraint?> Constraints
    {
        get;
        init => field = value.Count == 0 || value.Count == HoleTokens.Count ? value : throw new ArgumentException(
            $"Expected no constraint or one for each of the {HoleTokens.Count} holes, found {value.Count}.", nameof(value));
    } = [];

    /// <summary>Splits a text at its markers.</summary>
    /// <param name="text">The text.</param>
    /// <param name="marker">What marks a hole. If it ends in ">", its form with a size is a marker too: <c>&lt;fill:12&gt;</c>.</param>
    /// <param name="holeTokens">The most tokens for a hole without a size of its own.</param>
    /// <exception cref="CinnabarException">The text has no marker, the marker is empty, or a size is out of range.</exception>
    public static TextWithHoles Parse(string text, string marker = DefaultMarker, int holeTokens = DefaultHoleTokens)
    {
        if (marker.Length == 0)
        {
            throw new CinnabarException(
                "Expected a marker of at least one character, found an empty one.", $"Use one such as {DefaultMarker}.");
        }

        string pattern = marker.EndsWith('>') ? $"{Regex.Escape(marker[..^1])}(?::(?<size>[0-9]+))?>" : Regex.Escape(marker);
        List<string> texts = [];
        List<int> sizes = [];
        int start = 0;
        foreach (Match match in Regex.Matches(text, pattern, RegexOptions.CultureInvariant))
        {
            texts.Add(text[start..match.Index]);
            sizes.Add(match.Groups["size"].Success ? SizeOf(match) : holeTokens);
            start = match.Index + match.Length;
        }

        texts.Add(text[start..]);
        return sizes.Count > 0
            ? new TextWithHoles(texts, sizes)
            : throw new CinnabarException(
                $"Expected at least one marker {marker} in the text, found none.", $"Write {marker} where text is to be filled in.");
    }

    /// <summary>Whether the text of a hole is constrained.</summary>
    internal bool IsConstrained(int hole) => hole < Constraints.Count && Constraints[hole] is not null;

    /// <summary>The most tokens that were asked for before lengths were found; none: they are <see cref="HoleTokens"/>.</summary>
    internal IReadOnlyList<int> AskedTokens { get; private init; } = [];

    /// <summary>The same text with holes whose lengths were found.</summary>
    /// <param name="most">The most tokens of each hole, no more than before.</param>
    /// <param name="least">The fewest tokens of each hole.</param>
    internal TextWithHoles WithLengths(IReadOnlyList<int> most, IReadOnlyList<int> least) => new(Texts, most)
    {
        LeastTokens = least,
        Constraints = Constraints,
        AskedTokens = HoleTokens,
    };

    /// <summary>The text with every hole filled.</summary>
    /// <param name="contents">One for each hole.</param>
    public string Fill(IReadOnlyList<string> contents) =>
        string.Concat(Texts.Select((text, i) => i < contents.Count ? text + contents[i] : text));

    private static int SizeOf(Match match) =>
        int.TryParse(match.Groups["size"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int size)
            ? size
            : throw new CinnabarException(
                $"Expected holes of 1 … {MaxHoleTokens} tokens, "
                + $"found one of {match.Groups["size"].Value[..9]}… at character {match.Index}.",
                "Change the size of the hole.");
}
