// What is issued to the device's stream, and what is waited for.
using Cinnabar.Numerics.Cuda.Interop;

namespace Cinnabar.Numerics.Cuda;

internal sealed unsafe partial class CudaDevice
{
    /// <summary>Starts a kernel behind everything that was started before.</summary>
    public void Launch(CudaFunction function, int gridX, int gridY, int gridZ, int threads, in KernelArguments arguments) =>
        Issue(new CudaCommand
        {
            Kind = CommandKind.Launch,
            Source = function.Handle,
            GridX = gridX,
            GridY = gridY,
            GridZ = gridZ,
            Threads = threads,
            SharedBytes = function.SharedBytes,
            Overlaps = function.Overlaps ? 1 : 0,
            Arguments = arguments,
        });

    /// <summary>Whether there is a plan for a product.</summary>
    public bool Knows(in ProductShape shape)
    {
        lock (_oneAtATime)
        {
            MakeCurrent();
            return _products.Knows(shape);
        }
    }

    /// <summary>C (+)= A·B, see <see cref="ProductPlans"/>.</summary>
    public void Multiply(in ProductShape shape, nint left, nint right, nint result, bool accumulate)
    {
        int plan;
        lock (_oneAtATime)
        {
            MakeCurrent();
            plan = _products.NumberOf(shape);
        }

        Issue(new CudaCommand
        {
            Kind = CommandKind.Product,
            Source = plan,
            A = left,
            B = right,
            Target = result,
            Bytes = accumulate ? 1 : 0,
        });
    }

    /// <summary>y = x rounded to BF16.</summary>
    public void Round(nint from, nint to, long count) => Convert(_round, from, to, count);

    /// <summary>y = x widened to F32.</summary>
    public void Widen(nint from, nint to, long count) => Convert(_widen, from, to, count);

    /// <summary>y = x, of F32.</summary>
    public void Copy(nint from, nint to, long count) => Convert(Function("convert.cu", "copy_floats"), from, to, count);

    /// <summary>Zeros.</summary>
    public void Clear(nint address, long bytes) =>
        Issue(new CudaCommand { Kind = CommandKind.Clear, Target = address, Bytes = bytes });

    /// <summary>Copies a tensor's elements from the host, now: what is issued later comes behind.</summary>
    public void CopyFromHost(nint to, void* from, long bytes)
    {
        lock (_oneAtATime)
        {
            MakeCurrent();
            _stream.Flush();
            Check(CudaDriver.cuMemcpyHtoDAsync_v2(to, from, (nuint)bytes, _stream.Handle), "cuMemcpyHtoDAsync");

            // The array may change, or go, as soon as this returns.
            Check(CudaDriver.cuStreamSynchronize(_stream.Handle), "cuStreamSynchronize");
            _staging.Reset();
        }
    }

    /// <summary>Waits for the device and copies from it.</summary>
    public void Download(nint from, void* to, long bytes)
    {
        lock (_oneAtATime)
        {
            MakeCurrent();
            _stream.Flush();
            Check(CudaDriver.cuMemcpyDtoHAsync_v2(to, from, (nuint)bytes, _stream.Handle), "cuMemcpyDtoHAsync");
            Check(CudaDriver.cuStreamSynchronize(_stream.Handle), "cuStreamSynchronize");
            _staging.Reset();
        }
    }

    /// <inheritdoc cref="Download(nint, void*, long)"/>
    public void Download<T>(nint from, Span<T> to)
        where T : unmanaged
    {
        fixed (T* address = to)
        {
            Download(from, address, (long)to.Length * sizeof(T));
        }
    }

    /// <inheritdoc/>
    public void Finish()
    {
        lock (_oneAtATime)
        {
            MakeCurrent();
            _stream.Wait();
            _staging.Reset();
        }
    }

    /// <summary>Runs something and tells how long each command took, as far as the ones before let it start.</summary>
    /// <returns>Name and seconds, in order; what the first one took is not known.</returns>
    public IReadOnlyList<(string Name, double Seconds)> Trace(Action run)
    {
        List<(CudaCommand Command, nint Event)> commands = [];
        Finish();
        _stream.Trace = commands;
        try
        {
            run();
        }
        finally
        {
            _stream.Trace = null;
        }

        Finish();
        List<(string, double)> times = [];
        for (int i = 1; i < commands.Count; i++)
        {
            Check(CudaDriver.cuEventElapsedTime(out float milliseconds, commands[i - 1].Event, commands[i].Event), "cuEventElapsedTime");
            times.Add((NameOf(commands[i].Command), milliseconds / 1e3));
        }

        commands.ForEach(command => CudaDriver.cuEventDestroy_v2(command.Event));
        return times;
    }

    private string NameOf(in CudaCommand command) => command.Kind switch
    {
        CommandKind.Launch => _compiler.NameOf(command.Source),
        CommandKind.Product => _products.NameOf((int)command.Source),
        CommandKind.CopyToDevice => "copy to the GPU",
        _ => "zeros",
    };

    /// <summary>Starts what is held back and gives the driver's handle of the stream, for timing.</summary>
    public nint Stream()
    {
        lock (_oneAtATime)
        {
            MakeCurrent();
            _stream.Flush();
            return _stream.Handle;
        }
    }

    private void Convert(CudaFunction function, nint from, nint to, long count)
    {
        KernelArguments arguments = default;
        arguments.Add(from);
        arguments.Add(to);
        arguments.Add(count);
        this.LaunchOverElements(function, count, arguments);
    }

    private void Issue(in CudaCommand command)
    {
        lock (_oneAtATime)
        {
            MakeCurrent();
            _stream.Issue(command);

            // Conversions come between arrays and the kernel that takes them: for its other operands, or because another thread looks at a
            // tensor.
            bool isConversion = command.Source == _round.Handle || command.Source == _widen.Handle;
            if (command.Kind == CommandKind.Launch && !isConversion)
            {
                _staging.Launched();
            }
        }
    }
}
