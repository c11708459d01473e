namespace Cinnabar.Server.Api;

/// <summary>What a request cost; a feature of its context once it has been answered, for logs and metrics.</summary>
/// <param name="PromptTokens">Known tokens that the network saw.</param>
/// <param name="NewTokens">Tokens written.</param>
/// <param name="Steps">Denoising steps, over all texts.</param>
/// <param name="Passes">Passes through the network, over all texts.</param>
internal sealed record AnswerTotals(int PromptTokens, int NewTokens, int Steps, int Passes)
{
    /// <summary>That of the texts of one prompt.</summary>
    public static AnswerTotals Of(IReadOnlyList<Answer> answers) => new(
        answers[0].PromptTokens,
        answers.Sum(answer => answer.NewTokens),
        answers.Sum(answer => answer.Steps),
        answers.Sum(answer => answer.Passes));
}
