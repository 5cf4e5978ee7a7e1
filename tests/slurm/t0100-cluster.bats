#!/usr/bin/env bats
# The throwaway cluster itself: what it boots, what its nodes look like to a task, and that nothing of it stays.
bats_require_minimum_version 1.5.0
load ../lib/cluster

setup_file() { cluster_start --bare; }
teardown_file() { cluster_stop; }
setup() { cluster_require; }

# A test that fails half-way leaves no second cluster.
teardown() {
    [ ! -e "${other-/nowhere}/cluster.env" ] || "$cluster" down --dir "$other"
    [ -n "${CLUSTER_MISSING-}" ] || wait_idle
}

# Wait until the scan of a cluster lists a line with all of these words: scan_shows DIR WORD…
scan_shows() {
    local attempt word lines
    for attempt in $(seq 100); do
        lines=$("$cluster" scan --dir "$1") || true
        for word in "${@:2}"; do
            lines=$(grep -F -- "$word" <<<"$lines") || true
        done
        [ -z "$lines" ] || return 0
        sleep 0.1
    done
    echo "scan never showed a line with: ${*:2}" >&2
    return 1
}

user_python() { # a program on stdin, run in a task with four of the pretended CPUs
    cat >"$CLUSTER_WORK/program.py"
    user_run srun -n1 -c4 --cpu-bind=cores /usr/bin/python3 "$CLUSTER_WORK/program.py"
}

# What is there of a cluster with this directory and user, in one word each.
remains_of() { # directory, user, node prefix
    [ ! -e "$1" ] || echo directory
    ! getent passwd "$2" >/dev/null || echo user
    ! compgen -G "/sys/fs/cgroup/*/slurm_${3}[0-9]*" >/dev/null || echo cgroup
    ! grep -qs "$1" /proc/[0-9]*/mountinfo || echo mount
    ! ps -e -o stat=,args= | grep -v '^Z' | grep -v grep | grep -F "$1" || echo process
}

@test "four nodes answer with names of their own" {
    run -0 user_run srun -N4 hostname
    [ "$(sort <<<"$output" | xargs)" = "${CLUSTER_PREFIX}1 ${CLUSTER_PREFIX}2 ${CLUSTER_PREFIX}3 ${CLUSTER_PREFIX}4" ]
}

@test "jobs run as an unprivileged user in a private work directory" {
    run -0 user_run srun sh -c 'id -un; pwd; touch mine && stat -c %a .'
    [ "$output" = "$CLUSTER_USER"$'\n'"$CLUSTER_WORK"$'\n'700 ]
}

@test "each node has a /dev/shm of its own" {
    user_run srun -N2 sh -c 'echo $SLURMD_NODENAME >/dev/shm/name'
    run -0 user_run srun -N2 sh -c 'cat /dev/shm/name; rm /dev/shm/name'
    [ "$(sort <<<"$output" | xargs)" = "${CLUSTER_PREFIX}1 ${CLUSTER_PREFIX}2" ]
    [ ! -e /dev/shm/name ]
}

@test "tasks see eight CPUs and the mask that Slurm gave" {
    run -0 user_run srun -n2 -c2 --cpu-bind=cores -l sh -c 'nproc --all; nproc; taskset -cp $$ | sed "s/.*: //"'
    echo "$output"
    [ "$(sort -s -k1,1 <<<"$output" | xargs)" = "0: 8 0: 2 0: 0,1 1: 8 1: 2 1: 2,3" ]
}

@test "a pretended mask passes to threads and children as a real one does" {
    run -0 user_python <<'END'
import multiprocessing, os, subprocess, threading

def now(pid=0):
    return sorted(os.sched_getaffinity(pid))

def in_thread(out, ready):
    out.append(now(threading.get_native_id()))
    ready.wait()
    out.append(now(threading.get_native_id()))

assert os.cpu_count() == 8 and now() == [0, 1, 2, 3], now()
os.sched_setaffinity(0, {2, 3})
out, ready = [], threading.Event()
thread = threading.Thread(target=in_thread, args=(out, ready))
thread.start()
os.sched_setaffinity(0, {1})
ready.set()
thread.join()
assert out == [[2, 3], [2, 3]], out
child = os.fork()
if child == 0:
    os._exit(0 if now() == [1] else 1)
assert os.waitpid(child, 0)[1] == 0
spawned = subprocess.run(["nproc"], capture_output=True, text=True)
assert spawned.stdout == "1\n", spawned
process = subprocess.Popen(["sleep", "5"])
os.sched_setaffinity(process.pid, {5, 6})
assert now(process.pid) == [5, 6] and now() == [1]
assert "5,6" in subprocess.run(["taskset", "-cp", str(process.pid)], capture_output=True, text=True).stdout
process.kill()
for wrong in ({9}, set()):
    try:
        os.sched_setaffinity(0, wrong)
        raise SystemExit("a mask without a CPU was taken")
    except (OSError, ValueError):
        pass
END
}

@test "redis-server lives with the preloaded library" {
    run -0 user_run srun -n1 sh -c '
        redis-server --port 0 --unixsocket $PWD/r.sock --save "" >redis.log & pid=$!
        for i in $(seq 100); do redis-cli -s r.sock ping 2>/dev/null && break; sleep 0.1; done
        redis-cli -s r.sock shutdown nosave; wait $pid'
    [ "$output" = PONG ]
}

@test "sbatch, and srun within it, work" {
    run -0 user_run sbatch --parsable --wait -N2 -o batch.out --wrap 'srun hostname'
    [ "$(user_run sort batch.out | xargs)" = "${CLUSTER_PREFIX}1 ${CLUSTER_PREFIX}2" ]
}

@test "accounting has the step's record" {
    id=$(user_run srun -N2 sh -c '[ "$SLURM_PROCID" != 0 ] || echo $SLURM_JOB_ID')
    [ "$(sacct_field "$id.0" State)" = COMPLETED ]
    [ "$(sacct_field "$id.0" NTasks)" = 2 ]
}

@test "scan lists a process, a socket, shared memory and a step, and nothing once they are gone" {
    assert_clean
    left=$(user_run sh -c 'setsid sleep 300 >/dev/null 2>&1 & echo $!')
    user_run srun sh -c 'touch /dev/shm/inferstep-left'
    user_run /usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("left.sock")'
    scan_shows "$CLUSTER_DIR" "process " "$left" "sleep 300"
    scan_shows "$CLUSTER_DIR" "shm ${CLUSTER_PREFIX}1:/dev/shm/inferstep-left"
    scan_shows "$CLUSTER_DIR" "socket $CLUSTER_WORK/left.sock"
    run -1 "$cluster" scan
    user_run sh -c "kill $left; rm left.sock; srun rm /dev/shm/inferstep-left"
    assert_clean
    user_run srun sleep 300 &
    scan_shows "$CLUSTER_DIR" "process " slurmstepd
    [ "$CLUSTER_CGROUP" != v1 ] || scan_shows "$CLUSTER_DIR" "cgroup " "/slurm_${CLUSTER_PREFIX}1/" /job_
    user_run scancel --me
    assert_clean
}

@test "the plugin's line tells the supervisor of the pretended CPUs" {
    "$cluster" plugin timeout=7
    line=$(tail -n 1 "$CLUSTER_DIR/etc/plugstack.conf")
    [[ "$line" == "required $CLUSTER_STAGE/lib/slurm/spank_infer.so inferstep=$CLUSTER_STAGE/bin/inferstep redis=/"* ]]
    for variable in LD_PRELOAD FAKECPU_CPUS FAKECPU_TABLE HWLOC_XMLFILE; do
        [[ "$line" == *" setenv=$variable="* ]]
    done
    [[ "$line" == *" timeout=7" ]]
    "$cluster" plugin --off
    [ ! -s "$CLUSTER_DIR/etc/plugstack.conf" ]
}

@test "a setting of the plugin that is given replaces the cluster's own; the slurmd's pid is known" {
    plugstack_with redis=/nowhere
    [ "$(grep -o 'redis=[^ ]*' "$CLUSTER_DIR/etc/plugstack.conf")" = redis=/nowhere ]
    plugstack_empty
    [ "$(cat /proc/"$(slurmd_pid 2)"/comm)" = slurmd ]
    before=$(next_job_id)
    user_run srun true
    [ "$(next_job_id)" = $((before + 1)) ]
}

@test "an interrupt reaches a command in the background" {
    user_background sleep 300
    until grep -qx sleep "/proc/$BACKGROUND_PID/comm"; do sleep 0.05; done
    kill -INT "$BACKGROUND_PID"
    code=0
    wait "$BACKGROUND_PID" || code=$?
    [ "$code" = 130 ]
}

@test "a second cluster runs beside the first, and its end leaves nothing of it" {
    other=$("$cluster" up --nodes 2 --no-dbd 3>&-)
    eval "$("$cluster" env --dir "$other" | sed 's/CLUSTER_/OTHER_/')"
    export SLURM_CONF=$CLUSTER_DIR/etc/slurm.conf
    [ "$OTHER_USER" != "$CLUSTER_USER" ]
    [ "$OTHER_PREFIX" != "$CLUSTER_PREFIX" ]
    run -0 "$cluster" run --dir "$other" srun -N2 hostname
    [ "$(sort <<<"$output" | xargs)" = "${OTHER_PREFIX}1 ${OTHER_PREFIX}2" ]
    "$cluster" run --dir "$other" srun --overlap sleep 300 3>&- &
    scan_shows "$other" "process " "sleep 300"
    run -0 "$cluster" scan --dir "$CLUSTER_DIR"
    "$cluster" down --dir "$other"
    [ -z "$(remains_of "$other" "$OTHER_USER" "$OTHER_PREFIX")" ]
    run -0 user_run srun -N4 hostname
}

@test "an interrupted boot leaves nothing" {
    for daemon in munged mariadb-install slurmdbd slurmctld slurmd; do
        other=$(mktemp -d "${TMPDIR:-/tmp}/infercl-int.XXXX")
        env --default-signal=INT "$cluster" up --dir "$other" --nodes 2 >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
        until grep -qs " $daemon" "$other/run/pids"; do sleep 0.02; done
        kill -INT $!
        code=0
        wait $! || code=$?
        [ "$code" = 130 ]
        grep -q "interrupted; taking down" "$BATS_TEST_TMPDIR/log"
        [ -z "$(remains_of "$other" no-such-user no-such-node)" ]
        run ! grep -q "$other" /etc/passwd
    done
}

@test "a node can have the machine's own CPUs in cpuset cgroups" {
    [ "$CLUSTER_CGROUP" = v1 ] || skip "this machine's cpuset cgroups cannot be used"
    other=$("$cluster" up --nodes 1 --no-dbd --real-cpus --constrain-cores 3>&-)
    run "$cluster" run --dir "$other" srun -n1 sh -c 'nproc --all; grep Cpus_allowed_list /proc/self/status | cut -f2'
    "$cluster" down --dir "$other"
    [ "$status" = 0 ]
    [ "${lines[0]}" = "$(nproc --all)" ]
    [[ "${lines[1]}" =~ ^[0-9]+(,[0-9]+)*$ ]] # one core, whichever
}

@test "a node can have 64 CPUs out of an XML, and GPUs" {
    lstopo-no-graphics --input "package:2 numa:1 core:16 pu:2" --of xml >"$BATS_TEST_TMPDIR/64.xml"
    other=$("$cluster" up --nodes 1 --no-dbd --topology "$BATS_TEST_TMPDIR/64.xml" --gpus 4 3>&-)
    run "$cluster" run --dir "$other" srun -n1 -c64 --gres=gpu:4 sh -c 'nproc; echo $CUDA_VISIBLE_DEVICES'
    "$cluster" down --dir "$other"
    [ "$status" = 0 ]
    [ "$output" = 64$'\n'0,1,2,3 ]
}

@test "without unshare(2) and cgroups a cluster still runs and says what it lacks" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/sh\nexit 1\n' >"$BATS_TEST_TMPDIR/bin/unshare"
    chmod 755 "$BATS_TEST_TMPDIR/bin/unshare"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH run -0 --separate-stderr "$cluster" up --nodes 2 --no-dbd --cgroup none 3>&-
    other=$output
    [[ "$stderr" == *"unshare(2) is not allowed here"* && "$stderr" == *"without cgroups: proctrack/linuxproc"* ]]
    run -0 "$cluster" run --dir "$other" srun -N2 printenv SLURMD_NODENAME
    [ "${#lines[@]}" = 2 ]
    "$cluster" run --dir "$other" srun sleep 301 3>&- &
    scan_shows "$other" "process " "sleep 301"
    scan_shows "$other" "process " slurmstepd
    "$cluster" down --dir "$other"
    [ -z "$(remains_of "$other" no-such-user no-such-node)" ]
    run ! grep -qszF "SLURM_CONF=$other/" /proc/[0-9]*/environ
    [ -z "$(ps -e -o stat=,args= | grep '^[^Z].*sleep 301$' | grep -v grep)" ]
}

@test "wrong options are refused in one sentence, before anything is started" {
    while IFS='|' read -r options message; do
        # shellcheck disable=SC2086
        run -1 "$cluster" up $options
        [ "${#lines[@]}" = 1 ]
        [[ "$output" == "cluster: "*"$message"* ]]
    done <<'END'
--nodes 0|--nodes: '0' is not a number of at least 1
--nodes 65|--nodes: at most 64
--cpus 7 --sockets 2|--cpus: 7 is not 2 sockets
--proctrack none|cgroup, linuxproc or pgid
--constrain-cores|needs --real-cpus
--real-cpus --cpus 4|--real-cpus takes no --topology
--topology /nowhere.xml|--topology: cannot read
--nodes 2 --topology 2:/nowhere.xml|--topology: cannot read '/nowhere.xml'
--nodes 2 --topology 3:/nowhere.xml|--topology: there is no node 3; --nodes is 2
--plugstack /nowhere|--plugstack: cannot read
--conf nonsense|is not a line Key=value
--dir /dev/shm/infercl|/dev/shm
--dir /tmp|is not empty
--sideways|--sideways: unknown
END
    run -1 setpriv --reuid=65534 --regid=65534 --clear-groups bash "$cluster" up
    [[ "$output" == *"only root can do this"* ]]
}

@test "a daemon that does not start is named, with the end of its log" {
    run -1 "$cluster" up --nodes 1 --no-dbd --conf Nonsense=1
    [[ "${lines[0]}" == "cluster: slurmctld did not start; the end of its log:" ]]
    [[ "$output" == *"unrecognized key: Nonsense"* ]]
}
