"""The arena's protocol from the outside (runtime/core/arena_layout.hpp), for tests: the standard library alone.

    arena = Arena("/path/of/db.arena", wish=1 << 20)
    arena.put("x", [1.0, 2.0])                 # returns; no command was sent
    arena.message(key=b"x", type=9, …)         # any message, right or wrong

What a test does here an honest client never does: places are reused as the test says.
"""
import mmap
import os
import socket
import struct
import time

MAGIC, VERSION = 0x1F57A4E0, 1
RING, SLOTS, RANK, KEY = 256, 1024, 8, 416
PUBLISHED, DRAINED, ERRORS, CLOSED, ERROR = 64, 128, 136, 140, 144
SLOT_TABLE = 704
MESSAGES = SLOT_TABLE + 4 * SLOTS
DATA = (MESSAGES + 512 * RING + 4095) // 4096 * 4096


class Refused(Exception):
    """The database gave no arena."""


class Arena:
    def __init__(self, path, wish=1 << 20, least=None, clock=0, version=VERSION):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(20)
        self.socket.connect(path)
        hello = struct.pack("=IIQQq", MAGIC, version, wish if least is None else least, wish, time.monotonic_ns() + clock)
        self.socket.sendall(hello)
        answer, files, _, _ = socket.recv_fds(self.socket, 128, 1)
        if len(answer) != 128:
            raise Refused("no answer")
        _, _, self.token, self.bytes, refusal = struct.unpack("=IIQQ104s", answer)
        if self.bytes == 0:
            raise Refused(refusal.rstrip(b"\0").decode())
        self.file = files[0]
        self.memory = mmap.mmap(self.file, DATA + self.bytes)
        self.published = 0

    def close(self):
        self.socket.close()
        self.memory.close()
        os.close(self.file)

    def number(self, at, form="=Q"):
        return struct.unpack_from(form, self.memory, at)[0]

    def drained(self):
        return self.number(DRAINED)

    def closed(self):
        return self.number(CLOSED, "=I") != 0

    def problem(self):
        """(how many puts were refused, why the first one)"""
        return self.number(ERRORS, "=I"), self.memory[ERROR:ERROR + 496].split(b"\0")[0].decode()

    def slot(self, number):
        return self.number(SLOT_TABLE + 4 * number, "=I")

    def message(self, key, type=0, shape=(1,), offset=0, bytes=None, slot=0, stamp=None, key_bytes=None, rank=None, count=1):
        size = (4, 8, 1, 2, 4, 8, 1, 2)[type % 8]
        for extent in shape:
            size *= extent
        extents = (list(shape) + [0] * RANK)[:RANK]
        struct.pack_into("=qQQ8qIHBB416s", self.memory, MESSAGES + 512 * (self.published % RING),
                         time.monotonic_ns() if stamp is None else stamp, offset, size if bytes is None else bytes, *extents,
                         slot, len(key) if key_bytes is None else key_bytes, type, len(shape) if rank is None else rank, key)
        struct.pack_into("=I", self.memory, SLOT_TABLE + 4 * (slot % SLOTS), 1)
        self.published += count
        struct.pack_into("=Q", self.memory, PUBLISHED, self.published)

    def put(self, key, values, slot=0, offset=0, **fields):
        data = struct.pack(f"={len(values)}f", *values)
        self.memory[DATA + offset:DATA + offset + len(data)] = data
        self.message(key.encode(), shape=(len(values),), slot=slot, offset=offset, **fields)

    def scribble(self, seconds, seed=0):
        """Random bytes over everything for some seconds"""
        import random
        source = random.Random(seed)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            length = source.choice((1, 2, 8, 64, 4096))
            at = source.randrange(0, source.choice((256, MESSAGES, DATA, DATA + self.bytes)) - length if length < 256 else DATA)
            self.memory[at:at + length] = source.randbytes(length)
