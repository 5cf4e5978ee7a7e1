"""A client of the Redis protocol for tests: the standard library alone.

    db = Client("/path/to/socket")
    db("AI.TENSORSET", "x", "FLOAT", 2, "VALUES", 1, 2)      # str, bytes and numbers; b"OK"

Replies: bytes (of simple and bulk strings), int, None, list; an error reply raises Problem, or is returned by ask().
send() and receive() split a call in two, for several commands under way at once.
"""
import socket


class Problem(Exception):
    """An error reply."""


class Client:
    def __init__(self, path, timeout=60):
        """`path` of a Unix socket, or (host, port)."""
        family = socket.AF_UNIX if isinstance(path, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rb")

    def close(self):
        self.stream.close()
        self.socket.close()

    def send(self, *words):
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode()
            parts += [b"$%d\r\n" % len(word), word, b"\r\n"]
        self.socket.sendall(b"".join(parts))

    def receive(self):
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            return Problem(rest.decode(errors="backslashreplace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            size = int(rest)
            return None if size < 0 else self.stream.read(size + 2)[:-2]
        if kind == b"*":
            return None if int(rest) < 0 else [self.receive() for _ in range(int(rest))]
        raise ConnectionError(f"unexpected reply {line!r}")

    def ask(self, *words):
        self.send(*words)
        return self.receive()

    def __call__(self, *words):
        reply = self.ask(*words)
        if isinstance(reply, Problem):
            raise reply
        return reply
