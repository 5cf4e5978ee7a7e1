"""What a node of a step costs, in a step of 64 emulated nodes over steps of one"""
import glob
import json
import os
import re
import resource
import shlex
import statistics
import subprocess
import tempfile
import time

from common import TOP, figure, replace, say

NODES = 64
DATABASE = "-c2 --infer-colocate=1 --infer-db-cpus=1"
# The loader works in order, so libtorch is open when this is answered: else a step that takes longer would get further.
OPEN = "sh -c " + shlex.quote("redis-cli -s ${SSDB#unix://} AI.SCRIPTSET s CPU SOURCE 'def f(x): return x' >/dev/null")
TRACED = "fork,vfork,clone,clone3,openat,connect,write,writev,pwrite64,sendto,sendmsg"


class Nodes:
    """A cluster of 64 nodes, and the CPU seconds that its kernel counts for what runs in their jobs' cgroups"""

    def __init__(self, bench):
        self.bench = bench
        self.cluster = f"{TOP}/contrib/cluster/cluster"
        self.dir = bench.call(self.cluster, "up", "--stage", "--nodes", str(NODES), "--cpus", "4", "--no-dbd",
                              env={**os.environ, "BUILD": bench.build}).strip()
        words = bench.call(self.cluster, "env", "--dir", self.dir).replace("export ", "").split()
        self.env = {**os.environ, **dict(w.split("=", 1) for w in words)}
        self.prefix = self.env["CLUSTER_PREFIX"]
        self.trace_file = os.path.join(self.env["CLUSTER_WORK"], "trace")

    def counters(self):
        return glob.glob(f"/sys/fs/cgroup/cpuacct/slurm_{self.prefix}[0-9]*/cpuacct.usage")

    def used(self):
        while self.bench.call("squeue", "-h", env=self.env):
            time.sleep(0.05)
        return sum(int(open(path, encoding="ascii").read()) for path in self.counters()) / 1e9

    def run(self, command):
        return self.bench.call(self.cluster, "run", "--dir", self.dir, "--", "sh", "-c", command)

    def cost(self, command):
        """CPU seconds per node"""
        before = self.used()
        self.run(command)
        return (self.used() - before) / NODES

    def together(self, options, task):
        return self.cost(f"srun -N{NODES} {options} {task}")

    def apart(self, options, task):
        """As many steps of one node each at the same time: the machine is as busy as with one of all nodes"""
        return self.cost(f"for i in $(seq {NODES}); do srun -Q -N1 -n1 -w {self.prefix}$i {options} {task} & done; wait")

    def trace(self, nodes):
        """What the supervisor and the database of the first node do, in a step of so many nodes"""
        log = self.trace_file
        subprocess.run(["rm", "-f", log], check=True)
        self.run(f"srun -N{nodes} -n{nodes} {DATABASE} {OPEN}")
        return count(open(log, encoding="utf-8", errors="replace").read())

    def trace_first_node(self):
        program = f"{self.dir}/stage/bin/inferstep"
        replace(f"{program}-traced", f"""#!/bin/sh
if [ "$2" = serve ] && [ "$(uname -n)" = {self.prefix}1 ]; then
    exec {self.bench.call('which', 'strace').strip()} -f -y -qq -e trace={TRACED} -o {self.trace_file} {program} "$@"
fi
exec {program} "$@"
""")
        os.chmod(f"{program}-traced", 0o755)
        self.bench.call(self.cluster, "plugin", "--dir", self.dir, f"inferstep={program}-traced")

    def down(self):
        self.bench.call(self.cluster, "down", "--dir", self.dir)


def count(trace):
    """Counts out of strace's log; a call that was interrupted by another process's has its result on a later line"""
    found = {"forks": 0, "opens": 0, "bytes": 0, "rpcs": 0}
    for line in trace.splitlines():
        call = re.search(r"(\w+)(?:\(| resumed>)", line)
        result = re.search(r"= (\d+)(?:<(.*)>)?$", line)
        if call and call[1] == "connect" and re.search(r"sa_family=AF_INET6?\b|TCP", line):
            found["rpcs"] += 1          # all that could reach slurmctld or another node
        if not call or not result:
            continue
        if call[1] in ("fork", "vfork", "clone", "clone3"):
            found["forks"] += 1
        elif call[1] == "openat" and not (result[2] or "").startswith("/proc/"):
            found["opens"] += 1         # Redis reads /proc/self/stat ten times a second
        elif "write" in call[1] or "send" in call[1]:
            found["bytes"] += int(result[1])
    return found


@figure(root=True)
def start_nodes(bench):
    """CPU seconds per node of supervisor and database, and what they do, at 64 nodes over 1"""
    nodes = Nodes(bench)
    try:
        if not nodes.counters():
            say("start_nodes", "skipped: the jobs' CPU time is read from cgroup v1", "<=1.1", "-", 0)
            return
        nodes.together(DATABASE, OPEN)  # files get into the page cache
        ratios = []
        for _ in range(3):
            one = nodes.together(DATABASE, OPEN) - nodes.together("", "true")
            many = nodes.apart(DATABASE, OPEN) - nodes.apart("", "true")
            ratios.append(one / many)
        say("start_nodes", statistics.median(ratios), "<=1.1",
            "CPU s per node of our processes with libtorch open, one step of 64 nodes / 64 steps of one", len(ratios))
        nodes.trace_first_node()
        few, all_nodes = nodes.trace(1), nodes.trace(NODES)
        for name, goal in (("forks", "=1"), ("opens", "=1"), ("bytes", "~1")):
            say(f"start_nodes_{name}", all_nodes[name] / few[name], goal,
                f"of one node at 64 nodes / at 1 ({all_nodes[name]} / {few[name]})", 1)
        say("start_nodes_rpcs", float(all_nodes["rpcs"]), f"={few['rpcs']}", "connections over a network of one node at 64 nodes", 1)
    finally:
        nodes.down()


def merge(bench, part, nodes):
    """CPU seconds of `inferstep record` for a step of so many nodes"""
    with tempfile.TemporaryDirectory(dir=bench.dir) as directory:
        for i in range(nodes):
            part.update(node=f"n{i:05d}", node_index=i, nodes=nodes, job="7", step="0")
            with open(f"{directory}/step_n{i:05d}.json", "w", encoding="utf-8") as f:
                json.dump(part, f, indent=1)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        bench.call(bench.bin, "record", "--job=7", "--step=0", directory, env={"PATH": "/nowhere"})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        size = os.path.getsize(f"{directory}/step.json")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, size


@figure()
def record_nodes(bench):
    """The merge of the nodes' records at the end of a step: CPU time for 10,000 nodes over ten times that for 1,000"""
    bench.call(bench.bin, "run", "--colocate=1", "--db-cpus=1", "--pin-app=no", f"--outdir={bench.dir}/part", "-n1", "--", "true")
    part = json.load(open(glob.glob(f"{bench.dir}/part/*/step.json")[0], encoding="utf-8"))["nodes"][0]
    pairs = [(merge(bench, part, 10_000), merge(bench, part, 1_000)) for _ in range(3)]
    seconds = statistics.median(large for (large, _), _ in pairs)
    say("record_nodes", statistics.median(large / (10 * small) for (large, _), (small, _) in pairs), "<=1.3",
        f"CPU s of the merge, 10,000 nodes / 10 * 1,000; {seconds:.2f} s and {pairs[0][0][1] / 1e6:.0f} MB for 10,000", len(pairs))
