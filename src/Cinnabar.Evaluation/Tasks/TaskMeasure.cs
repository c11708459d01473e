namespace Cinnabar.Evaluation.Tasks;

/// <summary>One number of a result.</summary>
/// <param name="Name">Such as "solved", "exact match" or "BLEU".</param>
/// <param name="Value">0 … 1 for shares, 0 … 100 for BLEU.</param>
/// <param name="StandardError">Of the value; null where it has none of a simple form.</param>
public sealed record TaskMeasure(string Name, double Value, double? StandardError)
{
    /// <summary>The share of answers that are right, with its binomial error.</summary>
    public static TaskMeasure Share(string name, IEnumerable<bool> right)
    {
        SampleMean mean = SampleMean.Of([.. right.Select(isRight => isRight ? 1.0 : 0.0)]);
        return new TaskMeasure(name, mean.Mean, mean.StandardError);
    }

    /// <summary>The mean of a number that every answer has.</summary>
    public static TaskMeasure Mean(string name, IEnumerable<double> values)
    {
        SampleMean mean = SampleMean.Of([.. values]);
        return new TaskMeasure(name, mean.Mean, mean.StandardError);
    }
}
