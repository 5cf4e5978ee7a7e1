#!/usr/bin/python3
"""Write a GGUF file of OpenLLaMA 3B's shape with so many layers, and weights that repeat, at the disk's speed:

    llama_shape.py FILE f16|q8_0|q4_0 LAYERS
"""
import argparse
import struct
import sys

import numpy as np

import llama_gguf

SHAPE = {"hidden": 3200, "ffn": 8640, "heads": 32, "kv_heads": 32, "head_dim": 100, "vocab": 32000, "context": 2048,
         "eps": 1e-6, "theta": 10000.0, "name": "OpenLLaMA 3B's shape"}


def tokenizer(vocab):
    """As much of a SentencePiece model as a GGUF file takes over"""
    def piece(index):
        text = (b"<unk>", b"<s>", b"</s>")[index] if index < 3 else \
            b"<0x%02X>" % (index - 3) if index < 259 else b"\xe2\x96\x81t%d" % index
        kind = 2 if index == 0 else 3 if index < 3 else 6 if index < 259 else 1
        body = b"\x0a" + bytes([len(text)]) + text + b"\x15" + struct.pack("<f", -float(max(index - 258, 0))) + b"\x18" + bytes([kind])
        return b"\x0a" + bytes([len(body)]) + body
    return b"".join(piece(i) for i in range(vocab))


def tensors(a):
    q, kv = a.heads * a.head_dim, a.kv_heads * a.head_dim
    yield "token_embd.weight", (a.vocab, a.hidden)
    for i in range(a.layers):
        p = f"blk.{i}."
        yield from ((p + "attn_norm.weight", (a.hidden,)), (p + "attn_q.weight", (q, a.hidden)),
                    (p + "attn_k.weight", (kv, a.hidden)), (p + "attn_v.weight", (kv, a.hidden)),
                    (p + "attn_output.weight", (a.hidden, q)), (p + "ffn_norm.weight", (a.hidden,)),
                    (p + "ffn_gate.weight", (a.ffn, a.hidden)), (p + "ffn_up.weight", (a.ffn, a.hidden)),
                    (p + "ffn_down.weight", (a.hidden, a.ffn)))
    yield "output_norm.weight", (a.hidden,)
    yield "output.weight", (a.vocab, a.hidden)


def write(path, kind, layers):
    """kind: f16, q8_0 or q4_0"""
    a = argparse.Namespace(**SHAPE, layers=layers)
    number, block_bytes, block, _ = llama_gguf.TYPES[kind]
    random = np.random.Generator(np.random.Philox(1))
    pool = llama_gguf.encode(0.02 * random.standard_normal((1 << 16, 32), np.float32), kind)
    count, meta = llama_gguf.metadata(a, tokenizer(a.vocab), kind)
    every = list(tensors(a))
    head, at, sizes = b"GGUF" + struct.pack("<IQQ", 3, len(every), count) + meta, 0, []
    for name, shape in every:
        plain = len(shape) == 1
        size = shape[0] * 4 if plain else shape[0] * shape[1] // block * block_bytes
        head += llama_gguf.text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape[::-1], 0 if plain else number, at)
        at += size + -size % 32
        sizes.append(size)
    with open(path, "wb") as out:
        out.write(head + b"\0" * (-len(head) % 32))
        for (_, shape), size in zip(every, sizes):
            if len(shape) == 1:
                out.write(np.ones(shape, "<f4").tobytes())
            else:
                begin = int(random.integers(0, 1 << 16)) * block_bytes
                left = size
                while left > 0:
                    part = pool[begin:begin + left]
                    out.write(part)
                    left, begin = left - len(part), 0
            out.write(b"\0" * (-size % 32))


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2], int(sys.argv[3]))
