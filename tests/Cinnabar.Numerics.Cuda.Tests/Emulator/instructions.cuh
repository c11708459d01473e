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
    float y = exp2f(x);
    return y < 1.17549435e-38f ? 0 : y;
}

inline void multiplyTile(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    struct Fragments { unsigned a[4], b[2]; } own = {{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
    const unsigned char* slots = emulator::exchange(own);
    int g = emulator::lane() / 4, p = emulator::lane() % 4;

    // Rows g and g + 8 of a, columns 2p and 2p + 1 of b, in the order of k: words of two numbers, low half first.
    float x[2][16], y[2][16];
    auto widen = [](unsigned pair, float* to) {
        to[0] = __uint_as_float(pair << 16);
        to[1] = __uint_as_float(pair & 0xffff0000u);
    };
    for (int word = 0; word < 8; word++) {
        const Fragments& ofRow = emulator::shown<Fragments>(slots, g * 4 + word % 4);
        for (int half = 0; half < 2; half++) {
            widen(ofRow.a[half + 2 * (word / 4)], &x[half][2 * word]);
            widen(emulator::shown<Fragments>(slots, (2 * p + half) * 4 + word % 4).b[word / 4], &y[half][2 * word]);
        }
    }

    for (int i = 0; i < 4; i++) {
        float sum = 0;
        for (int k = 0; k < 16; k++) sum += x[i / 2][k] * y[i % 2][k];
        d[i] += sum;
    }
}

inline void multiplyTile(int (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    struct Fragments { unsigned a[4], b[2]; } own = {{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
    const unsigned char* slots = emulator::exchange(own);
    int g = emulator::lane() / 4, p = emulator::lane() % 4;
    for (int i = 0; i < 4; i++) {
        for (int word = 0; word < 8; word++) {
            unsigned x = emulator::shown<Fragments>(slots, g * 4 + word % 4).a[i / 2 + 2 * (word / 4)];
            unsigned y = emulator::shown<Fragments>(slots, (2 * p + i % 2) * 4 + word % 4).b[word / 4];
            for (int shift = 0; shift < 32; shift += 8) d[i] += (signed char)(x >> shift) * (signed char)(y >> shift);
        }
    }
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
