namespace Cinnabar.Evaluation.Writing;

/// <summary>A text that a model, or a person, wrote.</summary>
/// <param name="Ids">Its tokens, without what begins and ends it.</param>
/// <param name="Text">The same as text.</param>
/// <param name="Passes">Passes through the network, one after the other; 0 for a person's.</param>
/// <param name="Positions">Positions that went through it, over all passes.</param>
/// <param name="Seconds">Time of the passes.</param>
public sealed record WrittenText(int[] Ids, string Text, int Passes = 0, long Positions = 0, double Seconds = 0);
