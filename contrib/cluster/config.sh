# shellcheck shell=bash
# Renders Slurm's configuration into DIR/etc. Sourced by `cluster`.
# shellcheck disable=SC2154,SC2034  # the state in common.sh is shared by all parts

make_config() {
    local i
    slurm_conf >"$dir/etc/slurm.conf"
    cgroup_conf >"$dir/etc/cgroup.conf"
    gres_conf >"$dir/etc/gres.conf"
    [ "$dbd" = no ] || (umask 077 && slurmdbd_conf >"$dir/etc/slurmdbd.conf")
    {
        cat /etc/hosts
        for ((i = 1; i <= nodes; ++i)); do
            echo "127.0.1.$i $prefix$i"
        done
    } >"$dir/etc/hosts"
    if [ "$real_cpus" = no ]; then
        task_prolog >"$dir/etc/taskprolog"
        chmod 755 "$dir/etc/taskprolog"
    fi
    [ -e "$dir/etc/munge.key" ] || (umask 077 && head -c 128 /dev/urandom >"$dir/etc/munge.key")
    : >"$dir/etc/plugstack.given"
    [ ${#plugstack[@]} = 0 ] || cat "${plugstack[@]}" >"$dir/etc/plugstack.given"
    write_plugstack_without
}

# A --conf line takes the place of ours with the same key.
slurm_conf() {
    local line text
    text=$(slurm_conf_base)
    for line in "${conf[@]}"; do
        case ${line%%=*} in
            NodeName | PartitionName) ;;
            *) text=$(grep -vi "^${line%%=*}=" <<<"$text") ;;
        esac
    done
    printf '%s\n' "$text" "${conf[@]}"
}

slurm_conf_base() {
    local host tasks=task/cgroup,task/affinity
    host=$(uname -n)
    host=${host%%.*}
    [ "$cgroup" != none ] || tasks=task/affinity
    cat <<EOF
ClusterName=infer$slot
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$dir/run/munge.sock
SlurmctldPort=$port
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmctldLogFile=$dir/log/slurmctld.log
StateSaveLocation=$dir/state
SlurmdPidFile=$dir/run/slurmd.%n.pid
SlurmdLogFile=$dir/log/slurmd.%n.log
SlurmdSpoolDir=$dir/spool/%n
SlurmdDebug=verbose
SlurmctldDebug=info
SlurmdParameters=config_overrides
ReturnToService=2
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/$proctrack
TaskPlugin=$tasks
JobAcctGatherType=jobacct_gather/$gather
JobAcctGatherFrequency=task=1
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=10000
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=$((memory / cpus))
KillWait=3
InactiveLimit=0
MinJobAge=60
CompleteWait=0
UnkillableStepTimeout=30
SlurmctldTimeout=10
SlurmdTimeout=30
MessageTimeout=10
PlugStackConfig=$dir/etc/plugstack.conf
PropagateResourceLimits=NONE
EOF
    [ "$dbd" = no ] || cat <<EOF
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$((port + 1))
AccountingStoragePass=$dir/run/munge.sock
EOF
    [ "$gpus" = 0 ] || echo "GresTypes=gpu"
    [ "$gpus" = 0 ] || [ "$dbd" = no ] || echo "AccountingStorageTRES=gres/gpu"
    [ "$real_cpus" = yes ] || echo "TaskProlog=$dir/etc/taskprolog"
    node_lines "$host"
}

node_lines() { # this machine's host name
    local i gres='' host=$1
    [ "$gpus" = 0 ] || gres=" Gres=gpu:fake:$gpus"
    for ((i = 1; i <= nodes; ++i)); do
        [ "$namespaces" = no ] || host=$prefix$i
        echo "NodeName=$prefix$i NodeHostname=$host NodeAddr=127.0.1.$i Port=$((port + 10 + i)) ${shapes[i]:-$shape}$gres State=UNKNOWN"
    done
    echo "PartitionName=main Nodes=${prefix}[1-$nodes] Default=YES MaxTime=60 State=UP OverSubscribe=NO"
}

cgroup_conf() {
    cat <<EOF
CgroupMountpoint=/sys/fs/cgroup
CgroupPlugin=$([ "$cgroup" = v2 ] && echo cgroup/v2 || echo cgroup/v1)
CgroupAutomount=$([ "$cgroup" = v2 ] && echo yes || echo no)
ConstrainCores=$constrain_cores
ConstrainRAMSpace=yes
EOF
    [ "$cgroup" != v2 ] || [ -d /run/systemd/system ] || echo IgnoreSystemd=yes
}

# A pretended GPU is a character device that reads as empty.
gres_conf() {
    local i
    [ "$gpus" != 0 ] || return 0
    for ((i = 0; i < gpus; ++i)); do
        [ -e "$dir/gpu/fake$i" ] || mknod -m 666 "$dir/gpu/fake$i" c 1 3
    done
    echo "NodeName=${prefix}[1-$nodes] Name=gpu Type=fake File=$dir/gpu/fake[0-$((gpus - 1))]"
}

slurmdbd_conf() {
    cat <<EOF
AuthType=auth/munge
AuthInfo=socket=$dir/run/munge.sock
DbdAddr=127.0.0.1
DbdHost=localhost
DbdPort=$((port + 1))
SlurmUser=root
LogFile=$dir/log/slurmdbd.log
PidFile=$dir/run/slurmdbd.pid
DebugLevel=info
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct_db
EOF
}

# The variables with which a process sees the pretended CPUs, one a line. slurmd has them from its environment, a task
# from the task prolog, a program that the plugin starts from the plugin's setenv=. They are the same on all nodes: what
# lies in the directory is the node's own, see node.sh.
pretending() {
    [ "$real_cpus" = no ] || return 0
    printf '%s\n' "LD_PRELOAD=$dir/lib/fakecpu.so" "FAKECPU_CPUS=$dir/etc/machine/cpus" "FAKECPU_TABLE=$dir/lib/fakecpu.table" \
        "HWLOC_XMLFILE=$dir/etc/machine/topology.xml"
}

# A task that preloads something of its own keeps it.
task_prolog() {
    local line
    printf '%s\n' '#!/bin/sh' "case \$LD_PRELOAD in *$dir/lib/fakecpu.so*) exit 0 ;; esac"
    for line in $(pretending); do
        # shellcheck disable=SC2016  # the task's shell expands it
        [[ $line != LD_PRELOAD=* ]] || line+='${LD_PRELOAD:+:$LD_PRELOAD}'
        printf 'echo "export %s"\n' "$line"
    done
}
