# shellcheck shell=bash
# Helpers of the tests of the inference database. In a .bats file:
#
#   load ../lib/db
#   setup_file() { db_start TPQ 1 THREADS 1; }      # the module's arguments; DB_CONFIG adds lines to redis.conf
#   teardown_file() { db_stop; }
#   @test "…" { db_py <<'EOF' … EOF }               # Python with a connected client `db`; see db_prelude.py
#
# Each file runs a redis-server of its own on a Unix socket in a temporary directory.

INFERSTEP_TOP=${INFERSTEP_TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
BUILD=${BUILD:-$INFERSTEP_TOP/build}

db_require() {
    command -v redis-server >/dev/null || skip "redis-server is not installed"
    [ -e "$BUILD/lib/inferstep/inferdb.so" ] || skip "inferdb.so is not built"
}

# DB_PRELOAD: libraries that the server loads first, as a module with sanitizers needs it (tests/sanitize).
# Directory and socket are made once; a second db_start continues with the files of the first.
db_start() {
    db_require
    export DB_DIR=${DB_DIR:-$(mktemp -d)}
    export DB_SOCKET=$DB_DIR/db.sock
    {
        printf 'port 0\nunixsocket %s\ndir %s\nsave ""\n' "$DB_SOCKET" "$DB_DIR"
        printf '%s\n' "${DB_CONFIG:-appendonly no}"
        printf 'loadmodule %s %s\n' "$BUILD/lib/inferstep/inferdb.so" "$*"
    } | env ${DB_PRELOAD:+LD_PRELOAD="$DB_PRELOAD" ASAN_OPTIONS="$ASAN_OPTIONS:quarantine_size_mb=16"} redis-server - >>"$DB_DIR/log" 2>&1 3>&- &
    export DB_PID=$!
    local i
    for ((i = 0; i < 500; i++)); do
        [ "$(redis-cli -s "$DB_SOCKET" ping 2>/dev/null)" != PONG ] || return 0
        kill -0 "$DB_PID" 2>/dev/null || break
        sleep 0.02
    done
    cat "$DB_DIR/log" >&2
    return 1
}

# End the server, keep its files: the next db_start finds them.
db_pause() {
    redis-cli -s "$DB_SOCKET" shutdown "${1:-nosave}" now >/dev/null 2>&1
    wait "$DB_PID"
}

db_stop() {
    [ -z "${DB_DIR-}" ] || {
        redis-cli -s "$DB_SOCKET" shutdown nosave now >/dev/null 2>&1 || kill "$DB_PID" 2>/dev/null || true
        rm -rf "$DB_DIR"
    }
}

db_cli() { redis-cli -s "$DB_SOCKET" "$@"; }

# Run the Python on stdin, at most two minutes.
db_py() {
    { cat "$INFERSTEP_TOP/tests/lib/db_prelude.py" && cat; } |
        PYTHONPATH=$INFERSTEP_TOP/tests/lib timeout -k 5 120 python3 - 3>&-
}
