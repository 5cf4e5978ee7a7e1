#!/usr/bin/env bats
# The plugin's line on a cluster that works: enabled, steps have databases; disabled, srun knows no such option.

load ../lib/cluster

setup_file() { cluster_start --nodes 2; }
teardown_file() {
    [ -n "${CLUSTER_MISSING-}" ] || plugstack_restore
    cluster_stop
}
setup() {
    cluster_require
    tool=$CLUSTER_STAGE/sbin/inferstep-plugstack
    conf=$CLUSTER_DIR/etc/plugstack.conf
    plugstack_restore
    # What the cluster's own line has behind the program: its nodes pretend their CPUs with it.
    read -ra settings < <(sed -n 's/^required [^ ]* inferstep=[^ ]* //p' "$conf")
}
teardown() { assert_clean; }

@test "enable, and the next step has databases; disable, and srun refuses the option; other steps run throughout" {
    plugstack_empty
    cp "$conf" "$BATS_TEST_TMPDIR/before"
    run user_run srun -N2 --infer-colocate=1 true
    [ "$status" != 0 ] && [[ $output == *"unrecognized option '--infer-colocate=1'"* ]]
    "$tool" enable "${settings[@]}"
    run user_run srun -N2 -c4 --infer-colocate=1 sh -c 'echo $SSDB'
    [ "$status" = 0 ] && [ "$(grep -c ^unix: <<<"$output")" = 2 ] || { echo "$output"; return 1; }
    "$tool" status
    "$tool" disable
    cmp "$conf" "$BATS_TEST_TMPDIR/before"
    run user_run srun -N2 --infer-colocate=1 true
    [ "$status" != 0 ] && [[ $output == *"unrecognized option"* ]]
    user_run srun -N2 true
}

@test "a step that runs while the plugin is disabled ends as it should" {
    user_background srun -N2 -c4 --infer-colocate=1 sh -c 'touch "up.$SLURM_NODEID"; while [ ! -e go ]; do sleep 0.1; done; redis-cli -s "${SSDB#unix:}" PING'
    for _ in $(seq 150); do [ -e "$CLUSTER_WORK/up.0" ] && [ -e "$CLUSTER_WORK/up.1" ] && break; sleep 0.1; done
    "$tool" disable
    user_run touch go
    wait "$BACKGROUND_PID"
    [ "$(grep -c PONG "$BACKGROUND_LOG")" = 2 ] || { cat "$BACKGROUND_LOG"; return 1; }
    rm -f "$CLUSTER_WORK"/up.* "$CLUSTER_WORK/go"
}

@test "a plugin of another Slurm makes every srun fail, as INSTALL says: enable refuses it, disable takes it out" {
    other=$CLUSTER_DIR/other/spank_infer.so
    mkdir -p "${other%/*}"
    printf '%s\n' 'const char plugin_name[] = "infer", plugin_type[] = "spank", label[] = "spank_infer 0.1.0 for Slurm 19.11";' \
        'const unsigned plugin_version = 0x130b00, spank_plugin_version = 1;' | cc -shared -fPIC -x c - -o "$other"
    plugstack_empty
    run "$tool" enable --plugin "$other"
    [ "$status" = 1 ] && [[ $output == *"is for Slurm 19.11, and this is Slurm "* ]]
    echo "required $other" >>"$conf"
    run user_run srun true
    [ "$status" != 0 ] && [[ $output == *"Incompatible Slurm plugin $other version (19.11.0)"* ]]
    rm "$other"
    run user_run srun true
    [ "$status" != 0 ] && [[ $output == *"Failed to load plugin $other. Aborting."* ]]
    for words in "Incompatible Slurm plugin" "Failed to load plugin"; do grep -q "$words" "$INFERSTEP_TOP/INSTALL"; done
    "$tool" disable --plugin "$other"
    user_run srun true
}

@test "every option that the plugin gives to srun, sbatch and salloc completes" {
    plugstack_restore
    for command in srun sbatch salloc; do
        expected=$($command --help | grep -oE '^ +--infer-[a-z-]+' | sort)
        [ "$(wc -l <<<"$expected")" -ge 11 ]
        offered=$(bash --norc -c 'compopt() { :; }; . "$1"; COMP_LINE="$2 --infer-" COMP_POINT=${#COMP_LINE}; _inferstep_slurm "$2" --infer- "$2"; printf "%s\n" "${COMPREPLY[@]%=}"' \
            _ "$CLUSTER_STAGE/share/bash-completion/completions/inferstep" $command | sort)
        diff <(tr -d ' ' <<<"$expected") <(echo "$offered")
    done
}

@test "the plugin and the program of the Debian packages serve a step" {
    ls "$BUILD"/deb/inferstep-slurm_*.deb >/dev/null 2>&1 || skip "no packages in $BUILD/deb; tests/cli/t0910-packages.bats makes them"
    root=$CLUSTER_DIR/packages
    for package in inferstep inferstep-slurm; do dpkg-deb -x "$BUILD"/deb/"$package"_*.deb "$root"; done
    ln -sfn "$CLUSTER_STAGE/lib/inferstep/torch" "$root/usr/lib/inferstep/torch" # as INSTALL says for a libtorch of one's own
    plugstack_empty
    "$root/usr/sbin/inferstep-plugstack" enable --plugin "$(echo "$root"/usr/lib/*/slurm*/spank_infer.so)" --program "$root/usr/bin/inferstep" "${settings[@]}"
    run user_run srun -N2 -c4 --infer-colocate=1 "$root/usr/bin/inferstep" client --model resnet18 --iterations 2
    [ "$status" = 0 ] && [[ $output == *"#wrong        0 of 4"* ]] || { echo "$output"; return 1; }
    "$root/usr/sbin/inferstep-plugstack" disable --plugin "$(echo "$root"/usr/lib/*/slurm*/spank_infer.so)"
    rm -rf "$root"
}
