// cuBLASLt, as far as CublasLt.cs declares it: D = alpha · op(A) · op(B) + beta · C, column-major, A and B F32 or BF16, the rest F32; or A and
// B Int8, A transposed, the rest integers of 32 bits.
#include "stream.h"
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

enum Status { Success = 0, InvalidValue = 7, NotSupported = 15 };
enum Type { Float32 = 0, Integer8 = 3, Integer32 = 10, BFloat16 = 14 };
enum Compute { ComputeFloat32 = 68, ComputeInteger32 = 72 };

struct Description { int compute, transposed[2]; };
struct Layout { int type; uint64_t rows, columns; int64_t stride; };
struct Heuristic { uint64_t algorithm[8]; size_t workspaceBytes; int status; float waves; int reserved[4]; };

// op(X) [rows, columns] as rows one behind the other; of B the transpose is asked for, so that products are of neighbours.
std::vector<float> rowsOf(const void* x, const Layout& layout, bool isTransposed) {
    uint64_t rows = isTransposed ? layout.columns : layout.rows, columns = isTransposed ? layout.rows : layout.columns;
    std::vector<float> result(rows * columns);
    for (uint64_t row = 0; row < rows; row++) {
        for (uint64_t column = 0; column < columns; column++) {
            int64_t at = isTransposed ? (int64_t)row * layout.stride + column : (int64_t)column * layout.stride + row;
            float value;
            uint32_t bits = layout.type == BFloat16 ? (uint32_t)((const uint16_t*)x)[at] << 16 : ((const uint32_t*)x)[at];
            memcpy(&value, &bits, 4);
            result[row * columns + column] = value;
        }
    }

    return result;
}

// Products of ROWS rows with COLUMNS others: of several at once, so that sums do not wait for each other, nor for memory.
template <int ROWS, int COLUMNS> void dots(const float* x, const float* y, uint64_t count, float (&products)[ROWS][COLUMNS]) {
    constexpr int Width = 8;
    typedef float Pack __attribute__((vector_size(Width * sizeof(float)), aligned(4)));
    Pack sums[ROWS][COLUMNS] = {};
    uint64_t whole = count / Width * Width;
    for (uint64_t i = 0; i < whole; i += Width) {
        for (int row = 0; row < ROWS; row++) {
            for (int column = 0; column < COLUMNS; column++) {
                sums[row][column] += *(const Pack*)(x + row * count + i) * *(const Pack*)(y + column * count + i);
            }
        }
    }

    for (int row = 0; row < ROWS; row++) {
        for (int column = 0; column < COLUMNS; column++) {
            float sum = 0;
            for (int lane = 0; lane < Width; lane++) sum += sums[row][column][lane];
            for (uint64_t i = whole; i < count; i++) sum += x[row * count + i] * y[column * count + i];
            products[row][column] = sum;
        }
    }
}

void multiply(const Description& description, float alpha, const void* a, const Layout& ofA, const void* b, const Layout& ofB,
    float beta, const float* c, float* d, const Layout& ofD) {
    std::vector<float> left = rowsOf(a, ofA, description.transposed[0]), right = rowsOf(b, ofB, !description.transposed[1]);
    uint64_t inner = description.transposed[0] ? ofA.rows : ofA.columns;
    auto write = [&](uint64_t row, uint64_t column, float product) {
        int64_t at = (int64_t)column * ofD.stride + row;
        d[at] = beta == 0 ? alpha * product : alpha * product + beta * c[at];
    };

    constexpr int Tile = 4;
    for (uint64_t column = 0; column < ofD.columns; column += Tile) {
        for (uint64_t row = 0; row < ofD.rows; row += Tile) {
            const float *x = left.data() + row * inner, *y = right.data() + column * inner;
            if (row + Tile <= ofD.rows && column + Tile <= ofD.columns) {
                float products[Tile][Tile];
                dots<Tile, Tile>(x, y, inner, products);
                for (int i = 0; i < Tile * Tile; i++) write(row + i % Tile, column + i / Tile, products[i % Tile][i / Tile]);
                continue;
            }

            for (uint64_t i = 0; i < Tile && row + i < ofD.rows; i++) {
                for (uint64_t j = 0; j < Tile && column + j < ofD.columns; j++) {
                    float product[1][1];
                    dots<1, 1>(x + i * inner, y + j * inner, inner, product);
                    write(row + i, column + j, product[0][0]);
                }
            }
        }
    }
}

void multiplyIntegers(const int8_t* a, const Layout& ofA, const int8_t* b, const Layout& ofB, int32_t* d, const Layout& ofD) {
    for (uint64_t column = 0; column < ofD.columns; column++) {
        for (uint64_t row = 0; row < ofD.rows; row++) {
            int32_t sum = 0;
            for (uint64_t i = 0; i < ofA.rows; i++) sum += a[row * ofA.stride + i] * b[column * ofB.stride + i];
            d[column * ofD.stride + row] = sum;
        }
    }
}

} // namespace

#define API extern "C" __attribute__((visibility("default"))) int

extern "C" __attribute__((visibility("default"))) size_t cublasLtGetVersion() { return 1; }
API cublasLtCreate(void** handle) { static int library; *handle = &library; return Success; }
API cublasLtMatmulDescCreate(Description** description, int compute, int scale) {
    if (compute != (scale == Integer32 ? ComputeInteger32 : ComputeFloat32) || (scale != Integer32 && scale != Float32)) return InvalidValue;
    *description = new Description{compute, {}};
    return Success;
}

API cublasLtMatmulDescSetAttribute(Description* description, int attribute, const void* value, size_t bytes) {
    if ((attribute != 3 && attribute != 4) || bytes != sizeof(int)) return InvalidValue;
    memcpy(&description->transposed[attribute - 3], value, bytes);
    return Success;
}

API cublasLtMatrixLayoutCreate(Layout** layout, int type, uint64_t rows, uint64_t columns, int64_t stride) {
    if ((type != Float32 && type != BFloat16 && type != Integer8 && type != Integer32) || stride < (int64_t)rows) return InvalidValue;
    *layout = new Layout{type, rows, columns, stride};
    return Success;
}

API cublasLtMatmulPreferenceCreate(void** preference) { *preference = new char; return Success; }
API cublasLtMatmulPreferenceDestroy(void* preference) { delete (char*)preference; return Success; }
API cublasLtMatmulPreferenceSetAttribute(void*, int, const void*, size_t) { return Success; }

// None where sizes do not fit together, as with the real one.
API cublasLtMatmulAlgoGetHeuristic(void*, const Description* description, const Layout* a, const Layout* b, const Layout* c,
    const Layout* d, void*, int, Heuristic* results, int* found) {
    const int* t = description->transposed;
    bool fits = (t[0] ? a->columns : a->rows) == d->rows && (t[0] ? a->rows : a->columns) == (t[1] ? b->columns : b->rows)
        && (t[1] ? b->rows : b->columns) == d->columns && a->type == b->type && c->type == d->type;
    fits = fits && (description->compute == ComputeFloat32
        ? (a->type == Float32 || a->type == BFloat16) && d->type == Float32
        : a->type == Integer8 && d->type == Integer32 && t[0] && !t[1] && a->stride % 8 == 0 && b->stride % 8 == 0 && d->stride % 8 == 0
            && a->columns % 8 == 0);
    *results = {};
    *found = fits ? 1 : 0;
    return fits ? Success : NotSupported;
}

API cublasLtMatmul(void*, const Description* description, const void* alpha, const void* a, const Layout* ofA, const void* b,
    const Layout* ofB, const void* beta, const void* c, const Layout*, void* d, const Layout* ofD, const void*, void*, size_t, void*) {
    if (description->compute == ComputeInteger32) {
        if (*(const int32_t*)alpha != 1 || *(const int32_t*)beta != 0) return NotSupported;
        emulator::enqueue([=] { multiplyIntegers((const int8_t*)a, *ofA, (const int8_t*)b, *ofB, (int32_t*)d, *ofD); });
    } else {
        float one = *(const float*)alpha, addend = *(const float*)beta;
        emulator::enqueue([=] { multiply(*description, one, a, *ofA, b, *ofB, addend, (const float*)c, (float*)d, *ofD); });
    }

    return Success;
}
