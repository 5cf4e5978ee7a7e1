#!/usr/bin/env python3
"""What users of SmartRedis do, call by call, with its own unmodified client. Usage: smartredis_cases.py CASE

The database is the one that the environment names (SSDB, SR_DB_TYPE), one server or a cluster; every case is the same in
both unless it says otherwise, and begins with an empty database.
"""
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import smartredis
from smartredis import Client, ConfigOptions, Dataset
from smartredis.error import RedisKeyError, RedisReplyError, RedisRuntimeError

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import resp  # noqa: E402
import torchscript  # noqa: E402

CLUSTER = os.environ.get("SR_DB_TYPE") == "Clustered"
ADDRESSES = os.environ["SSDB"].replace("unix://", "unix:").split(",") if CLUSTER else [os.environ["SSDB"]]
TYPES = [np.float32, np.float64, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16]
MODEL_LINES = ("x: Tensor -> Tensor", ["return torch.mul(x, 2)"])
SCRIPT = "def twice(x):\n    return x * 2\n\ndef add(a, b):\n    return a + b\n\ndef both(a, b):\n    return a + b, a - b\n"
client = None


def model_file(signature=MODEL_LINES[0], body=tuple(MODEL_LINES[1])):
    path = os.path.join(tempfile.mkdtemp(dir=os.environ["SR_WORK"]), "model.pt")
    torchscript.write(path, signature, body)
    return path


def model_bytes(*lines):
    with open(model_file(*lines), "rb") as file:
        return file.read()


def same(actual, expected):
    good = np.array_equal(actual, expected) if isinstance(expected, np.ndarray) else actual == expected
    assert good, f"{actual!r} is not {expected!r}"


def fails(error, function, *arguments, says=""):
    try:
        function(*arguments)
    except error as problem:
        assert says in str(problem), f"{function.__name__} says {problem}, not {says}"
        return
    raise AssertionError(f"{function.__name__}{arguments} does not fail")


def tensors():
    for dtype in TYPES:
        for shape in [(1,), (7,), (3, 4), (2, 3, 4, 5)]:
            sent = (np.arange(np.prod(shape)) % 100).reshape(shape).astype(dtype)
            client.put_tensor("t", sent)
            back = client.get_tensor("t")
            same(back, sent)
            same((back.dtype, back.shape), (sent.dtype, sent.shape))
    strided = np.arange(24, dtype=np.float64).reshape(4, 6)[:, ::2]
    client.put_tensor("strided", strided)
    same(client.get_tensor("strided"), strided)
    large = np.random.default_rng(1).random((3, 512, 512)).astype(np.float32)
    client.put_tensor("large", large)
    same(client.get_tensor("large"), large)
    client.copy_tensor("large", "copy")
    client.rename_tensor("large", "a rather different name")
    same(client.get_tensor("copy"), large)
    same(client.get_tensor("a rather different name"), large)
    same(client.tensor_exists("large"), False)
    client.delete_tensor("copy")
    same(client.tensor_exists("copy"), False)
    fails(RedisReplyError, client.get_tensor, "copy", says="tensor key is empty")
    fails(RedisReplyError, client.rename_tensor, "nothing", "something")


def example_dataset(name):
    dataset = Dataset(name)
    for dtype in TYPES:
        dataset.add_tensor(f"tensor {dtype.__name__}", np.arange(6).reshape(2, 3).astype(dtype))
    for value in [np.int32(-3), np.int64(1 << 40), np.uint32(7), np.uint64(1 << 63), np.float32(0.5), np.float64(1e300)]:
        dataset.add_meta_scalar(f"scalar {type(value).__name__}", value)
    dataset.add_meta_scalar("several", 1.5)
    dataset.add_meta_scalar("several", 2.5)
    dataset.add_meta_string("words", "first")
    dataset.add_meta_string("words", "second, é")
    return dataset


def check_dataset(dataset, name):
    same(dataset.get_name(), name)
    same(sorted(dataset.get_tensor_names()), sorted(f"tensor {dtype.__name__}" for dtype in TYPES))
    for dtype in TYPES:
        tensor = f"tensor {dtype.__name__}"
        same(dataset.get_tensor(tensor), np.arange(6).reshape(2, 3).astype(dtype))
        if dtype not in (np.float32, np.uint16):        # these two it calls float64 and "UINT6", with no database at all
            same(dataset.get_tensor_type(tensor), dtype)
        same(list(dataset.get_tensor_dims(tensor)), [2, 3])
    same(list(dataset.get_meta_scalars("scalar uint64")), [1 << 63])
    same(list(dataset.get_meta_scalars("several")), [1.5, 2.5])
    same(dataset.get_meta_strings("words"), ["first", "second, é"])
    same(dataset.get_metadata_field_type("words"), str)
    same(len(dataset.get_metadata_field_names()), 8)


def datasets():
    client.put_dataset(example_dataset("d"))
    same(client.dataset_exists("d"), True)
    check_dataset(client.get_dataset("d"), "d")
    same(client.get_tensor("{d}.tensor float32"), np.arange(6).reshape(2, 3).astype(np.float32))
    client.copy_dataset("d", "elsewhere")
    check_dataset(client.get_dataset("elsewhere"), "elsewhere")
    client.rename_dataset("d", "renamed")
    check_dataset(client.get_dataset("renamed"), "renamed")
    same(client.dataset_exists("d"), False)
    client.delete_dataset("renamed")
    same(client.dataset_exists("renamed"), False)
    fails(RedisKeyError, client.get_dataset, "renamed")
    again = example_dataset("elsewhere")
    again.add_meta_string("more", "x")
    client.put_dataset(again)
    same(client.get_dataset("elsewhere").get_meta_strings("more"), ["x"])


def lists():
    for i in range(6):
        dataset = Dataset(f"step{i}")
        dataset.add_tensor("t", np.full((4, 4), i, dtype=np.float32))
        dataset.add_meta_scalar("i", i)
        client.put_dataset(dataset)
        client.append_to_list("l", dataset)
    same(client.get_list_length("l"), 6)
    same(client.poll_list_length("l", 6, 5, 3), True)
    same(client.poll_list_length_gte("l", 7, 1, 2), False)
    same(client.poll_list_length_lte("l", 6, 1, 2), True)
    all_of_it = client.get_datasets_from_list("l")
    same(sorted(int(d.get_meta_scalars("i")[0]) for d in all_of_it), list(range(6)))
    for dataset in all_of_it:
        same(dataset.get_tensor("t"), np.full((4, 4), dataset.get_meta_scalars("i")[0], dtype=np.float32))
    part = client.get_dataset_list_range("l", 1, 3)
    same([int(d.get_meta_scalars("i")[0]) for d in part], [1, 2, 3])
    client.copy_list("l", "copy")
    client.rename_list("copy", "other")
    same([client.get_list_length(name) for name in ("l", "copy", "other")], [6, 0, 6])
    client.delete_list("l")
    same(client.get_list_length("l"), 0)
    same(len(client.get_datasets_from_list("other")), 6)


def models():
    x = np.arange(8, dtype=np.float32).reshape(4, 2)
    client.put_tensor("x", x)
    blob = model_bytes()
    client.set_model("m", blob, "TORCH", "CPU")
    same(client.model_exists("m"), True)
    client.run_model("m", inputs=["x"], outputs=["y"])
    same(client.get_tensor("y"), 2 * x)
    same(client.get_model("m"), blob)
    client.set_model_from_file("f", model_file(), "TORCH", "CPU", batch_size=4, min_batch_size=1, min_batch_timeout=5, tag="v1")
    client.run_model("f", ["y"], ["z"])
    same(client.get_tensor("z"), 4 * x)
    client.set_model("two", model_bytes("a: Tensor, b: Tensor -> Tuple[Tensor, Tensor]", ["return (torch.add(a, b), torch.sub(a, b))"]),
                     "TORCH", "CPU")
    client.run_model("two", ["x", "y"], ["sum", "difference"])
    same(client.get_tensor("sum"), 3 * x)
    same(client.get_tensor("difference"), -x)
    client.delete_model("m")
    same(client.model_exists("m"), False)
    fails(RedisReplyError, client.run_model, "m", ["x"], ["y"])
    fails(RedisReplyError, client.run_model, "f", ["nothing"], ["y"])
    fails(RedisReplyError, client.set_model, "bad", b"no model", "TORCH", "CPU")
    fails(RedisReplyError, client.set_model, "tf", blob, "TF", "CPU", says="backend TF is not supported")


def chunks():
    blob = model_bytes()
    client.set_model_chunk_size(100)
    client.set_model("m", blob, "TORCH", "CPU")
    same(client.get_model("m"), blob)                  # one piece, although it came in many
    client.put_tensor("x", np.ones((2, 2), dtype=np.float32))
    client.run_model("m", ["x"], ["y"])
    same(client.get_tensor("y"), np.full((2, 2), 2, dtype=np.float32))
    client.set_model_chunk_size(511 * 1024 * 1024)
    fails(RedisReplyError, client.set_model_chunk_size, 0)


def twice_function(x):
    return x * 2


def scripts():
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    client.put_tensor("x", x)
    client.set_script("s", SCRIPT, "CPU")
    same(client.model_exists("s"), True)
    client.run_script("s", "twice", ["x"], ["y"])
    same(client.get_tensor("y"), 2 * x)
    client.run_script("s", "add", ["x", "y"], ["z"])
    same(client.get_tensor("z"), 3 * x)
    client.run_script("s", "both", ["y", "x"], ["sum", "difference"])
    same(client.get_tensor("difference"), x)
    same(client.get_script("s"), SCRIPT)
    client.set_function("f", twice_function)
    client.run_script("f", "twice_function", ["x"], ["y"])
    same(client.get_tensor("y"), 2 * x)
    path = os.path.join(os.environ["SR_WORK"], "script.txt")
    with open(path, "w", encoding="ascii") as file:
        file.write(SCRIPT)
    client.set_script_from_file("file", path, "CPU")
    client.run_script("file", "twice", ["y"], ["z"])
    same(client.get_tensor("z"), 4 * x)
    fails(RedisReplyError, client.run_script, "s", "none", ["x"], ["y"])
    fails(RedisReplyError, client.run_script, "s", "twice", ["nothing"], ["y"])
    fails(RedisReplyError, client.set_script, "bad", "this is no script", "CPU")
    client.delete_script("s")
    fails(RedisReplyError, client.get_script, "s", says="script key is empty")
    fails(RedisReplyError, client.run_script, "s", "twice", ["x"], ["y"])


def models_without_gpus():
    """Multi-GPU calls against a database that runs models on CPUs: refused in words, nothing left behind"""
    blob = model_bytes()
    fails(RedisReplyError, client.set_model, "m", blob, "TORCH", "GPU", says="GPU")
    fails(RedisReplyError, client.set_model, "m", blob, "TORCH", "GPU:1", says="GPU")
    fails(RedisReplyError, client.set_model_multigpu, "m", blob, "TORCH", 0, 2, says="GPU")
    fails(RedisReplyError, client.set_model_from_file_multigpu, "m", model_file(), "TORCH", 0, 2, says="GPU")
    client.put_tensor("x", np.ones(2, dtype=np.float32))
    fails(RedisReplyError, client.run_model_multigpu, "m", 0, 0, 2, ["x"], ["y"])
    fails(RedisReplyError, client.delete_model_multigpu, "m", 0, 2)
    same(client.model_exists("m.GPU:0"), False)


def scripts_without_gpus():
    fails(RedisReplyError, client.set_script_multigpu, "s", SCRIPT, 0, 2, says="GPU")
    fails(RedisReplyError, client.set_function_multigpu, "f", twice_function, 0, 2, says="GPU")
    client.put_tensor("x", np.ones(2, dtype=np.float32))
    fails(RedisReplyError, client.run_script_multigpu, "s", "twice", ["x"], ["y"], 0, 0, 2)
    fails(RedisReplyError, client.delete_script_multigpu, "s", 0, 2)
    same(client.model_exists("s.GPU:0"), False)


def polling():
    same(client.poll_tensor("t", 1, 3), False)
    same(client.poll_key("t", 1, 3), False)
    same(client.poll_model("m", 1, 3), False)
    same(client.poll_dataset("d", 1, 3), False)
    client.put_tensor("t", np.ones(1))
    client.set_model("m", model_bytes(), "TORCH", "CPU")
    client.put_dataset(example_dataset("d"))
    same(client.poll_tensor("t", 1, 3), True)
    same(client.poll_key("t", 1, 3), True)
    same(client.poll_model("m", 1, 3), True)
    same(client.poll_dataset("d", 1, 3), True)
    same(client.key_exists("t"), True)
    same(client.key_exists("nothing"), False)


def prefixes():
    """Members of an ensemble: SSKEYOUT names what this one writes, SSKEYIN what it may read."""
    os.environ.update(SSKEYIN="one,two", SSKEYOUT="one")
    one = Client()
    os.environ.update(SSKEYIN="one,two", SSKEYOUT="two")
    two = Client()
    for number, member in enumerate([one, two], 1):
        member.use_tensor_ensemble_prefix(True)
        member.use_dataset_ensemble_prefix(True)
        member.use_list_ensemble_prefix(True)
        member.use_model_ensemble_prefix(True)
        member.put_tensor("t", np.full(3, number, dtype=np.float32))
        dataset = Dataset("d")
        dataset.add_tensor("t", np.full(3, number, dtype=np.float64))
        member.put_dataset(dataset)
        member.append_to_list("l", dataset)
        member.set_model("m", model_bytes("x: Tensor -> Tensor", [f"return torch.mul(x, {10 * number})"]), "TORCH", "CPU")
    same([client.key_exists("one.t"), client.key_exists("two.t"), client.key_exists("t")], [True, True, False])
    for number, source in enumerate(["one", "two"], 1):
        one.set_data_source(source)
        same(one.get_tensor("t"), np.full(3, number, dtype=np.float32))
        same(one.get_dataset("d").get_tensor("t"), np.full(3, number, dtype=np.float64))
        same(one.get_list_length("l"), 1)
        same(one.get_datasets_from_list("l")[0].get_tensor("t"), np.full(3, number, dtype=np.float64))
        one.run_model("m", ["t"], ["out"])
        same(client.get_tensor("one.out"), np.full(3, 10 * number * number, dtype=np.float32))
    fails(RedisRuntimeError, one.set_data_source, "three")


def ai_info():
    client.set_model("m", model_bytes(), "TORCH", "CPU", tag="mine")
    client.put_tensor("x", np.ones(3, dtype=np.float32))
    for _ in range(5):
        client.run_model("m", ["x"], ["y"])
    # In a cluster a model lies on every shard under a name that SmartRedis makes out of the shard's slots.
    if CLUSTER:
        return
    (info,) = client.get_ai_info(ADDRESSES, "m")
    same([info[name] for name in ("key", "type", "backend", "device", "tag", "calls", "samples", "errors")],
         ["m", "MODEL", "TORCH", "CPU", "mine", "5", "15", "0"])
    (before,) = client.get_ai_info(ADDRESSES, "m", True)      # with RedisAI this call throws
    same(before["calls"], "5")
    same(client.get_ai_info(ADDRESSES, "m")[0]["calls"], "0")
    fails(RedisReplyError, client.get_ai_info, ADDRESSES, "nothing", says="cannot find run info for key")


def server():
    client.put_tensor("x", np.ones(3, dtype=np.float32))
    for info in client.get_db_node_info(ADDRESSES):
        same(info["Server"]["redis_mode"], "cluster" if CLUSTER else "standalone")
        assert int(info["Memory"]["used_memory"]) > 0, info
    if CLUSTER:
        for info in client.get_db_cluster_info(ADDRESSES):
            same([info["cluster_state"], info["cluster_size"]], ["ok", "3"])
    else:
        fails(RedisReplyError, client.get_db_cluster_info, ADDRESSES)
    for address in ADDRESSES:
        client.config_set("lua-time-limit", "4321", address)
        same(client.config_get("lua-time-limit", address), {"lua-time-limit": "4321"})
        assert len(client.config_get("*max-*-entries*", address)) >= 2
    client.save(ADDRESSES)
    client.flush_db(ADDRESSES)
    same(client.tensor_exists("x"), False)


# As many matrix products as the first element of x says; gives x.
SLOW = ("x: Tensor -> Tensor", ["n = int(torch.select(torch.reshape(x, [-1]), 0, 0))", "y = torch.ones([512, 512])",
                                "for i in range(n):", "  y = torch.tanh(torch.matmul(y, y))",
                                "return torch.add(x, torch.mul(torch.sum(y), 0))"])


def patient():
    """With the step's SR_SOCKET_TIMEOUT a run of more than a second is waited for, and executed once."""
    client.set_model("slow", model_bytes(*SLOW), "TORCH", "CPU")
    took, products, calls = 0.0, 50, 0
    while took < 1:
        products *= 2
        client.put_tensor("work", np.array([products], dtype=np.float32))
        began = time.monotonic()
        client.run_model("slow", ["work"], ["done"])
        took = time.monotonic() - began
        calls += 1
    same(client.get_tensor("done"), client.get_tensor("work"))
    same(client.get_ai_info(ADDRESSES, "slow")[0]["calls"], str(calls))


def run_once():
    client.run_model("m", ["x"], ["y"])


def impatient():
    """Without it the client sends again, over a new connection, whenever 250 ms have passed and one second more. What waited
    for the old connection is not executed, except the one that the worker came to in that very second."""
    db = resp.Client(os.environ["SSDB"].removeprefix("unix://"))
    client.set_model("m", model_bytes(), "TORCH", "CPU")
    client.set_model("slow", model_bytes(*SLOW), "TORCH", "CPU")
    client.put_tensor("x", np.ones(3, dtype=np.float32))
    client.put_tensor("work", np.array([2000], dtype=np.float32))
    db.send("AI.MODELEXECUTE", "slow", "INPUTS", 1, "work", "OUTPUTS", 1, "done")      # keeps the only worker busy
    other = resp.Client(os.environ["SSDB"].removeprefix("unix://"))

    def field(name):
        return int(other("INFO", "everything").decode().split(f"\n{name}:")[1].split()[0])
    connections = field("total_connections_received")
    environment = {name: value for name, value in os.environ.items() if name != "SR_SOCKET_TIMEOUT"}
    with subprocess.Popen([sys.executable, __file__, "run_once"], env=environment) as child:
        # It closes a connection only when it asks again, over a new one.
        while field("total_connections_received") < connections + 4 or field("inferdb_waiting") != 1:
            assert child.poll() is None, "the client ended while the worker was busy"
            time.sleep(0.01)
        same(field("inferdb_running"), 1)
        same(db.receive(), b"OK")
        same(child.wait(), 0)
    same(client.get_tensor("y"), np.full(3, 2, dtype=np.float32))
    calls = int(client.get_ai_info(ADDRESSES, "m")[0]["calls"])
    assert calls in (1, 2), f"the command was sent at least four times and executed {calls} times"


def options():
    """The other constructors, and the options that they leave to the environment."""
    same(Client(address=ADDRESSES[0], cluster=CLUSTER).key_exists("nothing"), False)
    same(Client(None, "a name").key_exists("nothing"), False)
    same(Client(logger_name="a name").key_exists("nothing"), False)
    os.environ.update(SSDB_other=os.environ["SSDB"], SR_DB_TYPE_other=os.environ["SR_DB_TYPE"])
    same(Client(ConfigOptions.create_from_environment("other")).key_exists("nothing"), False)
    assert "SmartRedis" in str(type(client)) or "smartredis" in str(type(client)), smartredis.__name__


def main():
    global client
    client = Client()
    if sys.argv[1] != "run_once":
        client.flush_db(ADDRESSES)
    globals()[sys.argv[1]]()


main()
