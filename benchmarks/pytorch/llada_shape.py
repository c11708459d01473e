"""What a plain PyTorch program reaches on the card that `cinnabar bench gpu` measured: the same products, the same copy, the same network.

    python3 llada_shape.py [--skip-compiled]

Prints medians of CUDA-event times. The network has the shape of LLaDA-8B (32 layers, width 4096, 32 heads, feed-forward 12288, vocabulary
126464) with random bf16 weights; a pass computes some positions beside 512 cached ones, with scaled_dot_product_attention. The decoding
loop fills a block of 64 masks, some tokens a pass, the surest first, as LLaDA's reference code does at temperature 0, but in float32.
"""
import argparse
import statistics
import time

import torch
import torch.nn.functional as F

LAYERS, WIDTH, HEADS, INNER, VOCABULARY, CONTEXT, MASK = 32, 4096, 32, 12288, 126464, 512, 126336


def median_ms(run, repeats=15, warmups=4):
    for _ in range(warmups):
        run()
    times = []
    for _ in range(repeats):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        run()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times)


def weight(*shape):
    return torch.empty(*shape, dtype=torch.bfloat16, device="cuda").normal_(0, 0.02)


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norms = torch.nn.ParameterList(torch.ones(WIDTH, dtype=torch.bfloat16, device="cuda") for _ in range(2))
        self.qkv, self.out = torch.nn.Parameter(weight(3 * WIDTH, WIDTH)), torch.nn.Parameter(weight(WIDTH, WIDTH))
        self.gate_up = torch.nn.Parameter(weight(2 * INNER, WIDTH))
        self.down = torch.nn.Parameter(weight(WIDTH, INNER))

    def forward(self, h, cos, sin, keys, values):
        rows = h.shape[0]
        q, k, v = F.linear(F.rms_norm(h, (WIDTH,), self.norms[0], 1e-5), self.qkv).view(rows, 3, HEADS, -1).unbind(1)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        keys = torch.cat([keys, k]).transpose(0, 1)[None]
        values = torch.cat([values, v]).transpose(0, 1)[None]
        attended = F.scaled_dot_product_attention(q.transpose(0, 1)[None], keys, values)[0].transpose(0, 1).reshape(rows, WIDTH)
        h = h + F.linear(attended, self.out)
        gate, up = F.linear(F.rms_norm(h, (WIDTH,), self.norms[1], 1e-5), self.gate_up).chunk(2, -1)
        return h + F.linear(F.silu(gate) * up, self.down)


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.head = torch.nn.Parameter(weight(VOCABULARY, WIDTH)), torch.nn.Parameter(weight(VOCABULARY, WIDTH))
        self.norm = torch.nn.Parameter(torch.ones(WIDTH, dtype=torch.bfloat16, device="cuda"))
        self.blocks = torch.nn.ModuleList(Block() for _ in range(LAYERS))
        half = WIDTH // HEADS // 2
        angles = torch.outer(torch.arange(2048, device="cuda").float(), 500000.0 ** (-torch.arange(half, device="cuda") / half))
        self.cos, self.sin = angles.cos().bfloat16()[:, None], angles.sin().bfloat16()[:, None]
        self.keys = [weight(CONTEXT, HEADS, WIDTH // HEADS) for _ in range(LAYERS)]
        self.values = [weight(CONTEXT, HEADS, WIDTH // HEADS) for _ in range(LAYERS)]

    def forward(self, ids):
        rows = ids.shape[0]
        cos, sin = self.cos[CONTEXT:CONTEXT + rows], self.sin[CONTEXT:CONTEXT + rows]
        h = F.embedding(ids, self.embedding)
        for block, keys, values in zip(self.blocks, self.keys, self.values):
            h = block(h, cos, sin, keys, values)
        return F.linear(F.rms_norm(h, (WIDTH,), self.norm, 1e-5), self.head)


def decode(network, tokens_a_pass, block=64, blocks=4):
    """Tokens a second of a stream that fills block after block."""
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(blocks):
        ids = torch.full((block,), MASK, device="cuda")
        for _ in range(block // tokens_a_pass):
            logits = network(ids).float()
            confidence, best = torch.softmax(logits, -1).max(-1)
            masked = ids == MASK
            confidence = torch.where(masked, confidence, -torch.inf)
            chosen = confidence.topk(tokens_a_pass).indices
            ids[chosen] = torch.where(best[chosen] == MASK, 0, best[chosen])
        ids.tolist()
    return block * blocks / (time.perf_counter() - start)


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--skip-compiled", action="store_true")
    arguments = parser.parse_args()
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
    source = torch.empty(1 << 30, dtype=torch.float32, device="cuda").normal_()
    target = torch.empty_like(source)
    ms = median_ms(lambda: target.copy_(source))
    print(f"copy: {2 * 4 * source.numel() / ms / 1e9:.2f} TB/s read and written")
    del source, target
    for m, n, k in [(8192, 8192, 8192), (16384, 2048, 2048), (16384, 5632, 2048), (16384, 2048, 5632), (64, 4096, 4096), (64, 12288, 4096),
                    (64, 4096, 12288), (64, 126464, 4096)]:
        a, b = weight(m, k), [weight(n, k) for _ in range(1 if n * k > 1 << 28 or m > 64 else 8)]
        state = {"i": 0}

        def product():
            state["i"] += 1
            return F.linear(a, b[state["i"] % len(b)])

        ms = median_ms(product)
        print(f"product {m} x {n} x {k}: {ms * 1e3:.1f} us, {2 * m * n * k / ms / 1e9:.0f} TFLOP/s, {2 * n * k / ms / 1e9:.2f} TB/s of weights")

    network = Network()
    for rows in (32, 64, 128, 256):
        ids = torch.randint(0, VOCABULARY, (rows,), device="cuda")
        print(f"eager pass of {rows}: {median_ms(lambda: network(ids)):.2f} ms")
    for k in (4, 8, 16):
        decode(network, k, blocks=1)
        print(f"eager loop, {k} tokens a pass: {statistics.median(decode(network, k) for _ in range(3)):.0f} tokens/s")
    if arguments.skip_compiled:
        return
    start = time.perf_counter()
    compiled = torch.compile(network, mode="reduce-overhead", dynamic=False)
    ids = torch.randint(0, VOCABULARY, (64,), device="cuda")
    print(f"compiled pass of 64: {median_ms(lambda: compiled(ids)):.2f} ms (compiling took {time.perf_counter() - start:.0f} s)")
    for k in (4, 8, 16):
        decode(compiled, k, blocks=1)
        print(f"compiled loop, {k} tokens a pass: {statistics.median(decode(compiled, k) for _ in range(3)):.0f} tokens/s")


if __name__ == "__main__":
    main()
