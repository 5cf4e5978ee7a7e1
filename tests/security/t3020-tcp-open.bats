#!/usr/bin/env bats
# --infer-tcp-auth=none: for SmartRedis, which cannot authenticate, and only where it was asked for.

# shellcheck disable=SC2154,SC2016 # state and work are set by lib/step; the tasks' shells expand what is quoted
load ../lib/step
load ../lib/smartredis

setup_file() { smartredis_client || true; }
teardown_file() { rm -rf "${SR_WORK:?}"; }
setup() { step_setup; }
teardown() { step_teardown; }

@test "it lets everybody in, says so in one line, and shows no secret" {
    run colocated --db-port=0 --tcp-auth=none sh -c 'redis-cli -p ${INFER_DB_TCP##*:} set a b; redis-cli -s ${SSDB#unix://} get a; ls $INFER_STATE_DIR; echo "file=$INFER_DB_SECRET_FILE"'
    echo "$output"
    [ "$status" = 0 ]
    [ "$(grep -c 'tcp-auth=none: whoever can connect to 127.0.0.1:[0-9]*, which is every user of this node, may' <<<"$output")" = 1 ]
    [[ $output == *OK*b*"file="* ]]
    [ "$(grep -cx secret <<<"$output")" = 0 ]
}

@test "SmartRedis' own client over TCP: tensors, datasets, models, scripts" {
    smartredis_require
    # SSDB as it stands is the Unix socket; SmartRedis is told the other way in.
    cat >client.sh <<SH
export SSDB=\$INFER_DB_TCP SR_LOG_FILE=$work/client.log SR_LOG_LEVEL=QUIET PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$SR_PYTHON SR_WORK=$SR_WORK
for case in tensors datasets models scripts; do
    python3 $INFERSTEP_TOP/tests/lib/smartredis_cases.py \$case && echo "\$case: ok"
done
SH
    run colocated --db-port=0 --tcp-auth=none sh client.sh
    echo "$output"
    [ "$(grep -c ': ok$' <<<"$output")" = 4 ]
}

@test "with a secret SmartRedis gets in by the Unix socket, and not over TCP" {
    smartredis_require
    cat >client.py <<'PY'
import os, numpy, smartredis
smartredis.Client(cluster=False).put_tensor("a", numpy.ones(3))
print("socket ok")
os.environ["SSDB"] = os.environ["INFER_DB_TCP"]
os.environ.update(SR_CONN_TIMEOUT="1", SR_CMD_TIMEOUT="1", SR_CONN_INTERVAL="100", SR_CMD_INTERVAL="100")
try:
    smartredis.Client(cluster=False).put_tensor("a", numpy.ones(3))
    print("tcp ok")
except Exception as error:
    print("refused:", error)
PY
    SR_LOG_FILE=$work/client.log SR_LOG_LEVEL=QUIET PYTHONPATH=$SR_PYTHON run colocated --db-port=0 timeout 60 python3 client.py
    echo "$output"
    [[ $output == *"socket ok"*"refused:"* ]]
}

@test "S5: an interface with a public address is refused without a secret" {
    # 192.0.2.0/24 is for documentation: no private network.
    name=$(ip -o -4 addr 2>/dev/null | awk '$2 != "lo" && $4 !~ /^(10|127|192\.168|169\.254|172\.(1[6-9]|2[0-9]|3[01]))\./ { print $2; exit }')
    [ -n "$name" ] || skip "no interface of this machine has a public address"
    run colocated --db-port=0 --tcp-auth=none --net-ifname="$name" touch ran
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"--tcp-auth=none: interface $name has the public address "*"; without a secret it must be the loopback or a private network"* ]]
    [ ! -e ran ]
}

@test "an admin can forbid it" {
    mkdir -p site/bin site/lib site/etc/inferstep
    cp "$BUILD/bin/inferstep" site/bin
    ln -s "$BUILD/lib/inferstep" site/lib/inferstep
    echo tcp_auth=required >site/etc/inferstep/db.conf
    run site/bin/inferstep run --statedir="$state" --colocate --db-cpus=1 --device=cpu --db-port=0 --tcp-auth=none touch ran
    echo "$output"
    [ "$status" = 2 ]
    [[ $output == *"--tcp-auth=none: this site's "*"/db.conf says tcp_auth=required"* ]]
    [ ! -e ran ]
}
