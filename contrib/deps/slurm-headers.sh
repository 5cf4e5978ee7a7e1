#!/bin/sh
# Fetch the headers of other releases of Slurm into a cache outside the tree, once, and print where they lie: a directory
# with one folder for each release (20.11, 24.11, …), which holds slurm/*.h. Usage: slurm-headers.sh
# They come from other releases of Debian, through this machine's own mirror, by an apt with a configuration of its own: the
# machine's sources and lists stay as they are. A release of Debian that the mirror has no more is left out.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/deps/cache.sh
. "$here/cache.sh"
suites="bullseye trixie sid"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

private_apt() { # command and its arguments
    "$@" -qq -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
        -o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none \
        -o Acquire::http::Timeout=10 -o Acquire::Retries=0 </dev/null >&2
}

mirror() {
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    # shellcheck disable=SC2016  # apt fills these in
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Component: main' |
        awk -v release="$codename" '$2 == release { print $1; exit }'
}

one_release() { # a Debian release: the headers of the Slurm that it has, into $stage
    echo "deb [signed-by=$keyring] $uri $1 main" >"$apt/sources.list"
    (cd "$apt" && rm -f ./*.deb && private_apt apt-get update && private_apt apt-get download "libslurm-dev/$1") || return 1
    release=$(dpkg-deb -f "$apt"/libslurm-dev_*.deb Version | grep -oE '^[0-9]+\.[0-9]+') || return 1
    mkdir "$apt/$1" && dpkg-deb -x "$apt"/libslurm-dev_*.deb "$apt/$1" || return 1
    mkdir -p "$stage/$release" && cp -r "$apt/$1/usr/include/slurm" "$stage/$release/"
}

headers() {
    apt=$stage/apt
    uri=$(mirror)
    [ -n "$uri" ] || { echo "slurm-headers.sh: this machine has no Debian mirror among its sources" >&2; return 1; }
    rm -rf "$apt"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    for suite in $suites; do
        one_release "$suite" || echo "slurm-headers.sh: no libslurm-dev of Debian $suite could be had" >&2
    done
    rm -rf "$apt"
    [ -n "$(ls "$stage")" ]
}

once slurm-headers-1 headers
echo "$cache/slurm-headers-1"
