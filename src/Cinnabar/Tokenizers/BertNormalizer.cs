// BERT's text cleaning, each step optional:
//
//   clean_text            drop U+0000, U+FFFD and control, format and private-use characters; every white space becomes a space
//   handle_chinese_chars  a space on both sides of each CJK ideograph
//   strip_accents         canonical decomposition, then without nonspacing marks; where it is not given: the same as lowercase
//   lowercase
//
// Source: google-research/bert tokenization.py; Hugging Face tokenizers, normalizers/bert.rs.
using System.Globalization;
using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>The normalizer of BERT.</summary>
internal sealed class BertNormalizer : Normalizer
{
    private static readonly CanonicalNormalizer s_decomposition = new(compose: false);

    /// <summary>Whether control characters go and white space becomes spaces.</summary>
    public bool CleanText { get; init; } = true;

    /// <summary>Whether CJK ideographs become words.</summary>
    public bool HandleChineseChars { get; init; } = true;

    /// <summary>Whether accents go.</summary>
    public bool StripAccents { get; init; } = true;

    /// <summary>Whether text becomes lower case.</summary>
    public bool Lowercase { get; init; } = true;

    /// <inheritdoc/>
    public override string Normalize(string text)
    {
        StringBuilder output = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (CleanText && IsRemoved(rune))
            {
                continue;
            }

            Rune kept = CleanText && Rune.IsWhiteSpace(rune) ? new Rune(' ') : rune;
            if (HandleChineseChars && IsChinese(kept.Value))
            {
                output.Append(' ').Append(kept).Append(' ');
            }
            else
            {
                output.Append(kept);
            }
        }

        string cleaned = output.ToString();
        cleaned = StripAccents ? WithoutMarks(s_decomposition.Normalize(cleaned), onlyNonspacing: true) : cleaned;
        return Lowercase ? Lower(cleaned) : cleaned;
    }

    private static bool IsRemoved(Rune rune)
    {
        bool other = Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse;
        return rune.Value == 0xFFFD || (other && rune.Value is not ('\t' or '\n' or '\r'));
    }

    private static bool IsChinese(int c)
    {
        return c is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF)
            or (>= 0x2A700 and <= 0x2B73F) or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF)
            or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
    }
}
