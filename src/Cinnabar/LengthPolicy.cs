namespace Cinnabar;

/// <summary>How long the text of a hole becomes.</summary>
public enum LengthPolicy
{
    /// <summary>Exactly as many tokens as the hole has.</summary>
    Fixed,

    /// <summary>At most as many: the model ends the text itself with the end-of-hole token. The default.</summary>
    Trim,

    /// <summary>
    /// Starts with few positions and gets more where the model asks for them (DreamOn); needs the token <c>&lt;|expand|&gt;</c>.
    /// </summary>
    Grow,

    /// <summary>
    /// Exactly as many as the model is surest of, which passes of their own find (<see cref="Sampling.LengthProbe"/>); needs a
    /// <see cref="DiffusionModel.LengthBias"/>.
    /// </summary>
    Probe,
}
