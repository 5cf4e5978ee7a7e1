# shellcheck shell=bash
# A Redis Cluster of servers with the module, for tests of sharding. In a .bats file:
#
#   load ../lib/dbcluster
#   setup_file() { dbcluster_start 3 TPQ 1 THREADS 1; }   # shards, then the module's arguments
#   teardown_file() { dbcluster_stop; }
#
# Exports DBCLUSTER_DIR, DBCLUSTER_PORTS (of the shards, lowest slots first) and DBCLUSTER_SSDB (all of them, as SmartRedis
# and our client take it). Shards listen on 127.0.0.1. DBCLUSTER_CONFIG adds lines to each redis.conf.

load ../lib/db

dbcluster_start() {
    db_require
    local shards=$1 ports
    shift
    export DBCLUSTER_DIR DBCLUSTER_PORTS='' DBCLUSTER_SSDB='' DBCLUSTER_MODULE="$*"
    DBCLUSTER_DIR=$(mktemp -d)
    # Free now, and their bus ports too; another test may take one meanwhile, so a few sets are tried.
    local try
    for try in 1 2 3 4 5; do
        ports=$(dbcluster_free_ports "$shards")
        dbcluster_serve "$ports" && break
        dbcluster_kill
        [ "$try" -lt 5 ] || { cat "$DBCLUSTER_DIR"/*/log >&2; return 1; }
    done
    DBCLUSTER_PORTS=$ports
    # shellcheck disable=SC2086 # one word for each port
    DBCLUSTER_SSDB=$(printf '127.0.0.1:%s,' $ports | sed 's/,$//')
    # shellcheck disable=SC2086
    redis-cli --cluster create ${DBCLUSTER_SSDB//,/ } --cluster-yes >"$DBCLUSTER_DIR/create" 2>&1 </dev/null ||
        { cat "$DBCLUSTER_DIR/create" >&2; return 1; }
    local port
    for port in $ports; do
        dbcluster_until "cluster_state:ok" redis-cli -p "$port" cluster info || return 1
    done
}

# Start a server for every port, each in a directory of its own, and wait until all answer.
dbcluster_serve() {
    local port
    for port in $1; do
        mkdir -p "$DBCLUSTER_DIR/$port"
        {
            printf 'bind 127.0.0.1\nport %s\ndir %s\nsave ""\ncluster-enabled yes\n' "$port" "$DBCLUSTER_DIR/$port"
            printf '%s\n' "${DBCLUSTER_CONFIG:-appendonly no}"
            printf 'loadmodule %s %s\n' "$BUILD/lib/inferstep/inferdb.so" "$DBCLUSTER_MODULE"
        } | redis-server - >>"$DBCLUSTER_DIR/$port/log" 2>&1 3>&- &
        echo $! >"$DBCLUSTER_DIR/$port/pid"
    done
    for port in $1; do
        dbcluster_until PONG redis-cli -p "$port" ping || return 1
    done
}

# Wait, at most 20 seconds, until the command's output has these words.
dbcluster_until() {
    local words=$1 deadline=$((SECONDS + 20))
    shift
    until [[ $("$@" 2>&1) == *"$words"* ]]; do
        [ "$SECONDS" -lt "$deadline" ] || { echo "not after 20 s: $words of $*" >&2; return 1; }
        sleep 0.05
    done
}

dbcluster_free_ports() {
    python3 - "$1" <<'PY'
import random, socket, sys
found = []
while len(found) < int(sys.argv[1]):
    port = random.randrange(20000, 32000)
    try:
        for p in (port, port + 10000):
            with socket.socket() as s:
                s.bind(("127.0.0.1", p))
    except OSError:
        continue
    if port not in found:
        found.append(port)
print(*found)
PY
}

dbcluster_kill() {
    local file
    for file in "$DBCLUSTER_DIR"/*/pid; do
        [ ! -e "$file" ] || kill -KILL "$(cat "$file")" 2>/dev/null || true
    done
    rm -rf "${DBCLUSTER_DIR:?}"/*/
}

dbcluster_stop() {
    [ -z "${DBCLUSTER_DIR-}" ] || { dbcluster_kill; rm -rf "$DBCLUSTER_DIR"; }
}

# redis-cli at the shard with this number, from 0.
dbcluster_cli() {
    local ports
    read -r -a ports <<<"$DBCLUSTER_PORTS"
    redis-cli -p "${ports[$1]}" "${@:2}"
}
