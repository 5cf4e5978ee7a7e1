"""pytorch_model.bin files for make_llama.py, byte for byte of the kind that torch.save writes, without torch: a zip of
stored entries whose data are aligned to 64 bytes, with a pickle that tells how to make the tensors."""
import collections
import io
import pickle
import sys
import types
import zipfile

import numpy as np

STORAGES = {"f32": "FloatStorage", "f16": "HalfStorage", "bf16": "BFloat16Storage"}


def stand_ins():
    """Modules torch and torch._utils with the names that the pickle refers to."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in STORAGES.values():
        setattr(torch, name, type(name, (), {"__module__": "torch"}))
    function = types.FunctionType((lambda *_: None).__code__, {}, "_rebuild_tensor_v2")
    function.__module__, function.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = function
    torch._utils = utils
    return torch, utils


class Tensor:
    def __init__(self, utils, storage, shape):
        self.utils, self.storage, self.shape = utils, storage, shape

    def __reduce__(self):
        strides, step = [], 1
        for size in reversed(self.shape):
            strides.insert(0, step)
            step *= size
        return self.utils._rebuild_tensor_v2, (self.storage, 0, tuple(self.shape), tuple(strides), False,
                                               collections.OrderedDict())


class Storage:
    def __init__(self, kind, key, count):
        self.id = ("storage", kind, str(key), "cpu", count)


class Pickler(pickle._Pickler):  # as torch.save's: the C one cannot be given names of modules that are no modules
    def persistent_id(self, obj):
        return obj.id if isinstance(obj, Storage) else None


def state_pickle(tensors, dtype):
    torch, utils = stand_ins()
    kept = {n: sys.modules.get(n) for n in ("torch", "torch._utils")}
    sys.modules.update({"torch": torch, "torch._utils": utils})
    try:
        state = collections.OrderedDict()
        for key, (name, values) in enumerate(tensors.items()):
            state[name] = Tensor(utils, Storage(getattr(torch, STORAGES[dtype]), key, values.size), values.shape)
        state._metadata = collections.OrderedDict([("", {"version": 1})])  # as module.state_dict() leaves it
        out = io.BytesIO()
        Pickler(out, protocol=2).dump(state)
        return out.getvalue()
    finally:
        for name, module in kept.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module


def add(out, name, data):
    """An entry whose data begin at a multiple of 64: what is in between is an extra field, as torch has it."""
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    at = out.fp.tell() + 30 + len(name) + 4
    pad = -at % 64
    entry.extra = b"FB" + pad.to_bytes(2, "little") + b"Z" * pad
    out.writestr(entry, data)


def write(path, tensors, dtype):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as out:
        add(out, "archive/data.pkl", state_pickle(tensors, dtype))
        add(out, "archive/byteorder", b"little")
        for key, values in enumerate(tensors.values()):
            if dtype == "bf16":
                data = (np.ascontiguousarray(values, np.float32).view(np.uint32) >> 16).astype("<u2").tobytes()
            else:
                data = values.astype("<f4" if dtype == "f32" else "<f2").tobytes()
            add(out, f"archive/data/{key}", data)
        add(out, "archive/version", b"3\n")
