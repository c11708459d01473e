using System;

namespace Samples
{
    public static class Fizz
    {
        public static int CountMultiples(int[] values, int divisor)
        {
            int count = 0;
            for (int i = 0; i < <fill>; i++)
            {
                if (values[i] % divisor == 0)
                {
                    <fill>
                }
            }

            return count;
        }
    }
}
