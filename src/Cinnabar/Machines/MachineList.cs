namespace Cinnabar.Machines;

/// <summary>
/// Machines that compute the last layers of a network, in order: for models that are too large for one. Each runs <c>cinnabar worker</c>,
/// or a <see cref="LayerWorker"/>.
/// </summary>
/// <example>
/// <code>
/// MachineList machines = MachineList.Parse("10.0.0.2,10.0.0.3:5318=12", MachineKey.Read("key.txt", environment: null));
/// DiffusionModel model = DiffusionModel.Load("big", machines: machines);
/// </code>
/// </example>
/// <param name="Addresses">Where they are, at least one.</param>
/// <param name="Key">What they share with this program.</param>
public sealed record MachineList(IReadOnlyList<MachineAddress> Addresses, MachineKey Key)
{
    /// <summary>Reads addresses that commas divide.</summary>
    /// <param name="text">host, host:port or host:port=layers; without a number the layers are shared in proportion to memory.</param>
    /// <param name="key">What the machines share with this program.</param>
    /// <exception cref="CinnabarException">One is no address, or is named twice.</exception>
    public static MachineList Parse(string text, MachineKey key)
    {
        MachineAddress[] addresses = [.. text.Split(',').Select(MachineAddress.Parse)];
        IGrouping<string, MachineAddress>? twice = addresses
            .GroupBy(address => $"{address}", StringComparer.OrdinalIgnoreCase)
            .FirstOrDefault(same => same.Count() > 1);
        return twice is null
            ? new MachineList(addresses, key)
            : throw new CinnabarException($"Expected each machine once, found {twice.Key} again.", "Name it once, with =layers behind it.");
    }
}
