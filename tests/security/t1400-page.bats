#!/usr/bin/env bats
# The page that slurmstepd shares with the user's processes, in the hands of an enemy: a program in the place of the
# supervisor, who is the user, writes what it likes into it while slurmstepd reads, keeps the pipe of the step's life open,
# and gives pids of others as its own. Four nodes at once, because slurmstepd waits ten seconds for such a supervisor.

load ../lib/cluster

setup_file() {
    cluster_start --nodes 4
    [ -z "${CLUSTER_MISSING-}" ] || return 0
    enemy >"$CLUSTER_STAGE/enemy"
    chmod 755 "$CLUSTER_STAGE/enemy"
}
teardown_file() {
    [ -n "${CLUSTER_MISSING-}" ] || rm -rf "$CLUSTER_STAGE/enemy" "$CLUSTER_STAGE/named"
    cluster_stop
}
setup() { cluster_require; }

# `db serve` is the enemy; `db sweep`, which slurmstepd starts, and `record`, which srun starts, are the real thing.
enemy() {
    cat <<PY
#!/usr/bin/python3
import ctypes, fcntl, json, mmap, os, random, struct, sys, time
if sys.argv[2:3] != ["serve"]:
    if sys.argv[2:3] == ["sweep"]:
        open("$CLUSTER_WORK/swept." + os.environ["SLURMD_NODENAME"], "w").write(" ".join(sys.argv))
    os.execv("$CLUSTER_STAGE/bin/inferstep", sys.argv)
node = os.environ["SLURMD_NODENAME"]
job = json.load(open("$CLUSTER_WORK/enemy.json"))[node]
size = os.fstat(3).st_size
PY
    cat <<'PY'
said = []
def refused(name, call):                         # sealed: the page keeps its size, whatever its writer tries
    try:
        call()
        said.append(name + " worked")
    except OSError:
        pass
refused("shrink", lambda: os.ftruncate(3, 0))
refused("grow", lambda: os.ftruncate(3, size + 4096))
refused("seal", lambda: fcntl.fcntl(3, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE))
refused("reopen", lambda: os.ftruncate(os.open("/proc/self/fd/3", os.O_RDWR), 0))
refused("pipe", lambda: os.write(os.open("/proc/self/fd/4", os.O_WRONLY | os.O_NONBLOCK), b"x"))
page = mmap.mmap(3, size)
libc = ctypes.CDLL(None)
before = page[:]
libc.fallocate(3, 3, ctypes.c_long(0), ctypes.c_long(size))       # a hole in it, which is allowed: zeros
page[:] = before
task = size - 264                                # the one task: pid, instance, mask before, mask after
page[task + 136:task + 264] = page[task + 8:task + 136]
page[44:52] = struct.pack("ii", job["pid"], job["pid"])   # guard and supervisor, they say
page[40:44] = struct.pack("I", 1)                # ready
libc.syscall(202, ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(page)) + 40), 1, 1 << 20, None, None, 0)
open(job["said"], "w").write("\n".join(said) + "\n")
if job["scribble"]:
    time.sleep(1)                                # the task runs
    while True:
        at = random.randrange(0, size - 64)
        page[at:at + 64] = os.urandom(64)
        page[40:52] = os.urandom(12)
time.sleep(100)                                  # the pipe of the step's life stays open
PY
}

@test "S1: whatever stands in the page, slurmstepd survives, signals nobody else's process, and ends the step" {
    # a process of root's, one of another user's, both called like a supervisor; and a slurmstepd that is the user
    # while it waits for somebody to read what the job prints
    mkdir -p "$CLUSTER_STAGE/named" && cp /bin/sleep "$CLUSTER_STAGE/named/inferstep"
    "$CLUSTER_STAGE/named/inferstep" 300 3>&- &
    roots=$!
    setpriv --reuid=65534 --regid=65534 --clear-groups "$CLUSTER_STAGE/named/inferstep" 300 3>&- &
    others=$!
    user_run mkfifo fifo
    user_run sbatch -w "${CLUSTER_PREFIX}4" -n1 -c1 --mem=100 -o fifo --wrap true >"$CLUSTER_DIR/log/enemy.job"
    blocked=$(sed 's/[^0-9]*//g' "$CLUSTER_DIR/log/enemy.job")
    for _ in $(seq 100); do
        stepd=$(stepd_pids "$blocked.batch")
        [ -n "$stepd" ] && awk -v u="$CLUSTER_UID" '$1 == "Uid:" && $2 == 0 && $3 == u { found = 1 } END { exit !found }' "/proc/$stepd/status" && break
        sleep 0.1
    done
    echo "slurmstepd $stepd: $(grep Uid: "/proc/$stepd/status")"

    daemons=$(for i in 1 2 3 4; do slurmd_pid $i; done)
    for i in 1 2 3 4; do
        echo "\"${CLUSTER_PREFIX}$i\": {\"pid\": $(cut -d' ' -f$i <<<"$$ $roots $others $stepd"), \"scribble\": $((i == 1)), \"said\": \"$CLUSTER_WORK/said.$i\"}"
    done | paste -sd, | sed 's/^/{/; s/$/}/' >"$CLUSTER_WORK/enemy.json"
    chmod 644 "$CLUSTER_WORK/enemy.json"
    plugstack_with "inferstep=$CLUSTER_STAGE/enemy"
    run user_run srun -N4 --ntasks-per-node=1 -c2 --mem=200 --infer-colocate=1 --infer-db-cpus=1 sleep 2
    plugstack_restore
    echo "$output"
    [ "$status" = 0 ]
    for i in 1 2 3 4; do
        [ "$(cat "$CLUSTER_WORK/said.$i")" = "" ] || { cat "$CLUSTER_WORK/said.$i"; return 1; }
    done
    # what root was told of the page went to the user's own sweep, which could not signal them
    grep -q -- "--end=$roots,$roots" "$CLUSTER_WORK/swept.${CLUSTER_PREFIX}2"
    grep -q -- "--end=$others,$others" "$CLUSTER_WORK/swept.${CLUSTER_PREFIX}3"
    grep -q -- "--end=$stepd,$stepd" "$CLUSTER_WORK/swept.${CLUSTER_PREFIX}4"
    for pid in $roots $others $stepd $daemons $$; do
        kill -0 "$pid" || { echo "$pid was killed"; return 1; }
    done
    # srun may end before slurmstepd has ended what was left
    for _ in $(seq 100); do pgrep -u "$CLUSTER_USER" -f 'enemy db serve' >/dev/null || break; sleep 0.1; done
    [ "$(pgrep -u "$CLUSTER_USER" -fc 'enemy db serve' || true)" = 0 ]
    # slurmstepd ended each step itself
    [ "$(cat "$CLUSTER_DIR/log/"slurmd*.log | grep -c 'the databases had not ended after')" -ge 4 ]
    kill "$roots" "$others"
    user_run timeout 10 cat fifo || true
    user_run scancel "$blocked" || true
    rm -f "$CLUSTER_WORK"/{fifo,enemy.json,said.*,swept.*}
    assert_clean 15
}
