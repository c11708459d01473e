// Matrices whose columns or rows have numbers of their own; [rows, columns], F32 unless said otherwise.
//   add_bias           x[t, c] += b[c]
//   gelu               y[t, c] = gelu(x[t, c] + b[c]) in its tanh form, z/(1 + e^−2u) with u = √(2/π)·(z + 0.044715·z³); y F32 or bfloat16
//   gated_add          y[t, c] += g[c]·(x[t, c] + b[c]), b may be missing     (Peebles & Xie 2023, adaLN-Zero)
//   add_scaled         y[to[i], :] += scales[i]·x[i, :], no row twice
//   rotate             rotary embedding (Su et al. 2021), half-split: of dimensions j and j + R/2 of each head, by direction · angle
//   store              queries rotated in place, keys, rotated, and values to the rows of caches
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
template <int N> __device__ __forceinline__ void rotate(
    const float* from, float* to, const float* cosines, const float* sines, float direction, int columns, int headSize, int half) {
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

__device__ __forceinline__ void rotateRow(const float* from, float* to, const float* cosines, const float* sines, long long angle,
    float direction, int columns, int headSize, int half) {
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
struct Target { float *keys, *values; int first, count; };

// Grid: rows; queries, keys and values. A single target is `only`, several are in `targets`.
extern "C" __global__ void rows_store(
    float* q, float* k, const float* v, const float* cosines, const float* sines, const int* positions, const Target* targets, int count,
    Target only, int queryColumns, int columns, int headSize, int half) {
    beginOverlapped();
    int row = blockIdx.x, position = positions[row];
    long long angle = (long long)position * half;
    if (blockIdx.y == 0) {
        float* query = q + (long long)row * queryColumns;
        rotateRow(query, query, cosines, sines, angle, 1, queryColumns, headSize, half);
        return;
    }

    Target target = only;
    for (int i = 0; targets && i < count; i++) {
        if (row >= targets[i].first && row < targets[i].first + targets[i].count) target = targets[i];
    }

    bool isKept = row >= target.first && row < target.first + target.count;
    const float* from = (blockIdx.y == 1 ? k : v) + (long long)row * columns;
    float* to = (float*)from;
    if (isKept) {
        to = (blockIdx.y == 1 ? target.keys : target.values) + (long long)position * columns;

        // Of keys what is not rotated: behind the rotated part of each head.
        int rotated = blockIdx.y == 1 ? 2 * half : 0;
        if (rotated == 0) overColumns(columns, [=](auto width, int c) { store(to + c, load<decltype(width)::value>(from + c)); });
        for (int c = threadIdx.x; rotated > 0 && rotated < headSize && c < columns; c += blockDim.x) {
            if (c % headSize >= rotated) to[c] = from[c];
        }
    }

    if (blockIdx.y == 1) rotateRow(from, to, cosines, sines, angle, 1, columns, headSize, half);
}
