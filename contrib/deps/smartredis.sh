#!/bin/sh
# Fetch the SmartRedis client, unmodified, into the cache outside the tree, once: the tests talk to the database with it.
# Usage: smartredis.sh            print the directory of its Python packages (a PYTHONPATH)
#        smartredis.sh --source   likewise of its source distribution, with include/ and src/fortran/
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/deps/cache.sh
. "$here/cache.sh"

source_tree() { # into $stage; pip runs its setup.py for the metadata, with the setuptools given
    wheels requirements-setuptools.txt '*' || return 1
    PYTHONPATH=$stage download requirements-smartredis-source.txt "$stage/source" --no-binary=:all: --no-build-isolation ||
        return 1
    find "$stage" -mindepth 1 -maxdepth 1 ! -name source -exec rm -rf {} +
    tar -xzf "$stage"/source/smartredis-0.6.1.tar.gz -C "$stage" --strip-components=1
    rm -rf "$stage/source"
}
case ${1:-} in
    '') set -f; once smartredis-0.6.1 wheels requirements-smartredis.txt '*'; echo "$cache/smartredis-0.6.1" ;;
    --source) once smartredis-0.6.1-source source_tree; echo "$cache/smartredis-0.6.1-source" ;;
    *) echo "smartredis.sh: unknown argument '$1'" >&2; exit 2 ;;
esac
