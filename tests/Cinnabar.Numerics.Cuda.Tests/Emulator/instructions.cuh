// In the place of Kernels/instructions.cuh: the same functions in C++. Their words are there.
typedef unsigned short bf16;
typedef unsigned long long u64;

#define SHARED_BYTES(name) unsigned char* const name = emulatorHost->shared
#define SHARED_ARRAY(type, name, count) alignas(16) static type name[count]

inline unsigned roundedToBf16(float x) {
    unsigned bits = __float_as_uint(x);
    return (bits & 0x7fffffffu) > 0x7f800000u ? bits >> 16 | 0x40 : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

inline unsigned packBf16(float low, float high) { return roundedToBf16(low) | roundedToBf16(high) << 16; }

inline float exponential2(float x) {
    return x < -126 ? 0 : exp2f(x); // what would be subnormal is 0
}

// A product is the warp's, not a lane's: lane 0, the first that goes on behind an exchange, multiplies, and all take their part before the
// next exchange. Row r of a and column r of b are with lanes 4 (r % 8) on, words in the order of k: word w with lane w % 4 of these.
struct Fragments { unsigned a[4], b[2]; };

template <typename T> struct TileOf { typedef T Row __attribute__((vector_size(8 * sizeof(T)))); Row rows[16]; };

inline unsigned wordOfRow(const unsigned char* slots, int row, int word) {
    return emulator::shown<Fragments>(slots, row % 8 * 4 + word % 4).a[row / 8 + 2 * (word / 4)];
}

inline unsigned wordOfColumn(const unsigned char* slots, int column, int word) {
    return emulator::shown<Fragments>(slots, column * 4 + word % 4).b[word / 4];
}

// product = a · b, K numbers in a row; numberOf takes number i of a word.
template <int K, typename T, typename Number>
__attribute__((noinline)) void multiplyWarp(const unsigned char* slots, TileOf<T>& product, Number numberOf) {
    constexpr int InWord = K / 8;
    typename TileOf<T>::Row y[K];
    for (int word = 0; word < 8; word++) {
        for (int column = 0; column < 8; column++) {
            unsigned packed = wordOfColumn(slots, column, word);
            for (int i = 0; i < InWord; i++) y[word * InWord + i][column] = numberOf(packed, i);
        }
    }

    for (int row = 0; row < 16; row++) {
        typename TileOf<T>::Row sum = {};
        for (int word = 0; word < 8; word++) {
            unsigned packed = wordOfRow(slots, row, word);
            for (int i = 0; i < InWord; i++) sum += numberOf(packed, i) * y[word * InWord + i];
        }

        product.rows[row] = sum;
    }
}

template <int K, typename T, typename Number>
inline void multiplyTile(T (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], Number numberOf) {
    static TileOf<T> product;
    const unsigned char* slots = emulator::exchange(Fragments{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}});
    int lane = emulator::lane(), row = lane / 4, column = lane % 4 * 2;
    if (lane == 0) multiplyWarp<K>(slots, product, numberOf);
    for (int i = 0; i < 4; i++) d[i] += product.rows[row + i / 2 * 8][column + i % 2];
}

inline void multiplyTile(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    multiplyTile<16>(d, a, b, [](unsigned pair, int i) { return __uint_as_float(i == 0 ? pair << 16 : pair & 0xffff0000u); });
}

inline void multiplyTile(int (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    multiplyTile<32>(d, a, b, [](unsigned four, int i) { return (int)(signed char)(four >> 8 * i); });
}

typedef const bf16* SharedRow;
inline SharedRow sharedRow(const bf16* row) { return row; }

template <bool TRANSPOSED> inline void loadMatrices(unsigned (&x)[4], SharedRow row, int elements) {
    emulatorHost->expectAligned(row + elements);
    const unsigned char* slots = emulator::exchange(row + elements);
    int g = emulator::lane() / 4, p = emulator::lane() % 4;
    for (int i = 0; i < 4; i++) {
        SharedRow even = emulator::shown<SharedRow>(slots, 8 * i + (TRANSPOSED ? 2 * p : g));
        SharedRow odd = emulator::shown<SharedRow>(slots, 8 * i + (TRANSPOSED ? 2 * p + 1 : g));
        x[i] = TRANSPOSED ? even[g] | (unsigned)odd[g] << 16 : even[2 * p] | (unsigned)odd[2 * p + 1] << 16;
    }
}

inline void copyAsync(SharedRow to, int elements, const void* from) { emulatorHost->copyLater((bf16*)to + elements, from); }
inline void copyRows(SharedRow to, int elements, const bf16* from) { copyAsync(to, elements, from); }
inline void copyWeights(SharedRow to, int elements, const bf16* from, u64) { copyAsync(to, elements, from); }
inline u64 leaveFirst() { return 0; }
inline void endCopies() { emulatorHost->endCopies(); }
template <int N> inline void waitForCopies() { emulatorHost->waitForCopies(N); }
inline void waitForAllCopies() { emulatorHost->endCopies(); emulatorHost->waitForCopies(0); }

// Kernels run one after the other, but which have to wait for each other is seen; and what is fetched has to be there.
inline void letNextBegin() {}
inline void waitForPrevious() { emulatorHost->waitForPrevious(); }
inline void beginOverlapped() { waitForPrevious(); }
inline void fetchToCache(const void* from, u64) {
    emulatorHost->expectAligned(from);
    (void)((const volatile char*)from)[0];
    (void)((const volatile char*)from)[127];
}

inline int arrive(int* arrivals) { return (*arrivals)++; }
template <typename T> inline T loadShared(const T* from) { return *from; }
