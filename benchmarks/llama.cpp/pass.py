"""Times llama.cpp on one pass of a diffusion language model: all positions in one batch, no causal mask, logits of every position.

    npm install --ignore-scripts --prefix /tmp/llama @node-llama-cpp/linux-x64      # prebuilt libllama
    python3 benchmarks/llama.cpp/pass.py /tmp/llama/node_modules/@node-llama-cpp/linux-x64/bins/linux-x64 MODEL.gguf 64 256

Prints the median of several passes, tokens a second, and the argmax of the last position, for each number of tokens. The same work in
Cinnabar is `cinnabar bench model`. Only the start of llama.cpp's parameter structs is written to, so no header is needed.
"""
import ctypes
import glob
import os
import statistics
import sys
import time

THREADS = 2
PASSES = 7


class Opaque(ctypes.Structure):
    """A struct passed by value whose size we do not know: larger is harmless where it is the last argument on the stack."""

    _fields_ = [("bytes", ctypes.c_uint8 * 512)]


class Batch(ctypes.Structure):
    _fields_ = [
        ("n_tokens", ctypes.c_int32),
        ("token", ctypes.POINTER(ctypes.c_int32)),
        ("embd", ctypes.c_void_p),
        ("pos", ctypes.POINTER(ctypes.c_int32)),
        ("n_seq_id", ctypes.POINTER(ctypes.c_int32)),
        ("seq_id", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
        ("logits", ctypes.POINTER(ctypes.c_int8)),
    ]


def load(folder):
    ctypes.CDLL(os.path.join(folder, "libggml-base.so"), mode=ctypes.RTLD_GLOBAL)
    ggml = ctypes.CDLL(glob.glob(os.path.join(folder, "libggml.v*.so"))[0], mode=ctypes.RTLD_GLOBAL)
    llama = ctypes.CDLL(glob.glob(os.path.join(folder, "libllama.v*.so"))[0])
    silent = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda level, text, data: None)
    llama.silent = silent  # keeps it alive
    llama.llama_log_set(silent, None)
    ggml.ggml_backend_load_all_from_path(folder.encode())
    for name in ("llama_model_default_params", "llama_context_default_params"):
        getattr(llama, name).restype = Opaque
    llama.llama_model_load_from_file.restype = ctypes.c_void_p
    llama.llama_model_load_from_file.argtypes = [ctypes.c_char_p, Opaque]
    llama.llama_init_from_model.restype = ctypes.c_void_p
    llama.llama_init_from_model.argtypes = [ctypes.c_void_p, Opaque]
    llama.llama_batch_init.restype = Batch
    llama.llama_decode.argtypes = [ctypes.c_void_p, Batch]
    llama.llama_set_n_threads.argtypes = [ctypes.c_void_p, ctypes.c_int32, ctypes.c_int32]
    llama.llama_set_causal_attn.argtypes = [ctypes.c_void_p, ctypes.c_bool]
    llama.llama_get_memory.restype = ctypes.c_void_p
    llama.llama_get_memory.argtypes = [ctypes.c_void_p]
    llama.llama_memory_clear.argtypes = [ctypes.c_void_p, ctypes.c_bool]
    llama.llama_get_logits_ith.restype = ctypes.POINTER(ctypes.c_float)
    llama.llama_get_logits_ith.argtypes = [ctypes.c_void_p, ctypes.c_int32]
    llama.llama_print_system_info.restype = ctypes.c_char_p
    return llama


def main(folder, path, counts):
    llama = load(folder)
    print(llama.llama_print_system_info().decode())
    model = llama.llama_model_load_from_file(path.encode(), llama.llama_model_default_params())
    assert model, f"llama.cpp could not load {path}"
    options = llama.llama_context_default_params()
    fields = ctypes.cast(ctypes.pointer(options), ctypes.POINTER(ctypes.c_uint32))
    largest = max(counts)
    fields[0], fields[1], fields[2] = largest, largest, largest  # n_ctx, n_batch, n_ubatch
    context = llama.llama_init_from_model(model, options)
    assert context, "llama.cpp made no context"
    llama.llama_set_n_threads(context, THREADS, THREADS)
    llama.llama_set_causal_attn(context, False)
    for count in counts:
        batch = llama.llama_batch_init(count, 0, 1)
        batch.n_tokens = count
        for i in range(count):
            batch.token[i] = 300 + i
            batch.pos[i] = i
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = 1
        times = []
        for _ in range(PASSES + 1):
            llama.llama_memory_clear(llama.llama_get_memory(context), True)
            begin = time.perf_counter()
            assert llama.llama_decode(context, batch) == 0
            logits = llama.llama_get_logits_ith(context, count - 1)
            times.append(time.perf_counter() - begin)
        seconds = statistics.median(times[1:])
        best = max(range(1000), key=lambda i: logits[i])
        print(f"{os.path.basename(path)}: {count} tokens in {seconds:.4f} s = {count / seconds:.0f} tokens/s (largest of 1,000 logits: {best})")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], [int(count) for count in sys.argv[3:]])
