using System.Text.Json;

namespace Cinnabar.Chat;

/// <summary>A function that a model may ask to be called.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">What it does; null: nobody says.</param>
/// <param name="Parameters">JSON Schema of its arguments, an object; null: it takes none.</param>
public sealed record ChatTool(string Name, string? Description, JsonElement? Parameters);

/// <summary>A call that a model asks for.</summary>
/// <param name="Name">Name of the tool.</param>
/// <param name="Arguments">JSON of the object with the arguments.</param>
public sealed record ToolCall(string Name, string Arguments);
