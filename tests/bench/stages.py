"""Two stages of a thread each beside one process of a thread, with weights of OpenLLaMA 3B's shape.

Nine of its 26 layers: with the head they divide as evenly as the whole model does. What two can reach is what two threads
read more than one, measured by the runs themselves over their own weights.
"""
import json
import os
import statistics
import tempfile

from common import TOP, figure, say

LAYERS, PROMPTS, TOKENS, GROUPS, ROUNDS = 9, 6, 24, 2, 5


def tokens_per_second(bench, model, stages, groups):
    """tokens/s, GB/s that the ranks could read together, share of the stages' time spent waiting"""
    work = tempfile.mkdtemp(dir=bench.dir)
    with open(f"{work}/prompts.jsonl", "w", encoding="utf-8") as f:
        for i in range(PROMPTS):
            f.write(json.dumps({"prompt": f"{i} to begin with"}) + "\n")
    bench.call(bench.bin, "run", "-n", str(stages), "--", bench.bin, "stage", "--model", model, "--prompts", f"{work}/prompts.jsonl",
               "--precision=int4", f"--max-new-tokens={TOKENS}", "--ignore-eos", "--threads=1", f"--groups={groups}",
               "--output-dir", f"{work}/out", cwd=work)
    with open(f"{work}/out/metrics.json", encoding="utf-8") as f:
        bundle = json.load(f)
    return bundle["totals"]["tokens_per_s"], bundle["limits"]["read_GBs"], bundle["totals"]["bubble_fraction"]


@figure()
def stages2(bench):
    if len(bench.cpus) < 2:
        say("stages2", "skipped: one CPU", ">=0.95", "-", 0)
        return
    model = f"{bench.dir}/stages.gguf"
    bench.call(f"{TOP}/tests/lib/llama_shape.py", model, "q4_0", str(LAYERS))
    ratios, bubbles = [], []
    for _ in range(ROUNDS):
        one, read_one, _ = tokens_per_second(bench, model, 1, 1)
        two, read_two, bubble = tokens_per_second(bench, model, 2, GROUPS)
        ratios.append(two / one / min(read_two / read_one, 2))
        bubbles.append(bubble)
    os.unlink(model)
    say("stages2", statistics.median(ratios), ">=0.95",
        f"tokens/s(2 stages of 1 thread, {GROUPS} groups)/tokens/s(1 thread)/min(read(2 threads)/read(1), 2)", ROUNDS)
    say("stages2_bubble", statistics.median(bubbles), "-", "waiting of both stages/their time", ROUNDS)
