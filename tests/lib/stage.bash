# shellcheck shell=bash
# Helpers of the tests of inferstep stage: a tiny model, prompts, and a look at what a run has left.

# In setup_file: the model $STAGE_DIR/model, and 20 prompts of different lengths in prompts.jsonl.
stage_files() {
    export STAGE_DIR
    STAGE_DIR=${1:-$(mktemp -d)}
    /usr/bin/python3 "$INFERSTEP_TOP/tests/lib/make_llama.py" "$STAGE_DIR/model" --layers 4
    /usr/bin/python3 - "$STAGE_DIR/prompts.jsonl" <<'END'
import json, sys
words = "the licence of a free program says that everyone may share and change it and all of its versions".split()
with open(sys.argv[1], "w") as f:
    for i in range(20):
        text = " ".join(words[(3 * i + k) % len(words)] for k in range(2 + i * 7 % 23))
        print(json.dumps({"id": f"2k_{i}", "variant": "2k" if i % 2 else "4k", "prompt": text, "token_budget": 2000}), file=f)
END
}

# [-n TASKS] OPTION…: the ranks run side by side, each on $THREADS threads (one), with $MODEL (the tiny one).
stage() {
    local tasks=1
    [ "$1" != -n ] || { tasks=$2; shift 2; }
    timeout -k 5 60 inferstep run --tasks "$tasks" -- inferstep stage --model "${MODEL:-$STAGE_DIR/model}" \
        --prompts "$STAGE_DIR/prompts.jsonl" --max-new-tokens 9 --threads "${THREADS:-1}" "$@"
}

# same A B…: all completions files have the same tokens, ends and log-probabilities for the same prompts.
same() {
    /usr/bin/python3 - "$@" <<'END'
import json, sys
def read(path):
    rows = [json.loads(line) for line in open(path)]
    found = {r["prompt_index"]: (r["tokens"], r["finish"], r["log_probability"], r["completion"]) for r in rows}
    assert len(found) == len(rows) > 0, path
    return found
first = read(sys.argv[1])
for path in sys.argv[2:]:
    other = read(path)
    assert other == first, (path, [i for i in set(first) | set(other) if first.get(i) != other.get(i)])
END
}
