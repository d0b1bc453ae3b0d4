"""Tables of what each normalizer and pre-tokenizer of tokenizer.json makes of every code point.

    python code-points.py --out DIR [--only NAME,NAME]

Run it with tokenizers 0.22.2. For every step DIR gets NAME.txt.gz, a run-length table: the first and last code point
of a run, and the outcome. DIR/steps.json lists the steps. code-points.ts compares them with the product's tokenizer.

A code point is seen at the start, between letters, doubled after a space and at the end: `c aca cc c`. Its own
occurrences in the outcome are written as ◌ (and as ◍ in the byte letters of ByteLevel), so that equal behaviour gives
equal outcomes. An outcome is the pieces with ␟ between them, then ␝ and the places of the pieces, in code points; a
normalizer's is its text.
"""

import argparse
import gzip
import json
import re
from pathlib import Path

from tokenizers import Tokenizer

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
REGEXES = {
    "spaces": r"\s+",
    "letters": r"\p{L}",
    "numbers": r"\p{N}",
    "word": r"\w",
    "not-word": r"\W",
    "digit": r"\d",
    "boundary": r"\b",
    "any": r".",
    "posix-space": r"[[:space:]]",
    "posix-alpha": r"[[:alpha:]]",
    "posix-punct": r"[[:punct:]]",
    "upper": r"\p{Lu}",
    "mark": r"\p{M}",
    "punctuation": r"\p{P}",
    "symbol": r"\p{S}",
    "control": r"\p{C}",
    "separator": r"\p{Z}",
    "han": r"\p{Han}",
    "grapheme": r"\X",
    "ignore-case-k": r"(?i:k)",
    "ignore-case-s": r"(?i:'s|ss|st)",
    "ignore-case-letters": r"(?i)[a-zµσ]+",
    "gpt2": GPT2,
    "llama3": LLAMA3,
    "bert": r"[^\s\w]|\p{P}|[\u4e00-\u9fff]",
}
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]


def charsmap(rule):
    """The base64 table of one of SentencePiece's own rules: field 2 of its NormalizerSpec."""
    import base64

    import sentencepiece

    spec = sentencepiece.SentencePieceNormalizer(rule_name=rule).serialized_normalizer_spec()
    at = 0
    while at < len(spec):
        key, at = varint(spec, at)
        size, at = varint(spec, at)
        if key == (2 << 3 | 2):
            return base64.b64encode(spec[at : at + size]).decode()
        if key & 7 == 2:
            at += size
    raise ValueError(f"no table in {rule}")


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def normalizers():
    for clean in (True, False):
        for chinese in (True, False):
            for accents in (True, False, None):
                for lower in (True, False):
                    name = f"bert-clean:{clean}-chinese:{chinese}-accents:{accents}-lower:{lower}".lower()
                    yield name, {
                        "type": "BertNormalizer",
                        "clean_text": clean,
                        "handle_chinese_chars": chinese,
                        "strip_accents": accents,
                        "lowercase": lower,
                    }
    for left, right in ((True, True), (True, False), (False, True)):
        yield f"strip-{left}-{right}".lower(), {"type": "Strip", "strip_left": left, "strip_right": right}
    for kind in ("StripAccents", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Nmt", "ByteLevel"):
        yield kind.lower(), {"type": kind}
    for rule in ("nmt_nfkc", "nmt_nfkc_cf", "nfkc", "nfkc_cf"):
        yield f"precompiled-{rule}", {"type": "Precompiled", "precompiled_charsmap": charsmap(rule)}
    yield "prepend", {"type": "Prepend", "prepend": "▁"}
    yield "replace-string", {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    for name, regex in REGEXES.items():
        yield f"replace-{name}", {"type": "Replace", "pattern": {"Regex": regex}, "content": "$0_"}
    yield "albert", {
        "type": "Sequence",
        "normalizers": [
            {"type": "Replace", "pattern": {"String": "``"}, "content": '"'},
            {"type": "NFKD"},
            {"type": "StripAccents"},
            {"type": "Lowercase"},
            {"type": "Precompiled", "precompiled_charsmap": charsmap("nmt_nfkc")},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
        ],
    }
    yield "nfkc-lower", {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}]}
    yield "nfd-strip", {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]}


def pre_tokenizers():
    yield "bert", {"type": "BertPreTokenizer"}
    for regex in (True, False):
        for prefix in (True, False):
            yield f"bytelevel-regex:{regex}-prefix:{prefix}".lower(), {
                "type": "ByteLevel",
                "add_prefix_space": prefix,
                "trim_offsets": True,
                "use_regex": regex,
            }
    yield "chardelimitersplit", {"type": "CharDelimiterSplit", "delimiter": "a"}
    for each in (True, False):
        yield f"digits-{each}".lower(), {"type": "Digits", "individual_digits": each}
    for scheme in ("always", "first", "never"):
        for split in (True, False):
            yield f"metaspace-{scheme}-{split}".lower(), {
                "type": "Metaspace",
                "replacement": "▁",
                "prepend_scheme": scheme,
                "split": split,
            }
    for behavior in BEHAVIORS:
        yield f"punctuation-{behavior}".lower(), {"type": "Punctuation", "behavior": behavior}
    for name, regex in REGEXES.items():
        for behavior in BEHAVIORS if name in ("spaces", "letters", "gpt2") else ["Isolated"]:
            for invert in (False, True) if behavior in ("Isolated", "Removed") else (False,):
                yield f"split-{name}-{behavior}{'-invert' if invert else ''}".lower(), {
                    "type": "Split",
                    "pattern": {"Regex": regex},
                    "behavior": behavior,
                    "invert": invert,
                }
    yield "split-string", {"type": "Split", "pattern": {"String": "a"}, "behavior": "Isolated", "invert": False}
    for kind in ("UnicodeScripts", "Whitespace", "WhitespaceSplit"):
        yield kind.lower(), {"type": kind}
    yield "fixedlength", {"type": "FixedLength", "length": 2}


def steps():
    for name, json_of in normalizers():
        yield {"name": f"normalizer-{name}".replace(":", "="), "part": "normalizer", "step": json_of}
    for name, json_of in pre_tokenizers():
        yield {"name": f"pre_tokenizer-{name}".replace(":", "="), "part": "pre_tokenizer", "step": json_of}


def byte_letters():
    plain = [b for b in range(256) if 32 < b < 127 or 160 < b != 173]
    letters, following = {}, 256
    for byte in range(256):
        letters[byte] = chr(byte) if byte in plain else chr(following)
        following += byte not in plain
    return letters


LETTERS = byte_letters()


def outcome(char, text):
    return text.replace(char, "◌").replace("".join(LETTERS[b] for b in char.encode()), "◍")


def context(char):
    return f"{char} a{char}a {char}{char} {char}"


def table(step):
    """Runs of code points with equal outcomes."""
    whole = {"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}, step["part"]: step["step"]}
    tokenizer = Tokenizer.from_str(json.dumps(whole))
    if step["part"] == "normalizer":
        normalize = tokenizer.normalizer.normalize_str

        def see(char):
            return outcome(char, normalize(context(char)))
    else:
        pre_tokenize = tokenizer.pre_tokenizer.pre_tokenize_str

        def see(char):
            pieces = pre_tokenize(context(char))
            places = " ".join(f"{start}-{end}" for _, (start, end) in pieces)
            return "␟".join(outcome(char, piece) for piece, _ in pieces) + "␝" + places

    runs = []
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000:
            continue
        char = chr(code)
        try:
            seen = see(char)
        except BaseException as error:  # a Rust panic is no Exception
            seen = f"refused: {type(error).__name__}"
        if runs and runs[-1][2] == seen:
            runs[-1][1] = code
        else:
            runs.append([code, code, seen])
    return runs


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--only", help="a regular expression for names")
    options = arguments.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    wanted = [step for step in steps() if options.only is None or re.search(options.only, step["name"])]
    (options.out / "steps.json").write_text(json.dumps(wanted, indent=1))
    for step in wanted:
        runs = table(step)
        lines = "".join(f"{json.dumps(run)}\n" for run in runs)
        with gzip.open(options.out / f"{step['name']}.txt.gz", "wt") as file:
            file.write(lines)
        print(step["name"], len(runs), "runs", flush=True)


if __name__ == "__main__":
    main()
