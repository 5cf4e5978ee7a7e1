#!/usr/bin/python3
"""Write a tiny Llama with seeded weights and a trained tokenizer, in a format in which models lie on disks:

    make_llama.py DIR [--format FORMAT] [--layers N] [--hidden N] [--heads N] [--kv-heads N] [--head-dim N] [--ffn N] …

FORMAT: safetensors (default), bin, gguf-f32, -f16, -bf16, -q8_0, -q4_0, -q4_1. The first two make a Hugging Face directory
(--shards N: of several files with an index; --dtype f32, f16 or bf16); the others DIR/model.gguf with its vocabulary inside.
tokenizer.model lies beside each of them. head_dim is 100, as OpenLLaMA 3B has it. All plain formats and dtypes hold exactly
the same numbers, whatever the seed; a quantized file has F16 where a row is no multiple of 32.
"""
import argparse
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import zlib

import numpy as np

import llama_bin
import llama_gguf

HERE = os.path.dirname(os.path.abspath(__file__))


def exact(values):
    """The nearest numbers that float32, float16 and bfloat16 all have."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    out = bits.view(np.float32)
    out[np.abs(out) < 2.0**-16] = 0
    return out


def shapes(a):
    """Name, as Hugging Face has it, and shape of every tensor."""
    q, kv = a.heads * a.head_dim, a.kv_heads * a.head_dim
    yield "model.embed_tokens.weight", (a.vocab, a.hidden)
    for i in range(a.layers):
        p = f"model.layers.{i}."
        yield p + "self_attn.q_proj.weight", (q, a.hidden)
        yield p + "self_attn.k_proj.weight", (kv, a.hidden)
        yield p + "self_attn.v_proj.weight", (kv, a.hidden)
        yield p + "self_attn.o_proj.weight", (a.hidden, q)
        yield p + "mlp.gate_proj.weight", (a.ffn, a.hidden)
        yield p + "mlp.up_proj.weight", (a.ffn, a.hidden)
        yield p + "mlp.down_proj.weight", (a.hidden, a.ffn)
        yield p + "input_layernorm.weight", (a.hidden,)
        yield p + "post_attention_layernorm.weight", (a.hidden,)
    yield "model.norm.weight", (a.hidden,)
    if not a.tied:
        yield "lm_head.weight", (a.vocab, a.hidden)


def weights(a):
    """Each tensor's numbers depend on the seed and its name alone. Sized so that logits are spread by some units."""
    tensors = {}
    for name, shape in shapes(a):
        normal = np.random.Generator(np.random.Philox(key=[a.seed, zlib.crc32(name.encode())])).standard_normal(shape)
        if len(shape) == 1:
            normal = 1 + 0.1 * normal
        elif "embed_tokens" not in name or a.tied:
            normal *= (3 if "lm_head" in name or a.tied and "embed" in name else 1) / shape[1] ** 0.5
        tensors[name] = exact(normal)
    return tensors


def train_tokenizer(a):
    """tokenizer.model in the manner of OpenLLaMA v2: BPE, every byte has a piece, blanks are kept as they are."""
    with tempfile.TemporaryDirectory() as work:
        with open(os.path.join(HERE, "..", "..", "LICENSE"), encoding="utf-8") as text, \
                open(work + "/text", "w", encoding="utf-8") as lines:
            lines.write(re.sub(r"([.;:]) ", r"\1\n", " ".join(text.read().split())))
        command = ["spm_train", f"--input={work}/text", f"--model_prefix={work}/t", f"--vocab_size={a.vocab}",
                   "--model_type=bpe", "--byte_fallback", "--normalization_rule_name=identity",
                   "--remove_extra_whitespaces=false", "--num_threads=1"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit("make_llama.py: spm_train: " + done.stderr[-500:])
        with open(work + "/t.model", "rb") as model:
            return model.read()


def config(a):
    c = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "vocab_size": a.vocab,
         "hidden_size": a.hidden, "intermediate_size": a.ffn, "num_hidden_layers": a.layers,
         "num_attention_heads": a.heads, "max_position_embeddings": a.context, "rms_norm_eps": a.eps,
         "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "tie_word_embeddings": a.tied, "use_cache": True,
         "torch_dtype": {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}[a.dtype], "_name_or_path": a.name}
    if a.kv_heads != a.heads:  # older files lack what has its usual value
        c["num_key_value_heads"] = a.kv_heads
    if a.head_dim * a.heads != a.hidden:
        c["head_dim"] = a.head_dim
    if a.theta != 10000:
        c["rope_theta"] = a.theta
    return c


def as_bytes(values, dtype):
    if dtype == "bf16":
        return (np.ascontiguousarray(values, np.float32).view(np.uint32) >> 16).astype("<u2").tobytes()
    return values.astype("<f4" if dtype == "f32" else "<f2").tobytes()


def write_safetensors(path, tensors, dtype):
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, values in tensors.items():
        size = values.size * (4 if dtype == "f32" else 2)
        header[name] = {"dtype": dtype.upper(), "shape": list(values.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for values in tensors.values():
            out.write(as_bytes(values, dtype))


def write_directory(a, tensors):
    with open(a.dir + "/config.json", "w", encoding="utf-8") as out:
        json.dump(config(a), out, indent=2)
    stem, end = ("model", "safetensors") if a.format == "safetensors" else ("pytorch_model", "bin")
    write = write_safetensors if end == "safetensors" else llama_bin.write
    if a.shards == 1:
        return write(f"{a.dir}/{stem}.{end}", tensors, a.dtype)
    names = list(tensors)
    where, size = {}, 0
    for s in range(a.shards):
        part = names[len(names) * s // a.shards:len(names) * (s + 1) // a.shards]
        file = f"{stem}-{s + 1:05d}-of-{a.shards:05d}.{end}"
        where.update({n: file for n in part})
        size += sum(tensors[n].size for n in part) * (4 if a.dtype == "f32" else 2)
        write(f"{a.dir}/{file}", {n: tensors[n] for n in part}, a.dtype)
    with open(f"{a.dir}/{stem}.{end}.index.json", "w", encoding="utf-8") as out:
        json.dump({"metadata": {"total_size": size}, "weight_map": dict(sorted(where.items()))}, out, indent=2)


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("dir")
    p.add_argument("--format", default="safetensors",
                   choices=["safetensors", "bin"] + ["gguf-" + t for t in llama_gguf.TYPES])
    p.add_argument("--dtype", default="bf16", choices=["f32", "f16", "bf16"])
    numbers = {"shards": 1, "layers": 4, "hidden": 200, "heads": 2, "kv-heads": None, "head-dim": 100, "ffn": 544,
               "vocab": 512, "context": 512, "seed": 1}
    for name, default in numbers.items():
        p.add_argument("--" + name, type=int, default=default)
    p.add_argument("--eps", type=float, default=1e-6)
    p.add_argument("--theta", type=float, default=10000.0)
    p.add_argument("--tied", action="store_true", help="the head's weights are the embedding's")
    p.add_argument("--name", default="tiny-llama")
    a = p.parse_args()
    a.kv_heads = a.kv_heads or a.heads
    return a


def main():
    a = arguments()
    os.makedirs(a.dir, exist_ok=True)
    tensors, tokenizer = weights(a), train_tokenizer(a)
    with open(a.dir + "/tokenizer.model", "wb") as out:
        out.write(tokenizer)
    if a.format.startswith("gguf-"):
        llama_gguf.write(a.dir + "/model.gguf", a, tensors, tokenizer, a.format[5:])
    else:
        write_directory(a, tensors)


if __name__ == "__main__":
    main()
