# shellcheck shell=bash
# The staged installation and the plugin's line in plugstack.conf. Sourced by `cluster`.
# shellcheck disable=SC2154,SC2034  # the state in common.sh is shared by all parts

# The checkout may lie where the test user cannot go (/root): what runs in the cluster is installed below its directory.
stage() {
    local log=$dir/log/stage.log
    (umask 022 && make -C "$here/../.." install ${BUILD:+BUILD="$BUILD"} DESTDIR= prefix="$dir/stage" exec_prefix="$dir/stage" \
        bindir="$dir/stage/bin" libdir="$dir/stage/lib" slurm_plugindir="$dir/stage/lib/slurm") >"$log" 2>&1 || {
        say "cluster: 'make install' failed; the end of its output:"
        tail -n 15 "$log" | sed 's/^/    /' >&2
        return 1
    }
}

# The plugin's line, with the settings given after those that this cluster needs.
plugin_line() {
    local variable
    printf 'required %s inferstep=%s redis=%s' "$dir/stage/lib/slurm/spank_infer.so" "$dir/stage/bin/inferstep" \
        "$(command -v redis-server || echo /usr/bin/redis-server)"
    for variable in $(pretending); do
        printf ' setenv=%s' "$variable"
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
