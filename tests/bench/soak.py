"""What a database keeps of a million turns of put, run and get, and of a thousand clients that do nothing"""
import ctypes
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager

from common import TOP, figure, say

sys.path.insert(0, f"{TOP}/tests/lib")
import torchscript  # noqa: E402

CLIENTS = 1000


@contextmanager
def database(bench):
    """(path of the socket, pid of redis-server)"""
    with tempfile.TemporaryDirectory(prefix="ib", dir="/tmp") as state:
        server = subprocess.Popen([bench.bin, "db", "serve", f"--statedir={state}", "--device=cpu", "--db-cpus=1"],
                                  stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        try:
            path = server.stdout.readline().split("unix://")[1].strip()
            # libtorch comes a moment after the database: its 90 MB are nobody's client
            while "inferdb_backend:torch" not in bench.call("redis-cli", "-s", path, "info", "inferdb"):
                time.sleep(0.1)
            info = bench.call("redis-cli", "-s", path, "info", "server")
            yield path, int(info.split("process_id:")[1].split()[0])
        finally:
            server.terminate()
            server.wait(timeout=20)


def resident(pid):
    """kB"""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(file.read().split("VmRSS:")[1].split()[0])


class Tensor(ctypes.Structure):
    _fields_ = [("key", ctypes.c_char_p), ("type", ctypes.c_int), ("rank", ctypes.c_int),
                ("shape", ctypes.POINTER(ctypes.c_int64)), ("data", ctypes.c_void_p)]


class Loop:
    """put, run and get of a model that doubles 64 floats, call after call, by our own client library's C interface"""

    def __init__(self, bench, path):
        self.lib = ctypes.CDLL(f"{bench.build}/lib/libinferclient.so")
        self.lib.inferclient_error.restype = ctypes.c_char_p
        self.handle = ctypes.c_void_p()
        self.check(self.lib.inferclient_connect(ctypes.byref(self.handle), f"unix://{path}".encode(), 0))
        model = f"{bench.dir}/double.pt"
        torchscript.write(model, "x: Tensor -> Tensor", ["return torch.mul(x, 2)"])
        self.check(self.lib.inferclient_set_model_from_file(self.handle, b"double", model.encode(), b"CPU", 1))
        self.input = (ctypes.c_float * 64)(*range(64))
        self.output = (ctypes.c_float * 64)()
        self.tensor = Tensor(b"x", 0, 2, (ctypes.c_int64 * 2)(1, 64), ctypes.cast(self.input, ctypes.c_void_p))
        self.inputs, self.outputs = (ctypes.c_char_p * 1)(b"x"), (ctypes.c_char_p * 1)(b"y")

    def check(self, code):
        if code != 0:
            raise RuntimeError(self.lib.inferclient_error(self.handle).decode())

    def turns(self, count):
        lib, handle = self.lib, self.handle
        tensor, size = ctypes.byref(self.tensor), ctypes.sizeof(self.output)
        for _ in range(count):
            self.check(lib.inferclient_put_tensor(handle, tensor))
            self.check(lib.inferclient_run_model(handle, b"double", self.inputs, 1, self.outputs, 1, 0))
            self.check(lib.inferclient_get_tensor(handle, b"y", 0, self.output, size))
        if self.output[63] != 126:
            raise RuntimeError("a wrong result")

    def close(self):
        self.lib.inferclient_free(self.handle)


@figure()
def soak(bench):
    """SOAK=n takes n turns instead of a million"""
    turns = int(os.environ.get("SOAK", 1000000))
    with database(bench) as (path, pid):
        loop = Loop(bench, path)
        loop.turns(turns // 10)
        early = resident(pid)
        loop.turns(turns - turns // 10)
        late = resident(pid)
        loop.close()
    say("soak", late / early, "<=1.01", f"resident kB of redis-server after {turns} put+run+get / after a tenth of them", turns)


@figure()
def idle_clients(bench):
    """kB of resident memory for each client that has connected and asked once"""
    with database(bench) as (path, pid):
        def connect():
            client = socket.socket(socket.AF_UNIX)
            client.connect(path)
            client.sendall(b"PING\r\n")
            if client.recv(64) != b"+PONG\r\n":
                raise RuntimeError("no answer to PING")
            return client

        warm = [connect() for _ in range(10)]
        before = resident(pid)
        clients = [connect() for _ in range(CLIENTS)]
        each = (resident(pid) - before) / CLIENTS
        for client in warm + clients:
            client.close()
    say("idle_clients", each, "<=64", f"kB of resident memory for each of {CLIENTS} idle clients", CLIENTS)
