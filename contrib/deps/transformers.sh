#!/bin/sh
# Fetch transformers with what it needs, and torch for Python, into the cache outside the tree, once: the tests compare the
# language model's logits with theirs.
# Usage: transformers.sh      print the folders for PYTHONPATH
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/deps/cache.sh
. "$here/cache.sh"

[ $# = 0 ] || { echo "transformers.sh: unknown argument '$1'" >&2; exit 2; }
torch=$("$here/torch.sh" --python)
set -f
once python-transformers-4.57.3 wheels requirements-transformers.txt '*'
echo "$cache/python-transformers-4.57.3:$torch"
