// The files of human-eval and human-eval-infilling, JSON objects, one a line:
//
//   problems      {"task_id", "prompt", "canonical_solution", …}, for infilling with "suffix", the text after the missing part
//   predictions   {"task_id", "completion"}: what evaluate_functional_correctness of both reads
using System.Text;
using System.Text.Json;

namespace Cinnabar.Evaluation.Tasks;

/// <summary>Reads problems and writes predictions.</summary>
internal static class HumanEvalFile
{
    /// <summary>The problems of a test file.</summary>
    /// <param name="source">Where to look.</param>
    /// <param name="origin">Where the file can be had.</param>
    /// <param name="name">File name without its ending; where it is not there, that of a half of it, name_half_a, is read.</param>
    /// <param name="hasSuffix">Whether problems have a "suffix".</param>
    public static IEnumerable<TaskExample> Examples(TaskSource source, string origin, string name, bool hasSuffix)
    {
        return TaskRecord.OfLines(TaskFile.Open(source, origin, $"{name}.jsonl", $"{name}_half_a.jsonl"))
            .Select(problem => new TaskExample("", problem.Text("prompt"), problem.Text("canonical_solution"))
            {
                Suffix = hasSuffix ? problem.Text("suffix") : "",
                Key = problem.Text("task_id"),
            })
            .Take(source.Count);
    }

    /// <summary>Writes predictions, a line each.</summary>
    /// <param name="writer">Gets the lines.</param>
    /// <param name="answers">Answers to problems that <see cref="Examples"/> read.</param>
    /// <param name="completion">What of an answer's text is the completion.</param>
    public static void WritePredictions(TextWriter writer, IEnumerable<TaskAnswer> answers, Func<string, string> completion)
    {
        foreach (TaskAnswer answer in answers)
        {
            using MemoryStream line = new();
            using (Utf8JsonWriter json = new(line))
            {
                json.WriteStartObject();
                json.WriteString("task_id", answer.Example.Key ?? throw new ArgumentException("Examples need keys.", nameof(answers)));
                json.WriteString("completion", completion(answer.Text));
                json.WriteEndObject();
            }

            writer.Write(Encoding.UTF8.GetString(line.GetBuffer(), 0, (int)line.Length));
            writer.Write('\n');
        }
    }
}
