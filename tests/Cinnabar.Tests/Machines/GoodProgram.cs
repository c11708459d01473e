namespace Cinnabar.Tests.Machines;

/// <summary>Whether machines serve a program as they should.</summary>
internal static class GoodProgram
{
    public static void Works(TestMachines machines)
    {
        int[] ids = [1, 2, 3, 0, 5];
        TestMachines.AssertSame(
            RawProgram.SmallNetwork.Here().Logits(ids, [0, 4]), machines.Network(RawProgram.SmallNetwork, 1).Logits(ids, [0, 4]));
    }
}
