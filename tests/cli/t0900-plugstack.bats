#!/usr/bin/env bats
# inferstep-plugstack on files of every shape: it adds one line, takes out that line, and touches no other byte.

setup() {
    tmp=$(mktemp -d)
    mkdir -p "$tmp/etc/plugstack.conf.d" "$tmp/bin"
    plugin=$tmp/spank_infer.so program=$tmp/inferstep conf=$tmp/etc/plugstack.conf
    echo "spank_infer 0.1.0 for Slurm 22.05" >"$plugin"
    printf '#!/bin/sh\necho "slurm-wlm 22.05.8"\n' | tee "$tmp/bin/scontrol" >"$program"
    chmod 755 "$program" "$tmp/bin/scontrol"
    sed "s,@plugin@,$plugin,;s,@program@,$program,;s,@slurm_conf@,$tmp/none/slurm.conf," \
        "$INFERSTEP_TOP/contrib/admin/inferstep-plugstack" >"$tmp/tool"
    chmod 755 "$tmp" "$tmp/tool"
    echo "ClusterName=x" >"$tmp/etc/slurm.conf"
    export SLURM_CONF=$tmp/etc/slurm.conf PATH=$tmp/bin:$PATH
    line="required $plugin inferstep=$program"
}
teardown() { rm -rf "$tmp"; }
refused() { # words of the message, command…: fails, says so, and leaves the file alone
    local words=$1
    shift
    cp "$conf" "$tmp/before" 2>/dev/null || : >"$tmp/before"
    run "$@"
    [ "$status" = 1 ] && [[ $output == *"$words"* ]] || { echo "$status: $output"; return 1; }
    [ ! -e "$conf" ] || cmp "$conf" "$tmp/before"
    [ -z "$(find "$tmp/etc" -name '.plugstack.*')" ]
}

@test "enable adds the line at the end, disable restores every byte: LF, CRLF, no final newline, empty, blank, comments" {
    for text in 'required a.so\noptional b.so x=y\n' 'required a.so\r\n\r\n# c\r\n' 'required a.so\nno newline' '' '\n\n' '\t# \xff\n'; do
        printf "$text" >"$conf"
        cp "$conf" "$tmp/before"
        "$tmp/tool" enable
        [ "$(grep -acFx "$line" "$conf")" = 1 ]
        cmp -n "$(stat -c %s "$tmp/before")" "$conf" "$tmp/before"
        "$tmp/tool" status | grep -F ": $line"
        "$tmp/tool" disable
        cmp "$conf" "$tmp/before" || { od -c "$conf"; return 1; }
        run "$tmp/tool" status
        [ "$status" = 1 ]
    done
}

@test "twice changes nothing; settings are written; disable also takes out what an admin has written behind the line" {
    printf 'required a.so\n' >"$conf"
    "$tmp/tool" enable statedir=/run/x db-cpus=4
    grep -Fx "$line statedir=/run/x db-cpus=4" "$conf"
    cp "$conf" "$tmp/before"
    "$tmp/tool" enable
    cmp "$conf" "$tmp/before"
    refused "enabled already" "$tmp/tool" enable db-cpus=5
    sed -i "s,^required $plugin.*,  Required\t\"$plugin\"  inferstep=/other timeout=9 # ours," "$conf"
    echo "optional /else/spank_inferno.so" >>"$conf"
    echo "# required $plugin" >>"$conf"
    "$tmp/tool" disable
    "$tmp/tool" disable
    printf 'required a.so\noptional /else/spank_inferno.so\n# required %s\n' "$plugin" | cmp - "$conf"
}

@test "a plugstack.conf that includes a folder gets a file there, and disable removes it" {
    for pattern in "$tmp/etc/plugstack.conf.d/*.conf" "plugstack.conf.d/*.conf"; do
        echo "include $pattern" | tee "$conf" >"$tmp/before"
        "$tmp/tool" enable
        cmp "$conf" "$tmp/before"
        echo "$line" | cmp - "$tmp/etc/plugstack.conf.d/inferstep.conf"
        [ "$(stat -c %a "$tmp/etc/plugstack.conf.d/inferstep.conf")" = 644 ]
        "$tmp/tool" enable
        "$tmp/tool" disable
        [ -z "$(ls -A "$tmp/etc/plugstack.conf.d")" ]
    done
    # What the admin has put there stays, and a line in a file of another name is found.
    printf '# mine\n' >"$tmp/etc/plugstack.conf.d/inferstep.conf"
    printf 'required b.so\nrequired spank_infer.so inferstep=/x' >"$tmp/etc/plugstack.conf.d/zz.conf"
    "$tmp/tool" disable
    [ "$(cat "$tmp/etc/plugstack.conf.d/zz.conf")" = "required b.so" ]
    [ "$(cat "$tmp/etc/plugstack.conf.d/inferstep.conf")" = "# mine" ]
}

@test "slurm.conf says where plugstack.conf is, also in a file that it includes; without a word it is beside it" {
    mkdir "$tmp/site"
    printf 'ClusterName=x\r\ninclude more.conf\r\n' >"$tmp/etc/slurm.conf"
    printf '#PlugStackConfig=/wrong\nplugstackconfig = %s # here\n' "$tmp/site/stack" >"$tmp/etc/more.conf"
    "$tmp/tool" enable
    grep -Fx "$line" "$tmp/site/stack"
    "$tmp/tool" disable
    echo "ClusterName=x" >"$tmp/etc/slurm.conf"
    "$tmp/tool" enable
    grep -Fx "$line" "$conf"
    rm "$tmp/etc/slurm.conf" "$conf"
    refused "there is no $tmp/etc/slurm.conf" "$tmp/tool" enable
    "$tmp/tool" disable # where there is no Slurm nothing is enabled
    "$tmp/tool" enable --file="$tmp/site/stack"
    grep -Fx "$line" "$tmp/site/stack"
}

@test "owner and mode stay, and so does a symbolic link" {
    mkdir "$tmp/shared"
    echo "required a.so" >"$tmp/shared/plugstack.real"
    ln -s ../shared/plugstack.real "$conf"
    chmod 640 "$tmp/shared/plugstack.real"
    [ "$(id -u)" != 0 ] || chown 65534:65534 "$tmp/shared/plugstack.real"
    before=$(stat -c '%u:%g %a' "$tmp/shared/plugstack.real")
    "$tmp/tool" enable
    [ -L "$conf" ]
    [ "$(stat -c '%u:%g %a' "$tmp/shared/plugstack.real")" = "$before" ]
    grep -Fx "$line" "$tmp/shared/plugstack.real"
    "$tmp/tool" disable
    [ -L "$conf" ]
    [ "$(stat -c '%u:%g %a' "$tmp/shared/plugstack.real")" = "$before" ]
    [ "$(cat "$conf")" = "required a.so" ]
}

@test "enable refuses what would make every srun fail: no plugin, no program, another release, a second one" {
    echo "required a.so" >"$conf"
    refused "there is no plugin" "$tmp/tool" enable --plugin /nowhere/spank_infer.so
    refused "there is no program" "$tmp/tool" enable --program /nowhere/inferstep
    echo "another file" >"$tmp/plain.so"
    refused "does not say which Slurm it is for" "$tmp/tool" enable --plugin "$tmp/plain.so"
    sed -i 's/22.05/23.11/' "$tmp/bin/scontrol"
    refused "is for Slurm 22.05, and this is Slurm 23.11" "$tmp/tool" enable
    sed -i 's/23.11/22.05/' "$tmp/bin/scontrol"
    chmod o+w "$program"
    refused "others than root can write $program" "$tmp/tool" enable
    chmod o-w "$program"
    mkdir -m 777 "$tmp/open"
    cp "$program" "$tmp/open/"
    refused "others than root can write $tmp/open" "$tmp/tool" enable --program "$tmp/open/inferstep"
    chmod 1777 "$tmp/open"
    "$tmp/tool" enable --program "$tmp/open/inferstep" # as in /tmp: nobody else can replace it
    "$tmp/tool" disable
    refused "Slurm cannot read a space" "$tmp/tool" enable "statedir=/a b"
    refused "is no SETTING=VALUE" "$tmp/tool" enable nonsense
    echo "required /opt/lib/spank_infer.so inferstep=/opt/bin/inferstep" >"$conf"
    refused "another spank_infer.so is enabled" "$tmp/tool" enable
    "$tmp/tool" disable # not ours: it stays
    grep -q /opt/lib "$conf"
    # What is enabled and cannot be loaded any more is told, and goes as easily.
    echo "$line" >"$conf"
    sed -i 's/22.05/23.11/' "$tmp/bin/scontrol"
    refused "is for Slurm 22.05, and this is Slurm 23.11" "$tmp/tool" status
    rm "$plugin" "$program"
    refused "there is no plugin" "$tmp/tool" status
    "$tmp/tool" disable
    [ ! -s "$conf" ]
}

@test "a folder that cannot be written is refused and a wrong command line ends with 2" {
    [ "$(id -u)" = 0 ] || skip "only root can become somebody who may not write there"
    echo "required a.so" >"$conf"
    refused "cannot write in $tmp/etc" setpriv --reuid=65534 --regid=65534 --clear-groups "$tmp/tool" enable
    for words in "" "able" "enable --color" "disable db-cpus=3" "status --file"; do
        # shellcheck disable=SC2086  # words
        run "$tmp/tool" $words
        [ "$status" = 2 ] || { echo "'$words': $status"; return 1; }
    done
}

@test "with --root everything lies below a folder, as in the image of a node" {
    mkdir -p "$tmp/image/none" "$tmp/image$tmp"
    cp "$plugin" "$program" "$tmp/image$tmp/"
    echo "PlugStackConfig=/none/stack" >"$tmp/image/none/slurm.conf"
    sed -i "s,^plugin=.*,plugin=$plugin program=$program slurm_conf=/none/slurm.conf," "$tmp/tool"
    "$tmp/tool" enable --root "$tmp/image"
    echo "$line" | cmp - "$tmp/image/none/stack"
    "$tmp/tool" disable --root "$tmp/image"
    [ ! -s "$tmp/image/none/stack" ]
}
