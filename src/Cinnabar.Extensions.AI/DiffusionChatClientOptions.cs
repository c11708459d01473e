namespace Cinnabar.Extensions.AI;

/// <summary>How a <see cref="DiffusionChatClient"/> behaves in all its answers.</summary>
public sealed record DiffusionChatClientOptions
{
    /// <summary>
    /// With a model that has no chat template: continues the text of the one user message as it is. False: such a model is refused. Default
    /// false.
    /// </summary>
    public bool ContinueWithoutTemplate { get; init; }

    /// <summary>
    /// Streams also bring a <see cref="DenoisingStepContent"/> for each step, in updates without text. A request changes it with the
    /// additional property include_steps. Default true.
    /// </summary>
    public bool IncludeSteps { get; init; } = true;
}
