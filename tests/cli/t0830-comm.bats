#!/usr/bin/env bats
# The ranks of a step: how they find each other, what disturbs them not, and how they hear of a death.

setup() {
    work=$(mktemp -d)
    cd "$work" || return 1
    unset "${!INFER_@}" "${!SLURM_@}"
    export LINKS_JOIN_S=30 LINKS_SILENCE_S=30 INFER_MUNGE_SOCKET=$work/none
    links=$BUILD/tests/bench/links
    job=$$$RANDOM pids=()
}
teardown() {
    for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    local i
    for i in 0 1; do [ ! -e "/run/netns/inferstep-$job-$i" ] || ip netns delete "inferstep-$job-$i"; done
    cd / && rm -rf "$work"
}

no() { ! "$@" || { echo "unexpected: $*"; return 1; }; }
# Until a command succeeds, within half a minute.
await() {
    local end=$((SECONDS + 30))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { echo "in vain: $*"; tail -n 3 ./*.out ./*.err; return 1; }
        sleep 0.05
    done
}
# A rank of a step of one machine, and one of a step of as many nodes as ranks, all on this machine.
on_one_machine() { # step, rank, ranks, word…
    env INFER_RUN_ID="$job.$1" INFER_RANK="$2" INFER_RANKS="$3" "${@:4}"
}
over_network() {
    env SLURM_JOB_ID="$job" SLURM_STEP_ID="$1" SLURM_PROCID="$2" SLURM_STEP_NUM_TASKS="$3" SLURM_STEP_NUM_NODES="$3" \
        SLURM_NODEID="$2" SLURMD_NODENAME="n$2" SLURM_STEP_NODELIST="${root:-localhost}" "${@:4}"
}
# All ranks of a step in the background: STEP.RANK.out and .err, and STEP.RANK.code at the end.
start() { # how, step, ranks, word…
    local rank
    for ((rank = 0; rank < $3; rank++)); do start_rank "$1" "$2" $rank "$3" "${@:4}"; done
}
start_rank() { # how, step, rank, ranks, word…
    local name=$2.$3
    rm -f "$name".*
    { "$1" "$2" "$3" "$4" "$links" "${@:5}" >"$name.out" 2>"$name.err" || code=$?; echo "${code:-0}" >"$name.code"; } 3>&- &
    pids+=($!)
}
ended() { [ -s "$1.code" ]; }
all_ended() { local rank; for ((rank = 0; rank < $2; rank++)); do ended "$1.$rank" || return 1; done; }
ready() { local rank; for ((rank = 0; rank < $2; rank++)); do grep -q ready "$1.$rank.out" || return 1; done; }
process() { sed -n 's/^ready //p' "$1.out"; }
joined() { # step, ranks
    await all_ended "$1" "$2"
    cat "$1".*.out | sort >all
    [ "$(wc -l <all)" = "$2" ]
    [ "$(sort -u <(sed 's/^rank [0-9]* //' all))" = "with $(seq -s, 0 $(($2 - 1))) on$3" ]
    [ "$(cat "$1".*.code | sort -u)" = 0 ]
}

@test "two steps of one job that are given the same ports find their own ranks" {
    port=$((21000 + RANDOM % 9000))
    export SLURM_STEP_RESV_PORTS=$port-$((port + 1))
    start over_network 7 3 join
    start over_network 8 3 join
    joined 7 3 " n0 n1 n2"
    joined 8 3 " n0 n1 n2"
}

@test "on one machine two runs side by side do not meet" {
    start on_one_machine 1 3 join
    start on_one_machine 2 3 join
    here=$(hostname)
    joined 1 3 " $here $here $here"
    joined 2 3 " $here $here $here"
}

@test "scanners, garbage and callers that say nothing disturb nobody" {
    export SLURM_STEP_RESV_PORTS=$((21000 + RANDOM % 9000))
    start_rank over_network 1 0 2 join
    cat >stranger.py <<'PY'
import os, socket, struct, sys, time
def call(data=b""):
    s = socket.create_connection(("localhost", int(os.environ["SLURM_STEP_RESV_PORTS"])), 5)
    s.sendall(data)
    return s
end = time.monotonic() + 20
while True:
    try:
        held = [call()]
        break
    except ConnectionRefusedError:
        assert time.monotonic() < end
        time.sleep(0.05)
head = lambda size, kind: struct.pack("<IHH", size, kind, 0x5349)
number = lambda n: struct.pack("<Q", n)
held += [call() for _ in range(100)]                                # and say nothing
call(b"GET / HTTP/1.1\r\n\r\n").close()
for data in (os.urandom(5000), head(0xffffffff, 1), head(16, 1) + number(1) + number(1 << 63), head(0, 4), head(8, 99) + number(1),
             head(1000, 1) + b"x" * 10, b"\x10"):
    held.append(call(data))                                        # some of which rank 0 waits for the rest of
for data in (head(24, 1) + number(2) + number(3) + b"a" * 8,):
    s = call(data)
    assert s.recv(100) == b"", "garbage is answered"
print("disturbed", flush=True)
time.sleep(60)
PY
    python3 stranger.py >stranger.out 2>stranger.err &
    pids+=($!)
    await grep disturbed stranger.out
    start_rank over_network 1 1 2 join
    joined 1 2 " n0 n1"
}

@test "a rank that counts otherwise, and one that does not come, are named" {
    export LINKS_JOIN_S=2
    start_rank over_network 1 0 3 join
    start_rank over_network 1 1 2 join
    await all_ended 1 2
    grep -q "error: it counts 3 ranks, this rank 2" 1.1.err
    grep -q "error: rank 0 on node n0 waited for 2 ranks in vain: 1, 2" 1.0.err
    [ "$(cat 1.0.code 1.1.code)" = $'1\n1' ]
    start_rank over_network 2 1 2 join
    await ended 2.1
    grep -q "error: rank 1 on node n1 does not find rank 0 on node localhost: nobody listens at " 2.1.err
    root=no-such-node.invalid start_rank over_network 3 1 2 join
    await ended 3.1
    grep -q "error: rank 1 on node n1 does not find rank 0 on node no-such-node.invalid: the name 'no-such-node.invalid' has no address" 3.1.err
}

@test "a rank that is there twice is told so" {
    export LINKS_JOIN_S=8
    start_rank on_one_machine 1 0 3 join
    start_rank on_one_machine 1 1 3 join
    start_rank on_one_machine 1 2 4 join
    await ended 1.2
    grep -q "error: it counts 3 ranks, this rank 4" 1.2.err
    mv 1.1.out first.out
    { on_one_machine 1 1 3 "$links" join >twice.out 2>twice.err; } 3>&- &
    pids+=($!)
    await grep "error: rank 1 is here already, as process" twice.err 1.1.err
}

@test "whoever is killed, all others name it" {
    for how in on_one_machine over_network; do
        for victim in 0 1 2; do
            start $how "$victim" 3 wait
            await ready "$victim" 3
            dead=$(process "$victim.$victim")
            kill -KILL "$dead"
            await all_ended "$victim" 3
            for rank in 0 1 2; do
                [ $rank = $victim ] || grep -q "error: rank $victim on node [^ ]* (process $dead) died" "$victim.$rank.err"
            done
            [ "$(cat "$victim".*.code | sort | uniq -c | tr -s ' ')" = $' 2 1\n 1 137' ]
        done
    done
}

@test "whoever is stopped, all others name it as silent" {
    export LINKS_SILENCE_S=2
    for victim in 0 1 2; do
        start over_network "$victim" 3 wait
    done
    for victim in 0 1 2; do
        await ready "$victim" 3
        kill -STOP "$(process "$victim.$victim")"
    done
    for victim in 0 1 2; do
        for rank in 0 1 2; do
            [ $rank = $victim ] || await ended "$victim.$rank"
            [ $rank = $victim ] || grep -q "error: rank $victim on node n$victim (process $(process "$victim.$victim")) is silent since" "$victim.$rank.err"
        done
        kill -KILL "$(process "$victim.$victim")"
    done
}

@test "a receiver of any transport ends with the sentence of who died" {
    for transport in shm tcp ucx; do
        start over_network $transport 2 receive $transport
        await ready $transport 2
        dead=$(process $transport.1)
        kill -KILL "$dead"
        await all_ended $transport 2
        grep -q "error: rank 1 on node n1 (process $dead) died" $transport.0.err
    done
}

@test "munge proves the ranks to each other, where it is on one side only they do not meet" {
    command -v munged >/dev/null || skip "no munged here"
    [ "$(id -u)" = 0 ] || skip "munged wants its files to be root's"
    chmod 755 "$work"
    (umask 077; head -c 128 /dev/urandom >key)
    munged --foreground --force --socket="$work/munge" --key-file="$work/key" --pid-file="$work/munged.pid" \
        --log-file="$work/munged.log" --seed-file="$work/munge.seed" >munged.out 2>&1 3>&- &
    pids+=($!)
    await test -S munge
    INFER_MUNGE_SOCKET=$work/munge start over_network 1 3 join
    joined 1 3 " n0 n1 n2"
    no grep -h munge 1.*.err
    printf 'ClusterName=c\nAuthInfo=ttl=99,socket=%s/munge\n' "$work" >slurm.conf
    INFER_MUNGE_SOCKET='' SLURM_CONF=$work/slurm.conf start over_network 5 2 join
    joined 5 2 " n0 n1"
    no grep -h munge 5.*.err
    start over_network 2 2 join
    joined 2 2 " n0 n1"
    grep -q "warning: munge does not answer: .*: who can reach port [0-9]* of node n0 while the step starts could join it" 2.0.err
    [ ! -s 2.1.err ]
    export LINKS_JOIN_S=3
    INFER_MUNGE_SOCKET=$work/munge start_rank over_network 3 0 2 join
    start_rank over_network 3 1 2 join
    start_rank over_network 4 0 2 join
    INFER_MUNGE_SOCKET=$work/munge start_rank over_network 4 1 2 join
    await all_ended 3 2
    await all_ended 4 2
    grep -q "error: rank 1 .* does not find rank 0 .*: it has munge, and this node does not" 3.1.err
    grep -q "error: rank 1 .* does not find rank 0 .*: munge answers here, but not there" 4.1.err
}

@test "nothing is left of a step whose ranks were killed" {
    before=$(ls /dev/shm)
    start on_one_machine 1 3 receive shm
    await ready 1 3
    kill -KILL "$(process 1.0)" "$(process 1.1)" "$(process 1.2)"
    await all_ended 1 3
    [ "$(cat 1.*.code)" = $'137\n137\n137' ]
    [ "$(ls /dev/shm)" = "$before" ]
    start on_one_machine 1 3 join # of the same names
    joined 1 3 " $(hostname) $(hostname) $(hostname)"
}

# Two hosts of one cable: 10.83.0.1 and 10.83.0.2.
two_hosts() {
    [ "$(id -u)" = 0 ] && ip netns add "inferstep-$job-0" 2>/dev/null || skip "two hosts on one machine need root and network namespaces"
    local i
    ip netns add "inferstep-$job-1"
    ip -n "inferstep-$job-0" link add cable type veth peer name cable netns "inferstep-$job-1"
    for i in 0 1; do
        ip -n "inferstep-$job-$i" link set lo up
        ip -n "inferstep-$job-$i" link set cable up
        ip -n "inferstep-$job-$i" addr add "10.83.0.$((i + 1))/24" dev cable
        ip -n "inferstep-$job-$i" addr add "fd83::$((i + 1))/64" dev cable nodad
    done
    root=10.83.0.1
}
between_hosts() { # step, rank, ranks, word…: odd ranks on the second host
    over_network "$1" "$2" "$3" ip netns exec "inferstep-$job-$(($2 % 2))" "${@:4}"
}

@test "over a network ranks meet, and only those of one host share memory" {
    two_hosts
    start between_hosts 1 4 join
    joined 1 4 " n0 n1 n2 n3"
    root=fd83::1 start between_hosts 2 4 join
    joined 2 4 " n0 n1 n2 n3"
    start between_hosts 3 2 pingpong auto 50000 20
    await all_ended 3 2
    grep -q "^tcp " 3.0.out
    start between_hosts 4 2 stream tcp 3000000 5
    await all_ended 4 2
    grep -q "^tcp " 4.0.out
    start between_hosts 6 2 pingpong ucx 3000000 5
    await all_ended 6 2
    grep -q "^ucx " 6.0.out
    start between_hosts 5 2 pingpong shm 4 1
    await all_ended 5 2
    grep -q "error: the link from rank 0 to rank 1: shm joins ranks of one machine, and these are on nodes n0 and n1" 5.0.err
}

@test "a cable that is cut is found by silence, at both of its ends" {
    two_hosts
    export LINKS_SILENCE_S=2
    start between_hosts 1 4 receive tcp
    await ready 1 4
    ip -n "inferstep-$job-0" link set cable down
    await all_ended 1 4
    grep -q "error: rank [13] on node n[13] .* is silent since" 1.0.err
    grep -q "error: rank [13] on node n[13] .* is silent since" 1.2.err
    grep -q "error: rank 0 on node n0 .* is silent since" 1.1.err
    grep -q "error: rank 0 on node n0 .* is silent since" 1.3.err
}
