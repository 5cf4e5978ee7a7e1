# shellcheck shell=bash
# Helpers of the tests that talk to the database with SmartRedis' own, unmodified Python client. In a .bats file:
#
#   load ../lib/smartredis
#   setup_file() { smartredis_serve; }         # one database, as a step gives it to its tasks; or smartredis_cluster
#   teardown_file() { smartredis_stop; }
#   setup() { smartredis_require; }
#   @test "…" { smartredis tensors; }          # a function of smartredis_cases.py

load ../lib/dbcluster

# bats cannot skip in setup_file: the helpers note why there is no client, and smartredis_require skips each test.
smartredis_client() {
    export SR_MISSING='' SR_WORK SR_PYTHON
    SR_WORK=$(mktemp -d)
    python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' ||
        { SR_MISSING="the wheel of SmartRedis 0.6.1 is for Python 3.11"; return 1; }
    SR_PYTHON=$("$INFERSTEP_TOP/contrib/deps/smartredis.sh" 2>"$SR_WORK/fetch") ||
        { SR_MISSING="SmartRedis cannot be fetched: $(tail -n 1 "$SR_WORK/fetch")"; return 1; }
}
smartredis_require() { [ -z "${SR_MISSING-}" ] || skip "$SR_MISSING"; }

# A database with the configuration of a step, and the variables that a step has for its tasks.
smartredis_serve() {
    smartredis_client || return 0
    export SR_STATE SR_SERVER
    SR_STATE=$(mktemp -d /dev/shm/i.XXXXXX)
    "$BUILD/bin/inferstep" db serve --statedir="$SR_STATE" --device=cpu --db-cpus=1 >"$SR_WORK/out" 2>"$SR_WORK/err" 3>&- &
    SR_SERVER=$!
    local i
    for ((i = 0; i < 500; i++)); do
        ! grep -q '^ready db0' "$SR_WORK/out" || break
        kill -0 "$SR_SERVER" || { cat "$SR_WORK/err" >&2; return 1; }
        sleep 0.05
    done
    "$BUILD/bin/inferstep" run --statedir="$SR_STATE" --colocate --db-cpus=1 --device=cpu env >"$SR_WORK/environment" 3>&-
    # shellcheck disable=SC2046 # one word for each variable
    export $(grep '^SR_' "$SR_WORK/environment") SSDB
    SSDB=$(sed -n 's/^ready db0 //p' "$SR_WORK/out")
}

smartredis_cluster() {
    smartredis_client || return 0
    dbcluster_start 3 TPQ 1 THREADS 1 DEVICE cpu
    export SSDB=$DBCLUSTER_SSDB SR_DB_TYPE=Clustered SR_SOCKET_TIMEOUT=600000
}

smartredis_stop() {
    [ -z "${SR_SERVER-}" ] || { kill "$SR_SERVER" && wait "$SR_SERVER"; rm -rf "$SR_STATE"; }
    dbcluster_stop
    rm -rf "${SR_WORK:?}"
}

smartredis() {
    SR_LOG_FILE=$SR_WORK/client.log SR_LOG_LEVEL=QUIET PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$SR_PYTHON \
        timeout -k 5 120 python3 "$INFERSTEP_TOP/tests/lib/smartredis_cases.py" "$@" 3>&-
}
