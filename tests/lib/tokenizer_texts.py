"""Texts on which tokenizers differ, and what others make of them.

    tokenizer_texts.py texts FILE [N]             write prompts.jsonl with them; N random ones among them (default 600)
    tokenizer_texts.py plan PLAN TEXTS            what `inferstep stage --dry-run --json` shows decodes to the texts
    tokenizer_texts.py tokenizers PLAN TEXTS GGUF compare it with the package tokenizers, given the same vocabulary
    tokenizer_texts.py spm PLAN TEXTS MODEL       compare it with spm_encode, where a text is one line
"""
import json
import random
import struct
import subprocess
import sys

TEXTS = ["Hello world", " leading", "trailing ", "two  spaces", "   three", "tab\tand\nnewline\n\n\nmany\r\nend\n", "a\n \n b",
         "It's we'll they've I'm you'd CAN'T don'tx 'sabc", "1234567890 12 3 4.5e10 x1y22z333", "日本語のテキスト、漢字とかな。",
         "한국어 텍스트", "emoji 😀👩‍👩‍👧‍👦🏳️‍🌈 done", "naïve café Ünïcödé ß ſ K", "Ελληνικά Кириллица עברית العربية हिन्दी ไทย",
         "½ ² ① Ⅷ ٣ ௧ 𝟘 𝒳", "\u00a0nbsp\u2003em\u3000ideographic\u200bzwsp\u180emvs\u2028ls\u0085nel", "a\u0301 combining \u0327",
         "\x01\x02\x1f\x7f control", "<|im_start|>user\nHi<|im_end|>\n", "x<|endoftext|>y <s> </s> <unk>",
         "def f(x):\n    return x ** 2  # comment\n\tpass\n", "https://example.com/a?b=c&d=%20", "...---!!!???",
         "$100,000.00 + 50% = <ok> ~^|", "A" * 300, "ab" * 200, "Ġ Ċ letters", "\ufeffbom", "𓀀 𐍈 \U0010ffff", "'S 'LL 'Re mix",
         "end with newline\n", "\n", " ", "  ", "\n\n \n"]


def texts(count):
    draw = random.Random(7)
    pool = [chr(c) for first, last in ((32, 127), (0xA0, 0x250), (0x3B1, 0x3C9), (0x4E00, 0x4E40), (0x1F600, 0x1F610)) for c in range(first, last)]
    pool += [" "] * 40 + ["\n", "\t", "\r"] * 3 + list("\u200d\ufe0f\u0301\u2009\u0660\u0966\u2160\u00b2")
    words = "the of and transformer inference GPU model's pipeline 42 2026 don't HTTP/2 naïve".split()
    out = list(TEXTS)
    out += ["".join(draw.choices(pool, k=draw.randint(1, 40))) for _ in range(count)]
    out += [draw.choice(["", " ", "\n"]) + draw.choice([" ", "  ", "\n", ", "]).join(draw.choices(words, k=draw.randint(1, 30))) for _ in range(count // 3)]
    return out


def gguf(path):
    """The values at the front of a GGUF file."""
    numbers = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
    with open(path, "rb") as file:
        def number(form):
            return struct.unpack("<" + form, file.read(struct.calcsize("<" + form)))[0]

        def value(kind):
            if kind == 8:
                return file.read(number("Q")).decode()
            if kind == 9:
                of, count = number("I"), number("Q")
                return [value(of) for _ in range(count)]
            return number(numbers[kind])

        file.seek(16)
        return {value(8): value(number("I")) for _ in range(number("Q"))}


def reference(path):
    """The package's tokenizer with a GGUF file's vocabulary, put together as tokenizer.json would say."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
    v = {key.removeprefix("tokenizer.ggml."): value for key, value in gguf(path).items()}
    by_pattern = v["pre"] == "llama3"
    model = models.BPE(vocab={t: i for i, t in enumerate(v["tokens"])}, merges=[tuple(m.split(" ")) for m in v["merges"]], ignore_merges=by_pattern)
    tokenizer = Tokenizer(model)
    steps = [pre_tokenizers.Digits(individual_digits=True)] if v["pre"] == "smollm" else []
    if by_pattern:
        pattern = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
        steps.append(pre_tokenizers.Split(Regex(pattern), "isolated"))
    steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not by_pattern))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t, kind in zip(v["tokens"], v["token_type"]) if kind == 3])
    return tokenizer


def main():
    what, path = sys.argv[1:3]
    if what == "texts":
        with open(path, "w") as file:
            file.writelines(json.dumps({"prompt": text}) + "\n" for text in texts(int(sys.argv[3]) if len(sys.argv) > 3 else 600))
        return
    prompts = json.load(open(path))["prompts"]
    wanted = [json.loads(line)["prompt"] for line in open(sys.argv[3])]
    assert len(prompts) == len(wanted) > 100
    pairs = [(wanted[p["prompt_index"]], p["tokens"], p["decoded"]) for p in prompts]
    if what == "tokenizers":
        other = reference(sys.argv[4])
        for text, tokens, decoded in pairs:
            ids = other.encode(text, add_special_tokens=False).ids
            assert tokens == ids, (text, tokens, ids)
            assert decoded == other.decode(ids, skip_special_tokens=True), (text, decoded)
    elif what == "spm":
        lines = [(text, tokens) for text, tokens, _ in pairs if not any(c in text for c in "\n\r\x85\u2028")]
        ids = subprocess.run(["spm_encode", f"--model={sys.argv[4]}", "--output_format=id"], input="\n".join(t for t, _ in lines) + "\n",
                             capture_output=True, text=True, check=True).stdout.split("\n")
        for (text, tokens), line in zip(lines, ids):
            assert tokens == [1] + list(map(int, line.split())), (text, tokens, line)
    elif what == "plan":
        for text, tokens, decoded in pairs:
            assert decoded == text and tokens[0] == 1, (text, tokens, decoded)


main()
