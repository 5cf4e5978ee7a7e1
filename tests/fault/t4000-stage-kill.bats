#!/usr/bin/env bats
# A rank of a pipeline dies, or falls silent, in mid-run: every other one says which it was, on which node, and ends; what
# was complete stays; nothing is left running or in shared memory.

# shellcheck disable=SC2030,SC2031,SC2154 # output is run's; RUN is each test's own
bats_require_minimum_version 1.5.0
load ../lib/stage

setup_file() { stage_files; }
teardown_file() { rm -rf "$STAGE_DIR"; }
setup() { cd "$BATS_TEST_TMPDIR" || return 1; }
teardown() { [ -z "${RUN-}" ] || kill -9 "$RUN" 2>/dev/null || true; }

wait_for() { # a condition, at most 20 s
    local deadline=$((SECONDS + 20))
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || { echo "in vain: $*"; cat err; return 1; }
        sleep 0.02
    done
}

pid_of() { pgrep -f "output-dir $PWD/[o]ut" | while read -r pid; do
    ! tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -qx "INFER_RANK=$1" || echo "$pid"
done; }
gone() { [ -z "$(pgrep -f "output-dir $PWD/[o]ut")" ]; }
shared() { find /dev/shm -name '*inferstep*' -newer "$STAGE_DIR/model" | sort; }

# Three stages that would compute for minutes, the first prompts complete.
start() {
    before=$(shared)
    timeout -k 5 120 inferstep run --tasks 3 -- inferstep stage --model "$STAGE_DIR/model" --threads 1 \
        --prompts "$STAGE_DIR/prompts.jsonl" --max-new-tokens 1500 --ignore-eos --timeout 4 --output-dir "$PWD/out" \
        >text 2>err 3>&- &
    RUN=$!
    wait_for test -s out/completions_rank_2.jsonl
}

# ended RANK: everybody is gone, and said that rank RANK was the reason; what is there is sound.
ended() {
    local code=0
    wait "$RUN" || code=$?
    RUN=
    [ "$code" -ne 0 ]
    wait_for gone
    [ "$(shared)" = "$before" ]
    /usr/bin/python3 - "$1" <<'END'
import json, sys
dead = int(sys.argv[1])
text = open("err").read()
for rank in {0, 1, 2} - {dead}:
    assert f"inferstep: rank {rank}: error: rank {dead} on node " in text, text
    last = open(f"out/rank_{rank}.log").read().splitlines()[-1]
    assert f"rank {dead} on node" in json.loads(last)["error"], last
rows = open("out/completions_rank_2.jsonl").read().splitlines()
assert 1 <= len([json.loads(row) for row in rows if row.endswith("}")]) < 20
bundle = json.load(open("out/metrics.json"))
assert len(bundle["errors"]) == 2 and [r["rank"] for r in bundle["ranks"]] == sorted({0, 1, 2} - {dead}), bundle
END
}

@test "a stage that is killed takes all others with it" {
    local rank
    for rank in 0 1 2; do
        rm -rf out
        start
        kill -9 "$(pid_of "$rank")"
        ended "$rank"
    done
}

@test "a stage that is stopped is given up by all others" {
    local silent
    start
    silent=$(pid_of 1)
    kill -STOP "$silent"
    wait_for grep -q 'rank 2: error: rank 1 on node' err
    wait_for grep -q 'rank 0: error: rank 1 on node' err
    kill -9 "$silent"
    ended 1
}

@test "who is told to stop ends in order, whichever rank hears it" {
    local rank code
    for rank in 0 1 2; do
        rm -rf out
        start
        kill -TERM "$(pid_of "$rank")"
        code=0
        wait "$RUN" || code=$?
        [ "$code" -eq 1 ]
        grep -E 'rank 2: warning: told to stop: [0-9]+ of 20 prompts are complete' err
        /usr/bin/python3 -c '
import json
b = json.load(open("out/metrics.json"))
assert len(b["ranks"]) == 3 and b["errors"] == []
assert b["totals"]["completed"] == len(open("out/completions_rank_2.jsonl").readlines()) < 20'
    done
    RUN=
    wait_for gone
}

@test "who is killed with all its ranks leaves nothing behind" {
    start
    kill -9 "$(pgrep -P "$RUN")"
    wait "$RUN" || true
    RUN=
    wait_for gone
    [ "$(shared)" = "$before" ]
    [ -s out/completions_rank_2.jsonl ]
}
