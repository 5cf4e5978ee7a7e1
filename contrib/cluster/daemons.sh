# shellcheck shell=bash
# Starts and stops the daemons of a cluster. Sourced by `cluster`.
# shellcheck disable=SC2154,SC2034  # the state in common.sh is shared by all parts

patience=60 # seconds for a daemon to answer: a bound for a machine under load, not a time that is expected

boot() {
    start_munge
    [ "$dbd" = no ] || start_accounting
    start slurmctld slurmctld -D
    await slurmctld $patience ctld_answers || failed slurmctld
    if ! start_nodes; then
        { [ "$cgroup" = v2 ] && [ "$cgroup_by_hand" = no ]; } || failed "$late_node"
        say "cluster: slurmd cannot use this machine's cgroups (v2): proctrack/linuxproc and jobacct_gather/linux instead"
        stop_processes
        : >"$dir/run/pids"
        without_cgroups
        save_state
        make_config
        boot
    fi
}

ctld_answers() { [[ "$(scontrol ping)" == *" UP"* ]]; }

start_munge() {
    start munged munged --foreground --force --socket="$dir/run/munge.sock" --key-file="$dir/etc/munge.key" \
        --pid-file="$dir/run/munged.pid" --log-file="$dir/log/munged.log" --seed-file="$dir/run/munge.seed" --num-threads=4
    await munged $patience test -S "$dir/run/munge.sock" || failed munged
}

start_accounting() {
    local sql=(mariadb --no-defaults -uroot --socket="$dir/run/mysql.sock")
    [ -e "$dir/db/made" ] || make_database
    start mariadbd mariadbd --no-defaults --user=root --datadir="$dir/db" --socket="$dir/run/mysql.sock" \
        --pid-file="$dir/run/mysql.pid" --skip-networking --innodb-buffer-pool-size=64M --innodb-log-file-size=16M \
        --innodb-lock-wait-timeout=900 --innodb-flush-log-at-trx-commit=0 --performance-schema=OFF --skip-log-bin
    await mariadbd $patience "${sql[@]}" -e 'select 1' || failed mariadbd
    # libmariadb takes the socket from this variable when the host is localhost.
    start slurmdbd MYSQL_UNIX_PORT="$dir/run/mysql.sock" slurmdbd -D
    await slurmdbd $patience listening "$(printf %04X $((port + 1)))" || failed slurmdbd
    await slurmdbd $patience cluster_is_known || failed slurmdbd
}

cluster_is_known() {
    sacctmgr -i add cluster "infer$slot" || true # it fails where the cluster is known already
    [ "$(sacctmgr --noheader --parsable2 list cluster format=cluster)" = "infer$slot" ]
}

# Started like a daemon, so that an interrupt ends it like one.
make_database() {
    # shellcheck disable=SC2016  # the inner shell expands it
    start mariadb-install sh -c '"$@" && touch "$0"' "$dir/db/made" mariadb-install-db --no-defaults --user=root \
        --datadir="$dir/db" --auth-root-authentication-method=normal --skip-test-db
    while pid_of mariadb-install >/dev/null; do sleep 0.05; done
    [ -e "$dir/db/made" ] || failed mariadb-install
}

# Fails with the name of the first slurmd that does not come up in late_node.
late_node=''
start_nodes() {
    local i wrap environment
    mapfile -t environment < <(pretending)
    for ((i = 1; i <= nodes; ++i)); do
        mkdir -p "$dir/spool/$prefix$i"
        wrap=()
        [ "$namespaces" = no ] || wrap=(unshare --uts --mount "$here/node.sh" "$dir" "$prefix$i")
        # The variables come last: what brings the node about is not to be fooled about the CPUs.
        start "slurmd.$prefix$i" "${wrap[@]}" env "${environment[@]}" "${setenv[@]}" slurmd -D -N "$prefix$i"
    done
    while late_node=$(first_late_node) && [ -n "$late_node" ]; do
        await "$late_node" $patience node_idle "${late_node#slurmd.}" || return 1
    done
}
node_idle() { [ "$(sinfo -h -n "$1" -o %T)" = idle ]; }
# One question about all nodes: with many of them, one after the other would take longer than their boot.
first_late_node() { sinfo -h -N -o '%N %T' | awk -v first="${prefix}1" '$2 != "idle" { late = $1; exit } END { if (late || !NR) print "slurmd." (late ? late : first) }'; }

# --- Down

# slurmd, slurmstepd and all that they started see the /dev/shm of one of this cluster's nodes. Without namespaces, a
# slurmstepd still has the environment of its slurmd, and its tasks are the test user's.
processes_of_nodes() {
    if [ "$namespaces" = yes ]; then
        grep -ls " - tmpfs cluster:$dir:${prefix}[0-9]* " /proc/[0-9]*/mountinfo | cut -d/ -f3 || true
    else
        ps -C slurmstepd -o pid= | sed 's,^ *\(.*\)$,/proc/\1/environ,' |
            xargs -r grep -lszxF "SLURM_CONF=$dir/etc/slurm.conf" | cut -d/ -f3 || true
    fi
}

# Daemons, and what is left in their sessions (slurmctld has a child).
processes_of_daemons() {
    local pid born name now
    [ -f "$dir/run/pids" ] || return 0
    while read -r pid born name; do
        now=$(start_time "$pid" || true)
        if [ -z "$now" ] || [ "$now" = "$born" ]; then
            ps -e -o sid=,pid= | awk -v sid="$pid" '$1 == sid { print $2 }'
        fi
    done <"$dir/run/pids"
}

processes_of_user() { [ -z "$user" ] || ps -o pid= -u "$user" 2>/dev/null || true; }

# Everything at once and at once for good: what the daemons would save is thrown away with the directory.
stop_processes() {
    local pid left deadline=$((SECONDS + 20))
    while [ "$SECONDS" -lt "$deadline" ]; do
        left=
        for pid in $(processes_of_daemons; processes_of_nodes; processes_of_user); do
            start_time "$pid" >/dev/null || continue # a zombie is gone: its parent is late
            kill -KILL "$pid" 2>/dev/null || true
            left+=" $pid"
        done
        [ -n "$left" ] || return 0
        sleep 0.05
    done
    say "cluster: these processes cannot be ended:$left"
    return 1
}

cgroups_of_nodes() {
    local i
    [ -n "$prefix" ] || return 0
    for ((i = 1; i <= nodes; ++i)); do
        compgen -G "/sys/fs/cgroup/*/slurm_$prefix$i" || true
        compgen -G "/sys/fs/cgroup/*/$prefix${i}_slurmstepd.scope" || true
    done
}

remove_cgroups() {
    local path attempt
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        for path in $(cgroups_of_nodes); do
            find "$path" -depth -type d -exec rmdir {} + 2>/dev/null || true
        done
        [ -n "$(cgroups_of_nodes)" ] || return 0
        sleep "0.$attempt"
    done
    say "cluster: these cgroups cannot be removed: $(cgroups_of_nodes | tr '\n' ' ')"
    return 1
}

take_down() {
    local status=0
    cd /
    stop_processes || status=1
    remove_cgroups || status=1
    if [ -n "$user" ] && getent passwd "$user" >/dev/null && ! userdel -f "$user" >/dev/null 2>&1; then
        say "cluster: cannot remove the user $user"
        status=1
    fi
    [ "$status" != 0 ] || rm -rf "$dir"
    return "$status"
}

undo_boot() {
    local status=$?
    trap '' INT TERM HUP
    exec 2>&"$terminal" # the signal may have come while it was turned away
    [ -z "$interrupted" ] || say "cluster: interrupted; taking down what was started"
    [ -z "$dir" ] || take_down || true
    exit "$status"
}
