"""A PMI2 client of a few lines, as MPI libraries are at their start: every rank leaves a word and reads its neighbour's."""
import os
import socket

pmi = socket.socket(fileno=int(os.environ["PMI_FD"]))
rank, size = int(os.environ["PMI_RANK"]), int(os.environ["PMI_SIZE"])


def receive(count):
    data = b""
    while len(data) < count:
        data += pmi.recv(count - len(data)) or exit("the connection is lost")
    return data


def ask(command, **words):
    text = f"cmd={command};" + "".join(f"{k}={v};" for k, v in words.items())
    pmi.sendall(f"{len(text):6}{text}".encode())
    answer = receive(int(receive(6))).decode()
    fields = dict(field.split("=", 1) for field in answer.rstrip(";").split(";"))
    assert fields.get("rc") == "0", answer
    return fields


pmi.sendall(b"cmd=init pmi_version=2 pmi_subversion=0\n")
while not receive(1) == b"\n":
    pass
ask("fullinit", pmijobid=os.environ["PMI_JOBID"], pmirank=rank, threaded="FALSE")
ask("kvs-put", key=f"r{rank}", value=f"word{rank}")
ask("kvs-fence")
print(rank, ask("kvs-get", jobid=os.environ["PMI_JOBID"], srcid=-1, key=f"r{(rank + 1) % size}")["value"])
ask("finalize")
