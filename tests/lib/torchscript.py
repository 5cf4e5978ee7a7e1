#!/usr/bin/env python3
"""Write a TorchScript file out of a line of source, without torch: torchscript.py FILE SIGNATURE BODY…

    torchscript.py double.pt 'x: Tensor -> Tensor' 'return torch.mul(x, 2)'

Each BODY is one line of the method forward. With --example 1,3,8,8 the file carries the shape of an example input.
"""
import argparse
import io
import json
import pickle
import zipfile


def module_pickle():
    """An object of class __torch__.M whose only attribute is training = False."""
    out = io.BytesIO()
    out.write(b"\x80\x02c__torch__\nM\n)\x81}")
    out.write(b"X\x08\x00\x00\x00training\x89sb.")
    return out.getvalue()


def write(path, signature, body, example=None):
    arguments, result = signature.split("->")
    source = (
        "class M(Module):\n"
        "  __parameters__ = []\n"
        "  __buffers__ = []\n"
        "  training : bool\n"
        f"  def forward(self: __torch__.M,\n    {arguments.strip()}) -> {result.strip()}:\n"
        + "".join(f"    {line}\n" for line in body)
    )
    parts = {
        "data.pkl": module_pickle(),
        "code/__torch__.py": source,
        "constants.pkl": pickle.dumps((), 2),
        "version": "3\n",
    }
    if example:
        parts["extra/inferstep.json"] = json.dumps({"example_shape": example})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo("m/" + name), content)  # without the time: the same source, the same bytes


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--example")
    parser.add_argument("file")
    parser.add_argument("signature")
    parser.add_argument("body", nargs="+")
    args = parser.parse_args()
    shape = [int(n) for n in args.example.split(",")] if args.example else None
    write(args.file, args.signature, args.body, shape)
