"""Ask a standard database everything that must hold, as a client of Redis Cluster that has the standard library alone.

SSDB and INFER_DB_SECRET_FILE name the database. On every shard there must be the model `double`, under the shard's
tag, and with an argument the script of that name, with a function `triple`.
"""
import os
import struct
import sys

from resp import Client, Problem


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return crc


def tag_of(slot):
    """The shortest text without a brace whose CRC16 is the slot, found by looking."""
    for high in range(256):
        for low in range(256):
            text = bytes([high, low])
            if crc16(text) == slot and not set(text) & set(b"{}"):
                return text
    raise AssertionError(f"no tag of two bytes for slot {slot}")


def connect(address):
    host, port = address.rsplit(":", 1)
    db = Client((host, int(port)))
    if os.environ.get("INFER_DB_SECRET_FILE"):
        with open(os.environ["INFER_DB_SECRET_FILE"]) as file:
            assert db("AUTH", file.read()) == b"OK"
    return db


addresses = os.environ["SSDB"].split(",")
shards = {address: connect(address) for address in addresses}
slots = sorted(
    (low, high, f"{where[0].decode()}:{where[1]}") for low, high, where, *_ in shards[addresses[0]]("CLUSTER", "SLOTS")
)
assert [where for _, _, where in slots] == addresses, (slots, addresses)  # SSDB is in the order of the slots

keys = 0
for i in range(64):
    key = f"key{i}".encode()
    slot = crc16(key) % 16384
    owner = next(where for low, high, where in slots if low <= slot <= high)
    assert shards[owner]("SET", key, str(i)) == b"OK"
    other = next(address for address in addresses if address != owner)
    answer = shards[other].ask("GET", key)
    assert isinstance(answer, Problem) and str(answer) == f"MOVED {slot} {owner}", answer
    keys += 1

runs = 0
for low, _, where in slots:
    db, prefix = shards[where], b"{" + tag_of(low) + b"}."
    db("AI.TENSORSET", prefix + b"x", "FLOAT", 2, "BLOB", struct.pack("<2f", 1.5, -2))
    db("AI.MODELEXECUTE", prefix + b"double", "INPUTS", 1, prefix + b"x", "OUTPUTS", 1, prefix + b"y")
    assert struct.unpack("<2f", db("AI.TENSORGET", prefix + b"y", "BLOB")) == (3, -4)
    for script in sys.argv[1:]:
        db("AI.SCRIPTRUN", prefix + script.encode(), "triple", "INPUTS", prefix + b"x", "OUTPUTS", prefix + b"z")
        assert struct.unpack("<2f", db("AI.TENSORGET", prefix + b"z", "BLOB")) == (4.5, -6)
    runs += 1

total = sum(high - low + 1 for low, high, _ in slots)
print(f"{len(slots)} shards, {total} slots, {keys} keys, {runs} inferences")
