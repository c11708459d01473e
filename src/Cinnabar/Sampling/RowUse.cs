namespace Cinnabar.Sampling;

/// <summary>What a policy looks at of a position's row of logits.</summary>
public enum RowUse
{
    /// <summary>The drawn token and its probability.</summary>
    Token,

    /// <summary>Also how far the tokens are from each other: negative entropy, margin, lead.</summary>
    Spread,

    /// <summary>Also other tokens, or it changes logits.</summary>
    Everything,
}
