namespace Cinnabar.Numerics;

/// <summary>Reading of the environment variable that forces a <see cref="KernelForm"/>.</summary>
public static class KernelForms
{
    /// <summary>Name of the variable: scalar, vector or jit.</summary>
    public const string Variable = "CINNABAR_ISA";

    /// <summary>The form that <see cref="Variable"/> asks for; null if it is not set.</summary>
    /// <exception cref="ArgumentException">The variable has another value.</exception>
    public static KernelForm? FromEnvironment() => Parse(Environment.GetEnvironmentVariable(Variable));

    /// <summary>The form named by <paramref name="value"/>; null if it is null or empty.</summary>
    /// <exception cref="ArgumentException">The value names no form.</exception>
    public static KernelForm? Parse(string? value) => value?.Trim().ToLowerInvariant() switch
    {
        null or "" => null,
        "scalar" => KernelForm.Reference,
        "vector" => KernelForm.Vector,
        "jit" => KernelForm.Jit,
        _ => throw new ArgumentException($"{Variable} expects scalar, vector or jit, found '{value}'. Unset it to use the fastest form."),
    };
}
