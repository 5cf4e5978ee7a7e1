#!/usr/bin/env bats
# What a client of a step's database may do, command by command. tests/db/commands.txt is the whole list: a Redis that brings a
# command not in it fails here, and somebody decides.

# shellcheck disable=SC2154 # state, work, RUN and CODE are set by lib/step
load ../lib/step

setup() { step_setup; }
teardown() { step_teardown; }

serve() { # as a step has it; sets RUN and DB_SOCKET
    inferstep db serve --statedir="$state" --device=cpu --db-cpus=1 "$@" >out 2>err 3>&- &
    RUN=$!
    wait_until grep -q '^ready db0' out
    DB_SOCKET=$(sed -n 's/^ready db0 unix:\/\///p' out)
    export DB_SOCKET DB_DIR=$work
}
py() { { cat "$INFERSTEP_TOP/tests/lib/db_prelude.py" && cat; } | PYTHONPATH=$INFERSTEP_TOP/tests/lib timeout 60 python3 - 3>&-; }

@test "S7: every command of Redis is open or closed to clients as listed" {
    serve
    py >found <<'PY'
def names(entry):
    """(name, least number of words) of a command, or of its subcommands"""
    inside = entry[9] if len(entry) > 9 else []
    return [name for sub in inside for name in names(sub)] or [(entry[0].decode(), abs(entry[1]))]

for name, least in sorted(name for entry in db("COMMAND") for name in names(entry)):
    if name.startswith("ai."):
        continue                                     # each file of tests that needs one sees that it is open
    client = connect()                               # some end their connection
    try:
        words = name.split("|")                      # Redis looks at the number of words first
        reply = client.ask(*words, *["1"] * (least - len(words)))
    except ConnectionError:
        reply = None
    closed = isinstance(reply, resp.Problem) and (str(reply).startswith("NOPERM") or "command not allowed" in str(reply))
    print(name, "closed" if closed else "open")
    client.close()
PY
    diff "$INFERSTEP_TOP/tests/db/commands.txt" found
    [ "$(redis-cli -s "$DB_SOCKET" ping)" = PONG ]
}

@test "S7: the module's commands are open, except the supervisor's own" {
    serve
    py <<'PY'
ours = [entry[0].decode() for entry in db("COMMAND") if entry[0].startswith(b"ai.")]
assert len(ours) >= 11, ours
for name in ours:
    # A model out of a file may be native code: only the supervisor stores one.
    same((name, str(db.ask(name, "1", "1", "1", "1", "1")).startswith("NOPERM")), (name, name == "ai._modelfile"))
PY
}

@test "S7: CONFIG SET takes listed parameters, and refuses every other one that this Redis has" {
    serve
    py <<'PY'
allowed = ["active-expire-effort", "busy-reply-threshold", "hash-max-listpack-entries", "hash-max-listpack-value",
           "latency-monitor-threshold", "latency-tracking", "list-compress-depth", "list-max-listpack-size", "loglevel",
           "lua-time-limit", "maxmemory-eviction-tenacity", "maxmemory-policy", "maxmemory-samples",
           "slowlog-log-slower-than", "slowlog-max-len"]
before = pairs(db("CONFIG", "GET", "*"))
assert len(before) > 150, len(before)
for name, value in before.items():
    reply = db.ask("CONFIG", "SET", name, value)
    if name in allowed:
        same(reply, b"OK")
    else:
        assert str(reply).startswith("NOPERM"), (name, reply)
for command in (["config", "set", "Maxmemory-Samples", 7], ["CONFIG", "SET", "maxmemory-samples", 7, "lua-time-limit", 4000],
                ["AI._CONFIGSET", "SET", "maxmemory-samples", 7]):
    same(db(*command), b"OK")
same(pairs(db("CONFIG", "GET", "maxmemory-samples")), {"maxmemory-samples": b"7"})
fails("CONFIG", "SET", "maxmemory-samples", "many", says="ERR CONFIG SET failed")
for command in (["CONFIG", "SET", "maxmemory-samples", 8, "port", 7777], ["CONFIG", "SET", "port", 7777],
                ["CONFIG", "SET", "maxmemory-samples", 8, "maxmemory"], ["CONFIG", "SET", "", ""]):
    fails(*command, says="NOPERM")
fails("AI._CONFIGSET", "SET", "port", 7777, says="clients may not set port")
fails("AI._CONFIGSET", "SET", "maxmemory-samples", 8, "maxmemory", 0, says="clients may not set maxmemory")
fails("AI._CONFIGSET", "REWRITE", says="wrong number of arguments")
after = pairs(db("CONFIG", "GET", "*"))
same({name for name in after if after[name] != before[name]}, {"maxmemory-samples", "lua-time-limit", "busy-reply-threshold"})
PY
}
