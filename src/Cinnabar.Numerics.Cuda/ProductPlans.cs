// Matrix products by cuBLASLt, whose matrices are column-major. A row-major C[M, N] is the same memory as a column-major Cᵀ[N, M], so
// C = A·B is asked for as Cᵀ = Bᵀ·Aᵀ: cuBLAS' left operand is B and its right one A. A product of given sizes is planned once: the
// library's heuristics choose the algorithm, always the same for the same sizes on the same card.
using Cinnabar.Numerics.Cuda.Interop;

namespace Cinnabar.Numerics.Cuda;

/// <summary>Sizes and types of a product C (+)= A·B, in the order of cuBLAS.</summary>
/// <param name="Rows">Of the left operand and C: N of the row-major product.</param>
/// <param name="Columns">Of the right operand and C: M of the row-major product.</param>
/// <param name="Inner">K.</param>
/// <param name="TransposeLeft">Whether the left operand lies transposed.</param>
/// <param name="TransposeRight">Whether the right operand lies transposed.</param>
/// <param name="LeftStride">Elements from one column of what lies there to the next.</param>
/// <param name="RightStride">Likewise.</param>
/// <param name="ResultStride">Likewise, of C.</param>
/// <param name="Type">Element type of the operands: F32 or BF16, and C is F32; or Int8, and C holds integers of 32 bits.</param>
/// <param name="Alignment">Bytes that all addresses are multiples of.</param>
internal readonly record struct ProductShape(
    int Rows,
    int Columns,
    int Inner,
    bool TransposeLeft,
    bool TransposeRight,
    int LeftStride,
    int RightStride,
    int ResultStride,
    DType Type,
    int Alignment)
{
    // What addresses of tensors, and of rows of them whose size allows it, are multiples of.
    private const int BestAlignment = 256;

    /// <summary>What three addresses are multiples of.</summary>
    public static int AlignmentOf(nint left, nint right, nint result)
    {
        int alignment = BestAlignment;
        while (((left | right | result) & (alignment - 1)) != 0)
        {
            alignment /= 2;
        }

        return alignment;
    }
}

/// <summary>The products planned so far; not thread-safe.</summary>
internal sealed unsafe class ProductPlans
{
    // What cuBLAS recommends for Hopper.
    private const long WorkspaceBytes = 32 << 20;

    private readonly nint _library;
    private readonly nint _workspace;
    private readonly Dictionary<ProductShape, Answer> _answers = [];
    private readonly List<Plan> _plans = [];

    public ProductPlans(CudaMemory memory)
    {
        CublasLt.Check(CublasLt.cublasLtCreate(out _library), "cublasLtCreate");
        _workspace = memory.Allocate(WorkspaceBytes);
    }

    /// <summary>The number of the plan for a product.</summary>
    /// <exception cref="CudaException">The library has none.</exception>
    public int NumberOf(in ProductShape shape)
    {
        Answer answer = Find(shape);
        return answer.Number ?? throw new CudaException(
            $"cuBLASLt {CublasLt.cublasLtGetVersion()} knows no way to compute a product {shape}: status {answer.Status}.",
            "Install another version of the CUDA libraries, or use --device cpu.");
    }

    /// <summary>Whether the library has a plan for a product.</summary>
    public bool Knows(in ProductShape shape) => Find(shape).Number is not null;

    /// <summary>The sizes of a plan, as M x N x K of the row-major product.</summary>
    public string NameOf(int number)
    {
        ProductShape shape = _answers.First(answer => answer.Value.Number == number).Key;
        return $"cuBLASLt {shape.Columns} x {shape.Rows} x {shape.Inner}";
    }

    /// <summary>Starts a product.</summary>
    public void Run(in CudaCommand command, nint stream)
    {
        Plan plan = _plans[(int)command.Source];
        uint one = plan.One;
        uint addend = command.Bytes == 0 ? 0 : one;
        fixed (ulong* algorithm = plan.Algorithm)
        {
            int status = CublasLt.cublasLtMatmul(
                _library,
                plan.Description,
                &one,
                command.A,
                plan.Left,
                command.B,
                plan.Right,
                &addend,
                command.Target,
                plan.Result,
                command.Target,
                plan.Result,
                algorithm,
                _workspace,
                (nuint)WorkspaceBytes,
                stream);
            CublasLt.Check(status, "cublasLtMatmul");
        }
    }

    private Answer Find(in ProductShape shape)
    {
        if (!_answers.TryGetValue(shape, out Answer answer))
        {
            int? number = null;
            if (Planned(shape, out int status) is Plan plan)
            {
                number = _plans.Count;
                _plans.Add(plan);
            }

            answer = new Answer(number, status);
            _answers.Add(shape, answer);
        }

        return answer;
    }

    // Null: the library has none; the status says why.
    private Plan? Planned(in ProductShape shape, out int status)
    {
        bool isInteger = shape.Type == DType.Int8;
        int type = isInteger ? CublasLt.Integer8 : shape.Type == DType.BF16 ? CublasLt.BFloat16 : CublasLt.Float32;
        int resultType = isInteger ? CublasLt.Integer32 : CublasLt.Float32;
        int computeType = isInteger ? CublasLt.ComputeInteger32 : CublasLt.ComputeFloat32;
        CublasLt.Check(CublasLt.cublasLtMatmulDescCreate(out nint description, computeType, resultType), "cublasLtMatmulDescCreate");
        int transposeLeft = shape.TransposeLeft ? 1 : 0;
        int transposeRight = shape.TransposeRight ? 1 : 0;
        Set(CublasLt.cublasLtMatmulDescSetAttribute(description, CublasLt.TransposeA, &transposeLeft, sizeof(int)));
        Set(CublasLt.cublasLtMatmulDescSetAttribute(description, CublasLt.TransposeB, &transposeRight, sizeof(int)));
        nint left = Layout(type, shape.Rows, shape.Inner, shape.TransposeLeft, shape.LeftStride);
        nint right = Layout(type, shape.Inner, shape.Columns, shape.TransposeRight, shape.RightStride);
        nint result = Layout(resultType, shape.Rows, shape.Columns, isTransposed: false, shape.ResultStride);

        CublasLt.Check(CublasLt.cublasLtMatmulPreferenceCreate(out nint preference), "cublasLtMatmulPreferenceCreate");
        ulong workspace = WorkspaceBytes;
        uint alignment = (uint)shape.Alignment;
        Set(CublasLt.cublasLtMatmulPreferenceSetAttribute(preference, CublasLt.MaxWorkspaceBytes, &workspace, sizeof(ulong)));
        foreach (int attribute in (int[])[CublasLt.MinAlignmentA, CublasLt.MinAlignmentB, CublasLt.MinAlignmentC, CublasLt.MinAlignmentD])
        {
            Set(CublasLt.cublasLtMatmulPreferenceSetAttribute(preference, attribute, &alignment, sizeof(uint)));
        }

        CublasLt.Heuristic best = default;
        status = CublasLt.cublasLtMatmulAlgoGetHeuristic(
            _library, description, left, right, result, result, preference, 1, &best, out int found);
        CublasLt.cublasLtMatmulPreferenceDestroy(preference);
        status = status != 0 ? status : found == 0 ? CublasLt.NotSupported : best.Status;
        if (status != 0)
        {
            return null;
        }

        ulong[] algorithm = new ReadOnlySpan<ulong>(best.Algorithm, 8).ToArray();
        uint one = isInteger ? 1 : BitConverter.SingleToUInt32Bits(1);
        return new Plan(description, left, right, result, algorithm, one);
    }

    private static nint Layout(int type, int rows, int columns, bool isTransposed, int stride)
    {
        (int stored, int across) = isTransposed ? (columns, rows) : (rows, columns);
        CublasLt.Check(
            CublasLt.cublasLtMatrixLayoutCreate(out nint layout, type, (ulong)stored, (ulong)across, Math.Max(stride, stored)),
            "cublasLtMatrixLayoutCreate");
        return layout;
    }

    private static void Set(int status) => CublasLt.Check(status, "setting an attribute");

    // The number of a plan, or null and the status that the library gave instead.
    private readonly record struct Answer(int? Number, int Status);

    // One: what the product is multiplied with, in the type that sums have.
    private sealed record Plan(nint Description, nint Left, nint Right, nint Result, ulong[] Algorithm, uint One);
}
