#!/usr/bin/env bats
# Co-located databases on TCP, without Slurm: who gets in, where they listen, what others can learn of the secret.

# shellcheck disable=SC2154,SC2016 # state and work are set by lib/step; the tasks' shells expand what is quoted
load ../lib/step

setup() {
    step_setup
    PORT=$(free_port)
    export PORT
}
teardown() { step_teardown; }

# Two ports in a row that nobody has, below those that the kernel gives away.
free_port() {
    python3 - <<'PY'
import random, socket
while True:
    port = random.randrange(20000, 32000)
    try:
        held = [socket.socket() for _ in range(2)]
        for i, s in enumerate(held): s.bind(("", port + i))
        print(port)
        break
    except OSError:
        pass
PY
}
tcp() { colocated --db-port="$PORT" "$@"; }
here='redis-cli -p $PORT'
secret='REDISCLI_AUTH=$(cat "$INFER_DB_SECRET_FILE")'

@test "S7: over TCP nobody gets in without the secret of this very step; the Unix socket asks for none" {
    printf '%064d' 0 >other # as that of another step looks
    run tcp sh -c "
        $here get a
        REDISCLI_AUTH=wrong $here get a 2>&1
        REDISCLI_AUTH=\$(cat other) $here get a 2>&1
        $secret $here set a over-tcp
        redis-cli -s \${SSDB#unix://} get a
        $secret $here debug sleep 0
        $secret redis-cli -h \${INFER_DB_TCP%:*} -p \${INFER_DB_TCP##*:} get a"
    echo "$output"
    [ "$status" = 0 ]
    [ "$(grep -c '^NOAUTH' <<<"$output")" = 3 ]
    [ "$(grep -c 'WRONGPASS' <<<"$output")" = 2 ]
    [ "$(grep -c '^OK$' <<<"$output")" = 1 ]
    [ "$(grep -c '^over-tcp$' <<<"$output")" = 2 ]
    [[ $output == *NOPERM* || $output == *"DEBUG command not allowed"* ]]
}

@test "S12: another user of the node reaches the port, and neither the database nor the secret" {
    [ "$(id -u)" = 0 ] || skip "needs root, to be another user"
    tcp sh -c "chmod 711 . && runuser -u nobody -- redis-cli -p \$PORT get a >stranger 2>&1
        runuser -u nobody -- cat \$INFER_DB_SECRET_FILE >>stranger 2>&1
        runuser -u nobody -- redis-cli -s \${SSDB#unix://} get a >>stranger 2>&1; true"
    cat stranger
    grep -q '^NOAUTH' stranger
    [ "$(grep -c 'Permission denied' stranger)" = 2 ]
}

# The addresses that listen on $PORT and the next one, as the kernel shows them.
listening='python3 -c "
import os, socket
for table in (\"tcp\", \"tcp6\"):
    for line in open(\"/proc/net/\" + table).readlines()[1:]:
        address, port = line.split()[1].split(\":\")
        if line.split()[3] == \"0A\" and int(port, 16) - int(os.environ[\"PORT\"]) in (0, 1):
            raw = bytes.fromhex(address)
            raw = b\"\".join(raw[i:i + 4][::-1] for i in range(0, len(raw), 4))
            print(socket.inet_ntop(socket.AF_INET6 if len(raw) == 16 else socket.AF_INET, raw), int(port, 16) - int(os.environ[\"PORT\"]))
"'

@test "S5: by default it is the loopback and nothing else; each database has the next port" {
    inferstep db serve --statedir="$state" --device=cpu --colocate=2 --db-cpus=2 --db-port="$PORT" >out 2>err 3>&- &
    RUN=$!
    wait_until grep -q '^ready db1' out
    run sh -c "$listening | sort"
    echo "$output"
    [ "$output" = "127.0.0.1 0
127.0.0.1 1" ]
    [ "$(sed 's/unix.* //' out)" = "ready db0 127.0.0.1:$PORT
ready db1 127.0.0.1:$((PORT + 1))" ]
    kill "$RUN"
    end_of_run
    run infer --colocate --db-cpus=1 --device=cpu sh -c "$listening; echo \${INFER_DB_TCP-none} \${INFER_DB_SECRET_FILE-none}"
    [ "$output" = "none none" ]
}

@test "S5: a named interface is the only one; one that is not there is refused with those that are" {
    run tcp --net-ifname=nosuch0 touch ran
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"--net-ifname: there is no interface 'nosuch0' that is up and has an address; there is: lo (127.0.0.1)"* ]]
    [ ! -e ran ]
    known=$(sed -n 's/.*there is: //p' <<<"$output" | tr -d ',')
    read -r _ _ name address _ <<<"$known"
    [ -n "$name" ] || skip "this machine has only the loopback"
    run tcp --net-ifname="$name" sh -c "$listening; $secret redis-cli -h ${address//[()]/} -p \$PORT ping; redis-cli -h 127.0.0.1 -p \$PORT ping 2>&1"
    echo "$output"
    [ "${lines[0]}" = "${address//[()]/} 0" ]
    [ "${lines[1]}" = PONG ]
    [[ $output == *"Connection refused"* ]]
}

@test "S6: the secret stands in one file of mode 0600, and in no argument, environment, log, record or answer" {
    tcp --outdir=records --verbose sh -c '
        stat -c "%a %s" "$INFER_DB_SECRET_FILE" >mode
        cp "$INFER_DB_SECRET_FILE" found
        cat /proc/*/cmdline /proc/*/environ >processes 2>/dev/null
        cp -r "$INFER_STATE_DIR" state && rm state/secret
        { REDISCLI_AUTH=$(cat found) redis-cli -p $PORT config get "*"; redis-cli -s ${SSDB#unix://} acl list; redis-cli -s ${SSDB#unix://} acl getuser default; redis-cli -s ${SSDB#unix://} info everything; } >answers 2>&1' >out 2>err
    [ "$(cat mode)" = "600 64" ]
    [[ $(cat found) =~ ^[0-9a-f]{64}$ ]]
    no grep -raF "$(cat found)" processes state answers records out err
    [ "$(grep -c '^NOPERM' answers)" = 2 ]
    grep -q maxmemory answers
    # What the record says instead.
    grep -q "\"tcp\":.*127.0.0.1:$PORT" records/*/step.json
    grep -q '"tcp_auth":.*"secret"' records/*/step.json
    # The next step has another.
    tcp sh -c 'cat "$INFER_DB_SECRET_FILE"' >next
    no cmp -s found next
}

@test "a taken port is one sentence with its holder; 0 takes what is free" {
    python3 -c 'import os, socket, time
s = socket.socket(); s.bind(("127.0.0.1", int(os.environ["PORT"]))); s.listen()
open("listens", "w").close(); time.sleep(60)' 3>&- &
    local holder=$!
    wait_until test -e listens
    run tcp touch ran
    local code=$status said=$output
    run infer --colocate --db-cpus=1 --device=cpu --db-port=0 sh -c "$secret redis-cli -p \${INFER_DB_TCP##*:} ping"
    kill "$holder"
    echo "$said"
    [ "$code" = 1 ]
    [[ $said == *"port $PORT of 127.0.0.1 is taken by pid $holder, "*python3* ]]
    [[ $said == *"hint: give another --db-port; 0 takes what is free"* ]]
    [ ! -e ran ]
    [ "$output" = PONG ]
}

@test "two steps with the same port: the second is told of the first; one after the other is no trouble" {
    background --db-port="$PORT" sh -c 'touch started; exec sleep 60'
    run tcp true
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"port $PORT of 127.0.0.1 is taken by pid "*redis-server*"/inferstep-"*"-local.$RUN-"* ]]
    kill "$RUN"
    end_of_run
    # With connections that the databases themselves close, which leaves their side waiting.
    for _ in 1 2 3; do
        tcp sh -c "$secret; export REDISCLI_AUTH; (redis-cli -p \$PORT subscribe x; true) >/dev/null 2>&1 & $secret $here ping" >pong
        [ "$(cat pong)" = PONG ]
    done
}

@test "more databases than ports are refused" {
    run infer --colocate=2 --db-cpus=2 --device=cpu --db-port=65535 touch ran
    [ "$status" = 2 ]
    [[ $output == *"--db-port=65535 leaves too few ports for --colocate=2"* ]]
    run infer --colocate=2 --db-cpus=2 --device=cpu --db-port=65536 touch ran
    [ "$status" = 2 ]
    [ ! -e ran ]
}

@test "the plan says where it would listen; inferstep's own client and status use the secret by themselves" {
    run tcp --dry-run true
    [[ $output == *"TCP: port $PORT of 127.0.0.1 (lo), with the step's secret"* ]]
    [ -z "$(redis_pids)" ]
    run tcp sh -c 'inferstep db status --json $INFER_DB_TCP; inferstep db status --statedir="${INFER_STATE_DIR%/*}" | grep TCP; inferstep model resnet18 -o net.pt --seed 1 >/dev/null
        SSDB=tcp://$INFER_DB_TCP inferstep client --iterations 2 --model net.pt | grep wrong'
    echo "$output"
    [[ $output == *"\"address\":\"127.0.0.1:$PORT\",\"requests_per_second\""* ]]
    [[ $output == *"TCP 127.0.0.1:$PORT, with a secret"* ]]
    [[ $output == *"#wrong        0 of 2"* ]]
}

@test "a database that is started again keeps its port and its secret" {
    run tcp --on-db-failure=restart sh -c "
        cp \$INFER_DB_SECRET_FILE before
        kill -9 \$(pgrep -f '^[^ ]*redis-server .*$state')
        for _ in \$(seq 200); do [ \"\$(REDISCLI_AUTH=\$(cat before) $here ping 2>/dev/null)\" = PONG ] && break; sleep 0.05; done
        $secret $here ping
        $here ping
        $listening
        cmp before \$INFER_DB_SECRET_FILE && echo same"
    echo "$output"
    [[ $output == *"PONG"*"NOAUTH"*"
127.0.0.1 0
same"* ]]
}
