"""GGUF files of version 3 for make_llama.py: metadata, vocabulary, tensors, and the formats of blocks of 32."""
import struct

import numpy as np

# Number of the type in the file, bytes of a block, elements of a block, general.file_type.
TYPES = {"f32": (0, 4, 1, 0), "f16": (1, 2, 1, 1), "q4_0": (2, 18, 32, 2), "q4_1": (3, 20, 32, 3), "q8_0": (8, 34, 32, 7),
         "bf16": (30, 2, 1, 32)}
PARTS = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
         "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
ENDS = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight"}


def name_of(name):
    if name in ENDS:
        return ENDS[name]
    layer, part = name.removeprefix("model.layers.").removesuffix(".weight").split(".", 1)
    return f"blk.{layer}.{PARTS[part]}.weight"


def interleaved(values, heads):
    """The rows of each head in the order 0, d/2, 1, d/2 + 1, …"""
    rows, columns = values.shape
    return values.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def halves(q):
    return (q[:, :16] | (q[:, 16:] << 4)).astype(np.uint8)


def joined(*parts):
    return np.concatenate([np.ascontiguousarray(p).view(np.uint8).reshape(len(p), -1) for p in parts], axis=1).tobytes()


def encode(values, kind):
    if kind == "f32":
        return values.astype("<f4").tobytes()
    if kind == "f16":
        return values.astype("<f2").tobytes()
    if kind == "bf16":
        return (np.ascontiguousarray(values, np.float32).view(np.uint32) >> 16).astype("<u2").tobytes()
    x = values.reshape(-1, 32).astype(np.float32)
    if kind == "q8_0":
        scale = np.abs(x).max(axis=1, keepdims=True) / 127
        q = np.round(np.divide(x, scale, out=np.zeros_like(x), where=scale > 0)).astype(np.int8)
        return joined(scale.astype("<f2"), q)
    if kind == "q4_0":
        far = np.take_along_axis(x, np.abs(x).argmax(axis=1)[:, None], axis=1)
        scale = far / -8
        q = np.floor(np.divide(x, scale, out=np.zeros_like(x), where=scale != 0) + 8.5).clip(0, 15).astype(np.uint8)
        return joined(scale.astype("<f2"), halves(q))
    low = x.min(axis=1, keepdims=True)
    scale = (x.max(axis=1, keepdims=True) - low) / 15
    q = np.floor(np.divide(x - low, scale, out=np.zeros_like(x), where=scale > 0) + 0.5).clip(0, 15).astype(np.uint8)
    return joined(scale.astype("<f2"), low.astype("<f2"), halves(q))


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    """(number, value) of a protobuf message: integers, 4 bytes, or bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            size, at = (4, at) if key & 7 == 5 else varint(data, at)
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def pieces(tokenizer):
    for number, message in fields(tokenizer):
        if number == 1:
            piece = dict(fields(message))
            yield piece[1], struct.unpack("<f", piece.get(2, b"\0\0\0\0"))[0], piece.get(3, 1)


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(raw)) + raw


def one(kind, value):
    """The bytes of a value of metadata, without the number of its type."""
    if kind == 8:
        return text(value)
    return struct.pack({4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q"}[kind], value)


def metadata(a, tokenizer, kind):
    every = list(pieces(tokenizer))
    values = [
        ("general.architecture", 8, "llama"), ("general.name", 8, a.name), ("general.file_type", 4, TYPES[kind][3]),
        ("llama.vocab_size", 4, a.vocab), ("llama.context_length", 4, a.context), ("llama.embedding_length", 4, a.hidden),
        ("llama.block_count", 4, a.layers), ("llama.feed_forward_length", 4, a.ffn),
        ("llama.attention.head_count", 4, a.heads), ("llama.attention.head_count_kv", 4, a.kv_heads),
        ("llama.attention.key_length", 4, a.head_dim), ("llama.attention.value_length", 4, a.head_dim),
        ("llama.rope.dimension_count", 4, a.head_dim), ("llama.rope.freq_base", 6, a.theta),
        ("llama.attention.layer_norm_rms_epsilon", 6, a.eps),
        ("tokenizer.ggml.model", 8, "llama"), ("tokenizer.ggml.pre", 8, "default"),
        ("tokenizer.ggml.tokens", (8,), [p for p, _, _ in every]), ("tokenizer.ggml.scores", (6,), [s for _, s, _ in every]),
        ("tokenizer.ggml.token_type", (5,), [t for _, _, t in every]),
        ("tokenizer.ggml.bos_token_id", 4, 1), ("tokenizer.ggml.eos_token_id", 4, 2),
        ("tokenizer.ggml.add_bos_token", 7, True), ("tokenizer.ggml.add_space_prefix", 7, True)]
    out = b""
    for key, of, value in values:
        if isinstance(of, tuple):
            out += text(key) + struct.pack("<IIQ", 9, of[0], len(value)) + b"".join(one(of[0], v) for v in value)
        else:
            out += text(key) + struct.pack("<I", of) + one(of, value)
    return len(values), out


def write(path, a, tensors, tokenizer, kind, version=3):
    encoded = []
    for name, values in tensors.items():
        of = kind if values.ndim > 1 and values.shape[1] % TYPES[kind][2] == 0 else "f16" if values.ndim > 1 else "f32"
        if "q_proj" in name or "k_proj" in name:
            values = interleaved(values, a.heads if "q_proj" in name else a.kv_heads)
        encoded.append((name_of(name), values.shape, of, encode(values, of)))
    count, meta = metadata(a, tokenizer, kind)
    head, at = b"GGUF" + struct.pack("<IQQ", version, len(encoded), count) + meta, 0
    for name, shape, of, data in encoded:
        sizes = shape[::-1]
        head += text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, TYPES[of][0], at)
        at += len(data) + -len(data) % 32
    with open(path, "wb") as out:
        out.write(head + b"\0" * (-len(head) % 32))
        for _, _, _, data in encoded:
            out.write(data + b"\0" * (-len(data) % 32))
