"""Compare what `inferstep stage` made of a model with what transformers make of the same files:

    llama_oracle.py < CASES

Each line of CASES is an object {"name", "model": directory or GGUF file, "logits": directory of --logits, "completions": file}.
For each case a line: its name, the RMS of the difference from transformers' logits in float32 over the RMS of those, the same
of transformers in bfloat16 (where the case does not say "bfloat16": false), the rows whose likeliest token is another although
it leads by more than 8 RMS of the difference, and how many of the prompts go on with tokens of which the same holds.
"""
import glob
import json
import os
import sys

sys.setdlopenflags(os.RTLD_LAZY)
import numpy as np  # noqa: E402
import torch  # noqa: E402
from transformers import AutoModelForCausalLM, logging  # noqa: E402

logging.set_verbosity_error()
logging.disable_progress_bar()
torch.set_num_threads(2)


def load(path, dtype):
    where = {"gguf_file": os.path.basename(path)} if path.endswith(".gguf") else {}
    folder = os.path.dirname(path) if where else path
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True, **where).eval()


def logits_of(model, tokens):
    with torch.inference_mode():
        return model(torch.from_numpy(tokens.astype(np.int64))[None]).logits[0].float().numpy()


def rms(x):
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))


def changed(ours, theirs, slack):
    """Rows where another token is the likeliest, and theirs leads by more than the slack"""
    top = np.sort(theirs, axis=1)[:, -2:]
    return (ours.argmax(axis=1) != theirs.argmax(axis=1)) & (top[:, 1] - top[:, 0] > slack)


def follows(model, prompt, generated, slack):
    """Every generated token is transformers' own after all before it, where theirs leads"""
    tokens = np.concatenate([prompt, generated])
    logits = logits_of(model, tokens)[len(prompt) - 1:-1]
    ours = np.zeros_like(logits)
    ours[np.arange(len(generated)), generated] = 1
    return not changed(ours, logits, slack).any()


def compare(case):
    exact = load(case["model"], torch.float32)
    short = load(case["model"], torch.bfloat16) if case.get("bfloat16", True) else exact
    with open(case["completions"], encoding="utf-8") as lines:
        completions = {c["prompt_index"]: c["tokens"] for c in map(json.loads, lines)}
    error, own, size, wrong, same = [], [], [], 0, 0
    for path in sorted(glob.glob(case["logits"] + "/*.tokens.npy")):
        prompt, ours = np.load(path), np.load(path.replace(".tokens", ""))
        theirs = logits_of(exact, prompt)
        slack = 8 * rms(ours - theirs)
        error.append(rms(ours - theirs))
        own.append(rms(logits_of(short, prompt) - theirs))
        size.append(rms(theirs))
        wrong += int(changed(ours, theirs, slack).sum())
        index = int(os.path.basename(path).split(".")[0].removeprefix("prompt_"))
        same += follows(exact, prompt, np.array(completions[index]), slack)
    print(case["name"], f"error={rms(error) / rms(size):.5f} bfloat16={rms(own) / rms(size):.5f} wrong={wrong}",
          f"follow={same}/{len(error)}", flush=True)


for line in sys.stdin:
    compare(json.loads(line))
