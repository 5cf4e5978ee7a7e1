#!/usr/bin/env python3
"""Let a database hold some memory and use some CPU time: db_burn.py MEGABYTES CPU_SECONDS [SECONDS]

Talks to the database in $SSDB, a Unix socket. The work is a search through a long list, so that the CPU time is the
database's and hardly ours. Stays for SECONDS afterwards, so that Slurm looks once more. Prints the database's own figures.
"""
import os
import socket
import sys
import time


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.connect(os.environ["SSDB"].removeprefix("unix://"))
    return s, s.makefile("rb")


def call(connection, *words):
    s, answers = connection
    words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
    line = answers.readline()
    if line[:1] == b"-":
        sys.exit(line.decode())
    return answers.read(int(line[1:]) + 2)[:-2] if line[:1] == b"$" else line


def figure(connection, section, name):
    for line in call(connection, "info", section).decode().splitlines():
        if line.startswith(name + ":"):
            return float(line.split(":")[1])
    sys.exit(f"INFO {section} has no {name}")


def main():
    megabytes, seconds = int(sys.argv[1]), float(sys.argv[2])
    db = connect()
    for i in range(megabytes):
        call(db, "hset", "burn", i, bytes(1_000_000))
    for _ in range(20):
        call(db, "rpush", "burn-list", *["a value of some length"] * 10_000)
    while (used := figure(db, "cpu", "used_cpu_user") + figure(db, "cpu", "used_cpu_sys")) < seconds:
        call(db, "lrem", "burn-list", 0, "another")
    time.sleep(float(sys.argv[3]) if len(sys.argv) > 3 else 0)
    print(f"cpu {used:.2f} rss {figure(db, 'memory', 'used_memory_rss'):.0f}", flush=True)


main()
