using System;

namespace Samples
{
    /// <summary>A temperature, kept in degrees Celsius.</summary>
    public class Temperature
    {
        private readonly double _celsius;

        public Temperature(double celsius)
        {
            <fill>
        }

        public double Celsius
        {
            get { return _celsius; }
        }

        public override string ToString()
        {
            return <fill>;
        }
    }
}
