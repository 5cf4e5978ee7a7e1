#!/usr/bin/env bats
# TRUSTSOCKET: a password guards TCP, and the Unix socket is as open as its directory. Redis itself knows no such thing.

load ../lib/db

setup_file() {
    PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    export PORT
    DB_CONFIG="port $PORT
bind 127.0.0.1
user default on >topsecret ~* &* -@all +@connection +get +set +info +config|get +acl|whoami +ai.tensorset" \
        db_start TRUSTSOCKET yes DEVICE cpu
}
teardown_file() { kill "$DB_PID"; rm -rf "$DB_DIR"; }
tcp() { redis-cli -p "$PORT" "$@"; }

@test "S7: over TCP nobody does anything without the password, not even after a look at HELLO" {
    for words in "ping" "get a" "set a b" "info" "hello 3" "acl whoami" "config get requirepass" "ai.tensorset t FLOAT 1 VALUES 1" "client id"; do
        # shellcheck disable=SC2086
        [[ $(tcp $words) == NOAUTH* ]] || { echo "$words: $(tcp $words)"; return 1; }
    done
    [[ $(tcp auth wrong) == WRONGPASS* ]]
    [[ $(tcp auth default wrong) == WRONGPASS* ]]
    [ "$(REDISCLI_AUTH=topsecret tcp set a over-tcp)" = OK ]
}

@test "S7: the Unix socket asks nobody, and a wrong word said there locks nobody out" {
    [ "$(db_cli acl whoami)" = default ]
    [ "$(db_cli set a b)" = OK ]
    [[ $(db_cli auth wrong) == WRONGPASS* ]]
    [ "$(printf 'auth wrong\nget a\n' | db_cli | tail -n 1)" = b ]
    [ "$(REDISCLI_AUTH=topsecret db_cli get a)" = b ]
    [[ $(db_cli debug sleep 0) == *NOPERM* || $(db_cli debug sleep 0) == ERR* ]]
    # RESET makes a connection what a new one of TCP is, until it says the password.
    [[ $(printf 'reset\nget a\n' | db_cli | tail -n 2) == *NOAUTH* ]]
    [ "$(printf 'reset\nauth topsecret\nget a\n' | db_cli | tail -n 1)" = b ]
}

@test "S7: no client is told the password" {
    [ -z "$(db_cli config get '*' | grep topsecret)" ]
    [ -z "$(db_cli info everything | grep topsecret)" ]
}

@test "S7: a hundred clients of both kinds at once are told apart" {
    db_py <<EOF
import os, socket
def line(s, text):
    s.sendall(text)
    return s.recv(100)
here = [socket.socket(socket.AF_UNIX) for _ in range(50)]
for s in here: s.connect(os.environ["DB_SOCKET"])
there = [socket.create_connection(("127.0.0.1", $PORT)) for _ in range(50)]
for a, b in zip(here, there):
    assert line(a, b"PING\r\n") == b"+PONG\r\n"
    assert line(b, b"PING\r\n").startswith(b"-NOAUTH")
EOF
}
