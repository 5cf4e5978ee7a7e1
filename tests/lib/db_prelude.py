# Prepended to the Python of the database tests: a client `db` of the server in DB_SOCKET, and short helpers.
import array
import os
import select
import struct
import sys
import time

import resp
import torchscript

DIR = os.environ["DB_DIR"]


def connect():
    return resp.Client(os.environ["DB_SOCKET"])


db = connect()


def fails(*words, says):
    """The command answers an error with these words in it."""
    reply = db.ask(*words)
    assert isinstance(reply, resp.Problem), f"{words[:3]} answers {reply!r} instead of an error"
    assert says in str(reply), f"{words[:3]} says {reply}, not {says}"


def same(actual, expected):
    assert actual == expected, f"{actual!r} is not {expected!r}"


def script(signature, *body, example=None):
    """The bytes of a TorchScript file."""
    path = os.path.join(DIR, f"model.{os.getpid()}.pt")
    torchscript.write(path, signature, body, example)
    with open(path, "rb") as file:
        return file.read()


DOUBLE = script("x: Tensor -> Tensor", "return torch.mul(x, 2)")
# As many matrix products as the first element of x says; gives x.
SLOW = script(
    "x: Tensor -> Tensor",
    "n = int(torch.select(torch.reshape(x, [-1]), 0, 0))",
    "y = torch.ones([512, 512])",
    "for i in range(n):",
    "  y = torch.tanh(torch.matmul(y, y))",
    "return torch.add(x, torch.mul(torch.sum(y), 0))",
)


def store(name, blob, *options, device="CPU"):
    same(db("AI.MODELSTORE", name, "TORCH", device, *options, "BLOB", blob), b"OK")


def put(name, values, *shape, client=None):
    blob = struct.pack(f"{len(values)}f", *values)
    same((client or db)("AI.TENSORSET", name, "FLOAT", *(shape or [len(values)]), "BLOB", blob), b"OK")


def get(name):
    return list(array.array("f", db("AI.TENSORGET", name, "BLOB")))


def run(model, inputs, outputs, *rest):
    return ["AI.MODELEXECUTE", model, "INPUTS", len(inputs), *inputs, "OUTPUTS", len(outputs), *outputs, *rest]


def pairs(reply):
    keys = [key.decode() for key in reply[::2]]
    return dict(zip(keys, reply[1::2]))


def stats(model):
    return pairs(db("AI.INFO", model))


def state(name):
    """A field of our section of INFO."""
    for line in db("INFO", "inferdb").decode().splitlines():
        if line.startswith(f"inferdb_{name}:"):
            value = line.split(":", 1)[1]
            return int(value) if value.isdigit() else value
    raise KeyError(name)


def until(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen in {seconds} s"
        time.sleep(0.002)


def answered(client):
    """Whether a reply has arrived already."""
    return bool(select.select([client.socket], [], [], 0)[0])


def occupy(seconds_of_work=300):
    """A client whose slow execution keeps the only worker busy; its reply is still to be received."""
    busy = connect()
    if db("EXISTS", "slow") == 0:
        store("slow", SLOW)
    put("work", [seconds_of_work])
    busy.send(*run("slow", ["work"], ["done"]))
    until(lambda: state("running") == 1, "the slow execution")
    return busy


def together(model, tensors, seconds_of_work=300):
    """The replies to requests that wait behind a slow execution, so that all are there when the worker looks."""
    busy = occupy(seconds_of_work)
    clients = []
    for i, values in enumerate(tensors):
        client = connect()
        put(f"in{i}", *values, client=client)
        client.send(*run(model, [f"in{i}"], [f"out{i}"]))
        clients.append(client)
    until(lambda: state("waiting") == len(tensors), "all requests waiting")
    same(busy.receive(), b"OK")
    return [client.receive() for client in clients]
