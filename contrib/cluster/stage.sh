# shellcheck shell=bash
# The staged installation and the plugin's line in plugstack.conf. Sourced by `cluster`.
# shellcheck disable=SC2154,SC2034  # the state in common.sh is shared by all parts

# The checkout may lie where the test user cannot go (/root): what runs in the cluster is installed below its directory.
stage() {
    local log=$dir/log/stage.log
    # Below another make, its flags name job descriptors that are closed here, or are somebody else's.
    (umask 022 && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$here/../.." install ${BUILD:+BUILD="$BUILD"} DESTDIR= \
        prefix="$dir/stage" exec_prefix="$dir/stage" bindir="$dir/stage/bin" libdir="$dir/stage/lib" \
        slurm_plugindir="$dir/stage/lib/slurm") >"$log" 2>&1 </dev/null || {
        say "cluster: 'make install' failed; the end of its output:"
        tail -n 15 "$log" | sed 's/^/    /' >&2
        return 1
    }
}

# The plugin's line. A setting that is given takes the place of ours with the same key.
plugin_line() {
    local setting
    local -a settings=("inferstep=$dir/stage/bin/inferstep" "redis=$(command -v redis-server || echo /usr/bin/redis-server)")
    printf 'required %s' "$dir/stage/lib/slurm/spank_infer.so"
    for setting in "${settings[@]}"; do
        [[ " $*" == *" ${setting%%=*}="* ]] || printf ' %s' "$setting"
    done
    for setting in $(pretending); do
        printf ' setenv=%s' "$setting"
    done
    [ $# = 0 ] || printf ' %s' "$@"
    echo
}

# srun and slurmstepd read the file anew each time; replaced in one step, nobody sees half of it.
write_plugstack() {
    { cat "$dir/etc/plugstack.given" && plugin_line "$@"; } >"$dir/etc/plugstack.new"
    mv "$dir/etc/plugstack.new" "$dir/etc/plugstack.conf"
}
write_plugstack_without() {
    cp "$dir/etc/plugstack.given" "$dir/etc/plugstack.new"
    mv "$dir/etc/plugstack.new" "$dir/etc/plugstack.conf"
}
