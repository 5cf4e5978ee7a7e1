#!/bin/sh
# Install the Debian packages that building and testing inferstep needs. Does nothing, and needs no root, when all are there.
# Usage: packages.sh [build] [test] [lint]      (build and test by default)
set -eu
build="g++ gfortran make pkg-config libslurm-dev libhwloc-dev libhiredis-dev libcjson-dev libcunit1-dev libcli11-dev libfmt-dev
  libssl-dev libjpeg-dev libpng-dev libyaml-cpp-dev libsentencepiece-dev libpcre2-dev libucx-dev python3 python3-pip unzip"
test="munge slurmctld slurmd slurmdbd slurm-client mariadb-server-core mariadb-client-core redis-server redis-tools
  hwloc-nox bats strace mandoc jq procps iproute2
  sentencepiece gnuplot-nox chromium python3-pandas dpkg-dev rpm bash-completion clang-14 libclang-rt-14-dev libpython3.11"
lint="clang-format clang-tidy shellcheck"
wanted=
[ $# -gt 0 ] || set -- build test
for set in "$@"; do
    case $set in
        build) wanted="$wanted $build" ;;
        test) wanted="$wanted $test" ;;
        lint) wanted="$wanted $lint" ;;
        *) echo "packages.sh: unknown set '$set'; use build, test or lint" >&2; exit 2 ;;
    esac
done
missing=
for p in $wanted; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "packages.sh: these packages are missing and only root can install them:$missing" >&2
    exit 1
fi
echo "installing:$missing"
# A package's maintainer script would start its daemon: the tests start their own, privately.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
    trap 'rm -f $policy' EXIT
fi
install() {
    # shellcheck disable=SC2086  # a list of words on purpose
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -q -y --no-install-recommends install $missing </dev/null
}
apt-get -q update </dev/null || true
install || { sleep 5; apt-get -q update </dev/null; install; }   # one retry: mirrors hiccup
