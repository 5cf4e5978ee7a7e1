#!/usr/bin/env bats
# The Debian and RPM packages: built, compared with tests/cli/packages.txt, installed into an empty root, used, removed.

setup_file() {
    cd "$INFERSTEP_TOP" || exit 1
    [ "$(du -smL "$BUILD/lib/inferstep/torch" | cut -f1)" -lt 2000 ] || return 0
    for kind in deb rpm; do
        make --no-print-directory BUILD="$BUILD" $kind >"$BATS_FILE_TMPDIR/$kind.log" 2>&1 || { tail -n 30 "$BATS_FILE_TMPDIR/$kind.log"; return 1; }
    done
    SLURM=$(make -s --no-print-directory print-SLURM_RELEASE)
    PLUGINDIR=$(make -s --no-print-directory print-slurm_plugindir)
    LIBDIR=/usr/lib/$(dpkg-architecture -q DEB_HOST_MULTIARCH)
    export SLURM PLUGINDIR LIBDIR
}
setup() {
    [ "$(du -smL "$BUILD/lib/inferstep/torch" | cut -f1)" -lt 2000 ] || skip "libtorch with CUDA takes minutes to pack"
    root=$BATS_TEST_TMPDIR/root
    mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/etc/slurm"
    : >"$root/var/lib/dpkg/status"
    printf 'ClusterName=x\n' >"$root/etc/slurm/slurm.conf"
    printf 'required /usr/lib/other.so' | tee "$root/etc/slurm/plugstack.conf" >"$BATS_TEST_TMPDIR/before"
}
deb() { echo "$BUILD/deb/$1"_*.deb; }
rpm_file() { ls "$BUILD"/rpm/"$1"-[0-9]*.rpm; }
dpkg_in_root() {
    PATH=$PATH:/usr/sbin:/sbin dpkg --root="$root" --force-script-chrootless --force-depends --force-unsafe-io "$@" >"$BATS_TEST_TMPDIR/log" 2>&1 ||
        { cat "$BATS_TEST_TMPDIR/log"; return 1; }
}
needs_root() { [ "$(id -u)" = 0 ] || skip "only root can install packages"; }
# The paths of a package in words that hold for both families. Documents, manual pages, and what libtorch brings besides its
# core, aside.
canonical() { # package
    sed -n "s,^\./,/,;s,$PLUGINDIR/,PLUGINDIR/,;s,$LIBDIR/,LIBDIR/,;s,/usr/lib64/,LIBDIR/,;s,\.so\.[0-9]*\.[0-9.]*\$,.so.VERSION,;p" |
        grep -v -e '/$' -e '^/usr/share/doc/' -e '^/usr/share/man/' -e '^/usr/share/lintian/' -e '^/usr/lib/inferstep$' -e '^/etc/inferstep$' -e '/torch$' |
        grep -vE '/torch/lib(gomp|torch_[^c]|torch_cuda|torch\.|c10_|cu|nv|shm|caffe)' | sed "s,^,$1: ," | LC_ALL=C sort
}

@test "every file is in the package where it belongs, in both families" {
    for package in inferstep inferstep-slurm inferstep-torch inferstep-dev; do
        dpkg-deb --fsys-tarfile "$(deb $package)" | tar -t | canonical $package
    done >"$BATS_TEST_TMPDIR/deb"
    for package in inferstep inferstep-slurm inferstep-torch inferstep-devel; do
        rpm -qpl "$(rpm_file $package)" 2>/dev/null | canonical ${package%el}
    done >"$BATS_TEST_TMPDIR/rpm"
    local without=^$ # the library of GPU kernels, where there is no compiler for it
    [ -e "$BUILD/lib/inferstep/libinferstep_cuda.so" ] || without=libinferstep_cuda.so$
    sed "\\|$without|d" "$INFERSTEP_TOP/tests/cli/packages.txt" >"$BATS_TEST_TMPDIR/listed"
    diff "$BATS_TEST_TMPDIR/listed" "$BATS_TEST_TMPDIR/deb"
    diff "$BATS_TEST_TMPDIR/listed" "$BATS_TEST_TMPDIR/rpm"
    (cd "$INFERSTEP_TOP/man" && printf '%s.gz\n' *.[1-8] | sort) >"$BATS_TEST_TMPDIR/pages"
    for f in "$BUILD"/deb/*.deb; do dpkg-deb --fsys-tarfile "$f" | tar -t; done | sed -n 's,.*/man[1-8]/\(.\),\1,p' | sort | diff "$BATS_TEST_TMPDIR/pages" -
    rpm -qpl "$BUILD"/rpm/*.rpm 2>/dev/null | sed -n 's,.*/man[1-8]/,,p' | sort | diff "$BATS_TEST_TMPDIR/pages" -
}

@test "the plugin's package is tied to the Slurm release, and nothing but it is" {
    depends=$(dpkg-deb -f "$(deb inferstep-slurm)" Depends)
    [[ $depends == *"slurm-wlm-basic-plugins (>= $SLURM) | slurm-smd (>= $SLURM)"* ]]
    [[ $(dpkg-deb -f "$(deb inferstep-slurm)" Version) == *"+slurm$SLURM" ]]
    upper=$(sed -n 's/.*slurm-wlm-basic-plugins (<< \([^)]*\)).*/\1/p' <<<"$depends")
    dpkg --compare-versions "$SLURM.11-1" lt "$upper"
    dpkg --compare-versions "${SLURM%.*}.$(printf %02d $((10#${SLURM#*.} + 1))).0-1" gt "$upper"
    # Debian's own Slurm satisfies it.
    run apt-get -s --no-install-recommends install "$BUILD"/deb/*.deb
    [[ $output == *"Inst inferstep-slurm "* ]]
    rpm -qp --requires "$(rpm_file inferstep-slurm)" 2>/dev/null | grep -x "slurm >= $SLURM"
    rpm -qp --requires "$(rpm_file inferstep-slurm)" 2>/dev/null | grep -E "^slurm < ${SLURM%.*}\.[0-9]+$"
    run bash -c "for p in inferstep inferstep-torch inferstep-dev; do dpkg-deb -f '$BUILD'/deb/\${p}_*.deb Depends; done | grep -i slurm"
    [ -z "$output" ]
}

@test "the libraries that a package needs are known to dpkg and rpm; the plugin needs libc alone" {
    [[ $(dpkg-deb -f "$(deb inferstep)" Depends) == *libc6*libhiredis*libhwloc15*libstdc++6* ]]
    [ "$(dpkg-deb -f "$(deb inferstep-slurm)" Depends | grep -oE '\blib[a-z0-9+]+' | sort -u)" = libc6 ]
    [[ $(dpkg-deb -f "$(deb inferstep)" Recommends) == *"inferstep-torch (>= "*redis-server* ]]
    rpm -qp --requires "$(rpm_file inferstep)" 2>/dev/null | grep -F 'libhwloc.so.15()(64bit)'
    run bash -c "rpm -qp --requires '$(rpm_file inferstep)' 2>/dev/null | grep -E 'torch|c10'"
    [ -z "$output" ]
}

@test "a Debian installation works from its folder, is not enabled, and goes without a trace" {
    needs_root
    dpkg_in_root -i "$BUILD"/deb/*.deb
    grep "installed, not enabled" "$BATS_TEST_TMPDIR/log"
    cmp "$root/etc/slurm/plugstack.conf" "$BATS_TEST_TMPDIR/before"
    "$root/usr/bin/inferstep" --version
    "$root/usr/bin/inferstep" model resnet18 -o "$BATS_TEST_TMPDIR/m.pt" # with the packaged libtorch
    dpkg_in_root --verify
    grep -x /etc/inferstep/db.conf "$root/var/lib/dpkg/info/inferstep.conffiles"
    "$root/usr/sbin/inferstep-plugstack" enable --root "$root"
    [ "$(tail -n 1 "$root/etc/slurm/plugstack.conf")" = "required $PLUGINDIR/spank_infer.so inferstep=/usr/bin/inferstep" ]
    dpkg_in_root -i "$(deb inferstep-slurm)" # an upgrade keeps the line
    grep -q spank_infer "$root/etc/slurm/plugstack.conf"
    dpkg_in_root --purge inferstep-slurm inferstep inferstep-torch inferstep-dev
    cmp "$root/etc/slurm/plugstack.conf" "$BATS_TEST_TMPDIR/before"
    run find "$root" ! -type d ! -path "*/var/lib/dpkg/*" ! -path "*/etc/slurm/*"
    [ -z "$output" ] || { echo "left: $output"; return 1; }
}

@test "installed into /usr, programs find their files, the site's db.conf is obeyed, and srun's completion is there" {
    needs_root
    dpkg_in_root -i "$(deb inferstep)" "$(deb inferstep-slurm)"
    echo tcp_auth=required >"$root/etc/inferstep/db.conf"
    # This machine's /usr and /etc with the packages' files in front.
    inside() {
        root=$root unshare --mount bash -c 'for d in usr etc; do mount -t overlay overlay -o "lowerdir=$root/$d:/$d" "/$d" || exit 77; done; '"$1"
    }
    inside true 2>/dev/null || skip "no overlay mounts here"
    inside '[ "$(/usr/bin/inferstep --version | head -c 9)" = inferstep ]'
    run inside 'SLURM_JOB_ID=1 SLURM_STEP_ID=0 /usr/bin/inferstep db standard --tcp-auth=none'
    [ "$status" != 0 ] && [[ $output == *"/etc/inferstep/db.conf says tcp_auth=required"* ]] || { echo "$output"; return 1; }
    [ -e /usr/share/bash-completion/bash_completion ] || skip "the package bash-completion is not installed"
    run inside 'bash --norc -c ". /usr/share/bash-completion/bash_completion; complete -p srun; __load_completion inferstep; complete -p inferstep"'
    [[ $output == *"-F _inferstep_start srun"*"-F _inferstep inferstep"* ]] || { echo "$output"; return 1; }
}

@test "while the line cannot be taken out the plugin stays where it is" {
    needs_root
    unshare --mount true 2>/dev/null || skip "no mount namespaces here"
    dpkg_in_root -i "$(deb inferstep-slurm)"
    mkdir -p "$root/usr/bin"
    install -m 755 /dev/null "$root/usr/bin/inferstep"
    "$root/usr/sbin/inferstep-plugstack" enable --root "$root"
    export -f dpkg_in_root
    export root BATS_TEST_TMPDIR
    run unshare --mount bash -c 'mount --bind "$root/etc/slurm" "$root/etc/slurm" && mount -o remount,ro,bind "$root/etc/slurm" && dpkg_in_root --purge inferstep-slurm'
    [ "$status" != 0 ] && [[ $output == *"cannot write in $root/etc/slurm"* ]]
    [ -e "$root$PLUGINDIR/spank_infer.so" ]
    "$root/usr/sbin/inferstep-plugstack" status --root "$root"
}

@test "an RPM installation works from its folder and goes without a trace" {
    needs_root
    in_root() { rpm --root "$root" --dbpath /var/lib/rpm --nodeps --noscripts "$@"; }
    in_root -i "$(rpm_file inferstep)" "$(rpm_file inferstep-slurm)" "$(rpm_file inferstep-devel)"
    "$root/usr/bin/inferstep" --version
    # The file systems of this root, where there are none of its package, are the only ones that may differ.
    in_root -V inferstep inferstep-slurm
    rpm -qp --scripts "$(rpm_file inferstep-slurm)" 2>/dev/null | grep -F '/usr/sbin/inferstep-plugstack disable || exit 1'
    rpm -qpc "$(rpm_file inferstep)" 2>/dev/null | grep -x /etc/inferstep/db.conf
    in_root -e inferstep-slurm inferstep-devel inferstep
    run find "$root" ! -type d ! -path "*/var/lib/*" ! -path "*/etc/slurm/*"
    [ -z "$output" ] || { echo "left: $output"; return 1; }
}
