// An example as known and wanted text, the same for learning and for answering:
//
//   prompt, answer, suffix        the answer is wanted; without a suffix it ends the text
//   a text without a question     every line is wanted, the breaks between them are known, so that each line is learnt as one that may be
//                                 asked for
//   template                      for a network that sees both sides: known runs of characters, every unknown character wanted; both are
//                                 as long as their answer, so nothing ends
namespace Cinnabar.Evaluation.Tasks;

/// <summary>How an example is laid out.</summary>
/// <param name="Parts">Known and wanted text, in order.</param>
/// <param name="EndsText">Whether the answer is followed by end of text.</param>
public sealed record TaskLayout(IReadOnlyList<ExamplePart> Parts, bool EndsText)
{
    /// <summary>Lays an example out.</summary>
    /// <param name="example">The example.</param>
    /// <param name="inPlace">Whether its template, if it has one, stands for prompt and answer.</param>
    public static TaskLayout Of(TaskExample example, bool inPlace)
    {
        if (inPlace && example.Template is string template)
        {
            return new TaskLayout([.. Runs(template, example.Reference)], EndsText: false);
        }

        bool isText = example.Prompt.Length == 0 && example.Suffix.Length == 0;
        ExamplePart[] parts = isText ? [.. Lines(example.Reference)] :
        [
            new(example.Prompt, IsWanted: false), new(example.Reference, IsWanted: true), new(example.Suffix, IsWanted: false),
        ];
        return new TaskLayout([.. parts.Where(part => part.Text.Length > 0)], EndsText: example.Suffix.Length == 0);
    }

    private static IEnumerable<ExamplePart> Lines(string text)
    {
        foreach ((int index, string line) in text.Split('\n').Index())
        {
            if (index > 0)
            {
                yield return new ExamplePart("\n", IsWanted: false);
            }

            yield return new ExamplePart(line, IsWanted: true);
        }
    }

    private static IEnumerable<ExamplePart> Runs(string template, string reference)
    {
        for (int start = 0; start < template.Length;)
        {
            bool isWanted = template[start] == TaskExample.Unknown;
            int end = start + 1;
            while (end < template.Length && (template[end] == TaskExample.Unknown) == isWanted)
            {
                end++;
            }

            yield return new ExamplePart(reference[start..end], isWanted);
            start = end;
        }
    }
}
