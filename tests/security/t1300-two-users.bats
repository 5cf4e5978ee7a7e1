#!/usr/bin/env bats
# Two users on one node at one time. The second is made for this file and tries, from a step of its own on the same node,
# what must not work; the same attempts by the first user, from another step, do work: so they are tried in earnest.

load ../lib/cluster

setup_file() {
    cluster_start
    [ -z "${CLUSTER_MISSING-}" ] || return 0
    export SECOND=second$$ SHARED
    SHARED=$(mktemp -d /tmp/two.XXXX) # where both can go
    useradd -M -d "$SHARED" -s /bin/bash -c "$CLUSTER_DIR" "$SECOND"
    chmod 1777 "$SHARED"
    attempts >"$SHARED/attempts"
    chmod 755 "$SHARED/attempts"
}
teardown_file() {
    [ -n "${CLUSTER_MISSING-}" ] || {
        user_run scancel -u "$CLUSTER_USER"
        userdel -f "$SECOND" 2>/dev/null || true
        rm -rf "${SHARED:?}"
    }
    cluster_stop
}
setup() { cluster_require; }

second_run() {
    ( cd "$SHARED" && timeout -k 5 60 setpriv --reuid="$(id -u "$SECOND")" --regid="$(id -g "$SECOND")" --clear-groups --no-new-privs \
        env -i --default-signal HOME="$SHARED" USER="$SECOND" LOGNAME="$SECOND" SLURM_CONF="$SLURM_CONF" \
        PATH="$CLUSTER_STAGE/bin:/usr/local/bin:/usr/bin:/bin" "$@" 3>&- )
}

# attempts STATEDIR ADDRESS SUPERVISOR REDIS RECORDS: prints a line NAME yes|no for each.
attempts() {
    cat <<'PY'
#!/usr/bin/python3
import ctypes, glob, os, signal, socket, subprocess, sys
state, address, supervisor, redis, records = sys.argv[1:3] + [int(p) for p in sys.argv[3:5]] + sys.argv[5:]
libc = ctypes.CDLL(None, use_errno=True)

def connect(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(path)
        return True

def content(path):
    with open(path, "rb") as f:
        f.read(1)
    return True

def pidfd(pid):
    fd = libc.syscall(434, pid, 0)
    taken = libc.syscall(438, fd, 0, 0)               # pidfd_getfd
    return taken >= 0

def trace(pid):
    if libc.ptrace(0x4206, pid, 0, 0) != 0:           # PTRACE_SEIZE
        return False
    libc.ptrace(17, pid, 0, 0)                        # PTRACE_DETACH, which fails while it runs; our end detaches
    return True

def status(*words):
    out = subprocess.run(["inferstep", "db", "status", *words], capture_output=True, text=True, timeout=30)
    return out.returncode == 0 and state in address + out.stdout + out.stderr

tries = {
    "connect": lambda: connect(address),
    "arena": lambda: connect(address.replace(".sock", ".arena")),
    "list": lambda: bool(os.listdir(state)),
    "log": lambda: content(state + "/db0.log"),
    "record": lambda: content(glob.glob(records + "/*/*.json")[0]),
    "environ": lambda: content(f"/proc/{redis}/environ"),
    "maps": lambda: content(f"/proc/{redis}/maps"),
    "mem": lambda: content(f"/proc/{redis}/mem") if False else os.access(f"/proc/{redis}/mem", os.R_OK),
    "fds": lambda: bool(os.listdir(f"/proc/{redis}/fd")),
    "getfd": lambda: pidfd(redis),
    "trace": lambda: trace(redis),
    "signal": lambda: os.kill(redis, 0) is None,
    "signal-supervisor": lambda: os.kill(supervisor, 0) is None,
    "status": lambda: status("unix://" + address),
}
for name, attempt in tries.items():
    try:
        done = attempt()
    except (OSError, IndexError):
        done = False
    print(name, "yes" if done else "no")
PY
}

victim() { # a step of the first user on node 1, in the background; sets STATE, REDIS, SUPERVISOR
    rm -f "$CLUSTER_WORK/go"
    mkdir -p -m 755 "$SHARED/records" && chown "$CLUSTER_USER" "$SHARED/records"
    user_background srun -w "${CLUSTER_PREFIX}1" -n1 -c3 --mem=1000 --infer-colocate=1 --infer-db-cpus=1 --infer-outdir="$SHARED/records" \
        sh -c 'umask 022; redis-cli -s "${SSDB#unix://}" set k secret >/dev/null; echo "$SLURM_JOB_ID" >job; echo "$INFER_STATE_DIR" >go.new; mv go.new go; exec sleep 100'
    for _ in $(seq 300); do [ ! -e "$CLUSTER_WORK/go" ] || break; sleep 0.1; done
    STATE=$(cat "$CLUSTER_WORK/go")
    REDIS=$(pgrep -u "$CLUSTER_USER" --runstates RSDT -x redis-server) SUPERVISOR=$(pgrep -u "$CLUSTER_USER" --runstates RSDT -x inferstep)
}
expect_end() { timeout 20 tail -s 0.05 --pid="$BACKGROUND_PID" -f /dev/null; }

@test "S12: another user on the node cannot connect, list, read, trace or signal, and finds nothing in the own status" {
    # an earlier step of the first user has left its record
    mkdir -p -m 755 "$SHARED/records" && chown "$CLUSTER_USER" "$SHARED/records"
    user_run srun -N1 -n1 -c2 --infer-colocate=1 --infer-db-cpus=1 --infer-outdir="$SHARED/records" true
    victim
    words=("$SHARED/attempts" "$STATE" "$STATE/db0.sock" "$SUPERVISOR" "$REDIS" "$SHARED/records")
    mine=$(user_run srun -w "${CLUSTER_PREFIX}1" -n1 -c1 --mem=200 "${words[@]}")
    theirs=$(second_run srun -w "${CLUSTER_PREFIX}1" -n1 -c1 --mem=200 "${words[@]}")
    paste <(echo "$mine") <(echo "$theirs")
    [ "$(wc -l <<<"$mine")" = 14 ] && [ "$(grep -c ' no$' <<<"$mine")" = 0 ]
    [ "$(wc -l <<<"$theirs")" = 14 ] && [ "$(grep -c ' yes$' <<<"$theirs")" = 0 ]
    # a step of the second user beside it: each sees its own
    run second_run srun -w "${CLUSTER_PREFIX}1" -n1 -c2 --mem=500 --infer-colocate=1 --infer-db-cpus=1 sh -c \
        'inferstep db status >status; grep -c "$1" status; redis-cli -s "${SSDB#unix://}" get k; inferstep db sweep; stat -c %U "$INFER_STATE_DIR"; rm status' _ "$CLUSTER_UID"
    echo "$output"
    [ "$output" = "0

$SECOND" ]
    second_run scancel "$(cat "$CLUSTER_WORK/job")" || true
    [ "$(user_run srun --overlap --jobid="$(cat "$CLUSTER_WORK/job")" redis-cli -s "$STATE/db0.sock" get k)" = secret ]
    user_run scancel "$(cat "$CLUSTER_WORK/job")"
    expect_end
    assert_clean
}

@test "S12: a user who has taken the names of the next steps on a node hinders nobody, and loses nothing" {
    job=$(next_job_id)
    second_run srun -w "${CLUSTER_PREFIX}1" -n1 sh -c 'mkdir -m 777 "$1$2.0-$3" && ln -s /etc "$1$(($2 + 1)).0-$3" && mkfifo "$1$(($2 + 2)).0-$3"' \
        _ "/dev/shm/inferstep-$CLUSTER_UID-" $((job + 1)) "${CLUSTER_PREFIX}1"
    for _ in 1 2 3; do
        run user_run srun -w "${CLUSTER_PREFIX}1" -n1 -c2 --infer-colocate=1 --infer-db-cpus=1 sh -c \
            'redis-cli -s "${SSDB#unix://}" ping; stat -c %a:%u "$INFER_STATE_DIR"; echo "$INFER_STATE_DIR"'
        echo "$output"
        [[ $output == PONG*"700:$CLUSTER_UID"*-????????* ]]
    done
    [ "$(second_run srun -w "${CLUSTER_PREFIX}1" -n1 sh -c 'ls -d "$1"* | wc -l; rm -r "$1"*' _ "/dev/shm/inferstep-$CLUSTER_UID-")" = 3 ]
    assert_clean
}
