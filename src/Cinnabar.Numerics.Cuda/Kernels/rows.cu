// Matrices whose columns or rows have numbers of their own; [rows, columns], F32 unless said otherwise.
//   add_bias           x[t, c] += b[c]
//   gelu               y[t, c] = gelu(x[t, c] + b[c]) in its tanh form, z/(1 + e^−2u) with u = √(2/π)·(z + 0.044715·z³); y F32 or bfloat16
//   gated_add          y[t, c] += g[c]·(x[t, c] + b[c]), b may be missing     (Peebles & Xie 2023, adaLN-Zero)
//   add_scaled         y[to[i], :] += scales[i]·x[i, :], no row twice
//   rotate             rotary embedding (Su et al. 2021), half-split: of dimensions j and j + R/2 of each head, by direction · angle
//   store              queries rotated in place, keys, rotated, and values to the rows of caches; or all of them to bfloat16
// The first three: a thread keeps its columns and walks down the rows, so that b and g are read once. The others: a block a row.

// Runs body(Width, column) for the columns of this thread: blocks in x share the columns.
template <typename Body> __device__ __forceinline__ void ofThisThread(int columns, Body body) {
    int thread = blockIdx.x * blockDim.x + threadIdx.x;
    if (columns % 4 != 0) {
        if (thread < columns) body(Width<1>(), thread);
    } else if (4 * thread < columns) {
        body(Width<4>(), 4 * thread);
    }
}

// Runs body(Width, column) for all columns, spread over the threads of the block.
template <typename Body> __device__ __forceinline__ void overColumns(int columns, Body body) {
    if (columns % 4 != 0) {
        for (int c = threadIdx.x; c < columns; c += blockDim.x) body(Width<1>(), c);
    } else {
        for (int c = 4 * threadIdx.x; c < columns; c += 4 * blockDim.x) body(Width<4>(), c);
    }
}

extern "C" __global__ void rows_add_bias(float* x, const float* bias, int rows, int columns) {
    ofThisThread(columns, [=](auto width, int c) {
        constexpr int N = decltype(width)::value;
        Pack<N> b = load<N>(bias + c);
        for (int t = blockIdx.y; t < rows; t += gridDim.y) {
            float* at = x + (long long)t * columns + c;
            Pack<N> value = load<N>(at);
            for (int j = 0; j < N; j++) value.v[j] += b.v[j];
            store(at, value);
        }
    });
}

template <typename Y> __device__ __forceinline__ void gelu(const float* x, const float* bias, Y* y, int rows, int columns) {
    constexpr float Slope = 1.5957691216f, Cubic = 0.044715f; // 2·√(2/π)
    ofThisThread(columns, [=](auto width, int c) {
        constexpr int N = decltype(width)::value;
        Pack<N> b = load<N>(bias + c);
        for (int t = blockIdx.y; t < rows; t += gridDim.y) {
            long long at = (long long)t * columns + c;
            Pack<N> value = load<N>(x + at);
            for (int j = 0; j < N; j++) {
                float z = value.v[j] + b.v[j];
                value.v[j] = z / (1 + expf(-Slope * z * (1 + Cubic * z * z)));
            }
            store(y + at, value);
        }
    });
}

extern "C" __global__ void rows_gelu_f32(const float* x, const float* bias, float* y, int rows, int columns) {
    gelu(x, bias, y, rows, columns);
}

extern "C" __global__ void rows_gelu_bf16(const float* x, const float* bias, bf16* y, int rows, int columns) {
    gelu(x, bias, y, rows, columns);
}

extern "C" __global__ void rows_gated_add(const float* x, const float* bias, const float* gate, float* y, int rows, int columns) {
    ofThisThread(columns, [=](auto width, int c) {
        constexpr int N = decltype(width)::value;
        Pack<N> b = {}, g = load<N>(gate + c);
        if (bias) b = load<N>(bias + c);
        for (int t = blockIdx.y; t < rows; t += gridDim.y) {
            long long at = (long long)t * columns + c;
            Pack<N> value = load<N>(x + at), sum = load<N>(y + at);
            for (int j = 0; j < N; j++) sum.v[j] += g.v[j] * (value.v[j] + b.v[j]);
            store(y + at, sum);
        }
    });
}

extern "C" __global__ void rows_add_scaled(const float* x, const int* to, const float* scales, float* y, int columns) {
    const float* from = x + (long long)blockIdx.x * columns;
    float* row = y + (long long)to[blockIdx.x] * columns;
    float scale = scales[blockIdx.x];
    overColumns(columns, [=](auto width, int c) {
        constexpr int N = decltype(width)::value;
        Pack<N> value = load<N>(from + c), sum = load<N>(row + c);
        for (int j = 0; j < N; j++) sum.v[j] += scale * value.v[j];
        store(row + c, sum);
    });
}

// Of each head the first 2 · half columns of a row, rotated; from and to may be the same.
template <int N, typename T> __device__ __forceinline__ void rotate(
    const float* from, T* to, const float* cosines, const float* sines, float direction, int columns, int headSize, int half) {
    int packs = half / N; // of a head
    for (int i = threadIdx.x; i < columns / headSize * packs; i += blockDim.x) {
        int j = i % packs * N, first = i / packs * headSize + j;
        Pack<N> a = load<N>(from + first), b = load<N>(from + first + half), cosine = load<N>(cosines + j), sine = load<N>(sines + j);
        Pack<N> left, right;
        for (int k = 0; k < N; k++) {
            float s = direction * sine.v[k];
            left.v[k] = a.v[k] * cosine.v[k] - b.v[k] * s;
            right.v[k] = b.v[k] * cosine.v[k] + a.v[k] * s;
        }
        store(to + first, left);
        store(to + first + half, right);
    }
}

template <typename T> __device__ __forceinline__ void rotateRow(const float* from, T* to, const float* cosines, const float* sines,
    long long angle, float direction, int columns, int headSize, int half) {
    if (half == 0) return;
    if (half % 4 == 0 && headSize % 4 == 0) {
        rotate<4>(from, to, cosines + angle, sines + angle, direction, columns, headSize, half);
    } else {
        rotate<1>(from, to, cosines + angle, sines + angle, direction, columns, headSize, half);
    }
}

// x: [rows, heads · headSize]; cosines and sines: [positions, half]; row t is at position positions[t] or, without them, t mod length.
extern "C" __global__ void rows_rotate(
    float* x, const float* cosines, const float* sines, const int* positions, int length, float direction,
    int columns, int headSize, int half) {
    long long angle = (long long)(positions ? positions[blockIdx.x] : blockIdx.x % length) * half;
    float* row = x + (long long)blockIdx.x * columns;
    rotateRow(row, row, cosines, sines, angle, direction, columns, headSize, half);
}

// Rows first … first + count − 1 of a pass go to the rows of a cache at their positions; Target in CudaKeyValueRows.cs.
template <typename T> struct Target {
    T *keys, *values;
    int first, count;
};

// Grid: rows; queries, keys and values. A single target is `only`, several are in `targets`. Queries, and what no target takes, go to qTo,
// kTo and vTo, which may be q, k and v.
template <typename T> __device__ __forceinline__ void storeRow(const float* q, const float* k, const float* v, T* qTo, T* kTo, T* vTo,
    const float* cosines, const float* sines, const int* positions, const Target<T>* targets, int count, Target<T> only,
    int queryColumns, int columns, int headSize, int half) {
    int row = blockIdx.x, operand = blockIdx.y, position = positions[row];
    if (operand == 0) columns = queryColumns;
    if (operand == 2) half = 0;
    long long element = (long long)row * columns;
    const float* from = (operand == 0 ? q : operand == 1 ? k : v) + element;
    T* to = (operand == 0 ? qTo : operand == 1 ? kTo : vTo) + element;
    if (operand > 0) {
        Target<T> target = only;
        for (int i = 0; targets && i < count; i++) {
            if (row >= targets[i].first && row < targets[i].first + targets[i].count) target = targets[i];
        }

        bool isKept = row >= target.first && row < target.first + target.count;
        if (isKept) to = (operand == 1 ? target.keys : target.values) + (long long)position * columns;
    }

    // What is not rotated: everything, or what is behind the rotated part of each head.
    int rotated = 2 * half;
    bool isMoved = (const void*)from != to;
    if (isMoved && rotated == 0) overColumns(columns, [=](auto width, int c) { store(to + c, load<decltype(width)::value>(from + c)); });
    for (int c = threadIdx.x; isMoved && rotated > 0 && rotated < headSize && c < columns; c += blockDim.x) {
        if (c % headSize >= rotated) store(to + c, load<1>(from + c));
    }

    rotateRow(from, to, cosines, sines, (long long)position * half, 1, columns, headSize, half);
}

#define STORE(T, FUNCTION) \
    extern "C" __global__ void FUNCTION(const float* q, const float* k, const float* v, T* qTo, T* kTo, T* vTo, const float* cosines, \
        const float* sines, const int* positions, const Target<T>* targets, int count, Target<T> only, int queryColumns, int columns, \
        int headSize, int half) { \
        beginOverlapped(); \
        storeRow(q, k, v, qTo, kTo, vTo, cosines, sines, positions, targets, count, only, queryColumns, columns, headSize, half); \
    }

STORE(float, rows_store_f32)
STORE(bf16, rows_store_bf16)
