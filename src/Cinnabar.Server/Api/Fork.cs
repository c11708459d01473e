// Going on from a state that the client has seen, with tokens that stand and tokens that must not.
//
//   "canvas": {"ids": [L ids, the mask where noisy]}       what is not the mask in a hole counts as committed
//   "pins":   [{"position": 41, "token": 512}]              stands there and never changes
//   "bans":   [{"position": 41, "tokens": [512, 600]}]      is never written there
//
// Positions are those of the canvas event of a stream (StepEvents). Ids that are no tokens of text are refused here: what a client sends
// must never come out as the name of a special token.
using Cinnabar.Diffusion;
using Cinnabar.Models;

namespace Cinnabar.Server.Api;

/// <summary>What a request fixes on its canvas before it is denoised.</summary>
internal sealed class Fork
{
    private const int MostPlaces = 256; // pins, bans, and tokens of a ban
    private const int LongestCanvas = 1 << 20;

    private int[]? _ids;
    private (string Path, int Position, int Token)[] _pins = [];
    private (string Path, int Position, int[] Tokens)[] _bans = [];

    private Fork()
    {
    }

    /// <summary>Reads the three fields.</summary>
    /// <exception cref="ApiException">400: a field is wrong, or the model cannot follow it.</exception>
    public static Fork Read(JsonFields fields, DiffusionModel model)
    {
        if (model.Denoiser.Noise != NoiseKind.Mask)
        {
            string noise = model.Denoiser.Noise.InWords();
            foreach (string name in (ReadOnlySpan<string>)["canvas", "pins", "bans"])
            {
                fields.Refuse(name, $"The noise of this model is {noise}, which has no such states. Choose another model.");
            }

            return new Fork();
        }

        int last = Math.Max(model.Tokenizer.VocabularySize - 1, model.Config.MaskTokenId);
        return new Fork
        {
            _ids = fields.Get("canvas")?.Object() is JsonFields canvas ? Ids(canvas.Require("ids"), LongestCanvas, last) : null,
            _pins = [.. Objects("pins").Select(pin => (pin.Path, Position(pin.Fields), Id(pin.Fields.Require("token"), last)))],
            _bans =
            [
                .. Objects("bans").Select(
                    ban => (ban.Path, Position(ban.Fields), Ids(ban.Fields.Require("tokens"), MostPlaces, last))),
            ],
        };

        IEnumerable<(string Path, JsonFields Fields)> Objects(string name) =>
            fields.Get(name)?.Items(0, MostPlaces).Select(item => (item.Path, item.Object())) ?? [];
    }

    /// <summary>Changes a canvas that was laid out for the request.</summary>
    /// <exception cref="ApiException">400: it does not fit.</exception>
    public void Apply(Canvas canvas)
    {
        if (_ids is not null)
        {
            Try(() => canvas.Restore(_ids), "canvas.ids");
        }

        foreach ((string path, int position, int token) in _pins)
        {
            Try(() => canvas.Pin(position, token), path);
        }

        foreach ((string path, int position, int[] tokens) in _bans)
        {
            Try(() => canvas.Ban(position, tokens), path);
        }
    }

    private static int Position(JsonFields fields) => (int)fields.Require("position").Integer(0, LongestCanvas);

    private static int[] Ids(JsonField field, int most, int last) => [.. field.Items(1, most).Select(id => Id(id, last))];

    private static int Id(JsonField field, int last) => (int)field.Integer(0, last);

    private static void Try(Action change, string param)
    {
        try
        {
            change();
        }
        catch (CinnabarException error)
        {
            throw ApiException.Invalid(error.Message, param);
        }
    }
}
