"""Mutants of tokenizer.json files, with the verdict of tokenizers and the ids of some texts.

    python mutants.py --seed 1 --count 3000 --out DIR [--real FILE ...]

Run it with tokenizers 0.22.2. Writes DIR/mutants.jsonl, one mutant a line: its source, its class, the text of the
file, the verdict (`accept`, `refuse`, `panic`, `abort` or `hang`) and, for each text, ids and token type ids.
Each verdict is found in a child process, so that an abort ends that child alone. mutants.ts compares.
"""

import argparse
import base64
import copy
import json
import multiprocessing
import random
from pathlib import Path

import tiny

TEXTS = [
    ["The cat sat on the mat."],
    [""],
    ["  naïve café\u0301 \t東京 👍🏽 10,000\n"],
    ["[MASK] <mask>the [SEP] </s> <s>"],
    ["a" * 120 + " ﬁne １２ \u0000\u0085\ufeff"],
    ["hello world", "someone plays the guitar"],
    ["", "x"],
]
WORDS = {
    "type": [
        *("WordPiece", "BPE", "Unigram", "WordLevel", "BertNormalizer", "NFKC", "NFC", "NFD", "NFKD", "Lowercase"),
        *("StripAccents", "Strip", "Nmt", "Prepend", "Replace", "Precompiled", "Sequence", "ByteLevel", "Metaspace"),
        *("BertPreTokenizer", "Whitespace", "WhitespaceSplit", "Digits", "Punctuation", "Split", "UnicodeScripts"),
        *("FixedLength", "TemplateProcessing", "BertProcessing", "RobertaProcessing", "Fuse", "CTC", "Nope", "bpe", ""),
    ],
    "prepend_scheme": ["always", "first", "never", "Always", "last", ""],
    "behavior": ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous", "removed", "isolated", "x"],
    "direction": ["Left", "Right", "left", "right", "Up"],
    "strategy": ["LongestFirst", "OnlyFirst", "OnlySecond", "BatchLongest", "longest_first", {"Fixed": 8}, {"Fixed": -1}],
}
NUMBERS = [-1, 0, 1, 2, 3, 1.5, 1e30, 2**31, 2**32 - 1, 2**32, 2**53, 2**64, -(2**63), 10**40]
STRINGS = ["", " ", "a", "##", "▁", "é", "e\u0301", "👍", "中", "\u0000", "\ufeff", "[UNK]", "x" * 300, "▁▁"]
REGEXES = ["(", "[", "a{2,1}", r"\p{Nope}", r"\p{L}+", r"(?<=a)b", r"(?i:THE)", r"\X", r"(a*)*b", "", "(?<n>a)\\k<n>",
           r"\s+(?!\S)", "[[:alpha:]&&[^a]]", r"\h", r"(?>a+)b", r"\K", "x|", "^", "$", r"\b", "\\", "(?#c)a", r"\d{,3}"]  # fmt: skip
STEPS = {
    "normalizer": [
        {"type": "NFKC"}, {"type": "Sequence", "normalizers": []}, {"type": "Sequence", "normalizers": [None]},
        {"type": "Strip", "strip_left": True, "strip_right": False}, {"type": "Strip"}, {"type": "Prepend", "prepend": "▁"},
        {"type": "Replace", "pattern": {"String": "a"}, "content": "$0"}, {"type": "Replace", "pattern": {"String": ""}, "content": "x"},
        {"type": "Replace", "pattern": "a", "content": "b"}, {"type": "Replace", "pattern": {"Regex": "("}, "content": ""},
        {"type": "BertNormalizer"}, {"type": "Precompiled"}, {"type": "Precompiled", "precompiled_charsmap": ""},
        {"type": "Precompiled", "precompiled_charsmap": None}, {"type": "ByteLevel"}, {"type": "Lowercase", "x": 1},
        {"NFC": None}, "NFC", [], {"type": "Sequence", "normalizers": [{"type": "Sequence", "normalizers": [{"type": "NFD"}]}]},
    ],
    "pre_tokenizer": [
        {"type": "Whitespace"}, {"type": "Sequence", "pretokenizers": []}, {"type": "BertPreTokenizer"},
        {"type": "ByteLevel"}, {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False},
        {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": False},
        {"type": "Metaspace"}, {"type": "Metaspace", "replacement": "__"}, {"type": "Metaspace", "replacement": "▁", "str_rep": "_"},
        {"type": "Metaspace", "replacement": "▁", "add_prefix_space": False, "prepend_scheme": "always"},
        {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}, {"type": "Metaspace", "replacement": ""},
        {"type": "Punctuation"}, {"type": "Punctuation", "behavior": "Removed"}, {"type": "Digits"},
        {"type": "Digits", "individual_digits": True}, {"type": "CharDelimiterSplit", "delimiter": "a"},
        {"type": "CharDelimiterSplit", "delimiter": "ab"}, {"type": "Split", "pattern": {"Regex": "\\s"}, "behavior": "Removed"},
        {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithNext", "invert": False},
        {"type": "FixedLength", "length": 3}, {"type": "FixedLength", "length": 0}, {"type": "FixedLength"}, {"type": "UnicodeScripts"},
        {"type": "WhitespaceSplit"},
    ],
    "post_processor": [
        None, {"type": "ByteLevel"}, {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        {"type": "BertProcessing", "sep": ["[SEP]", 1], "cls": ["[CLS]", 0]}, {"type": "BertProcessing", "sep": ["x", 99999], "cls": ["y", 4]},
        {"type": "BertProcessing", "sep": "[SEP]", "cls": ["[CLS]", 0]}, {"type": "BertProcessing"},
        {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0]},
        {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": False, "add_prefix_space": False},
        {"type": "Sequence", "processors": []}, {"type": "Sequence", "processors": [{"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}]},
        {"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}},
        {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "B", "type_id": 0}}], "pair": [{"Sequence": {"id": "B", "type_id": 3}}, {"Sequence": {"id": "A", "type_id": 1}}], "special_tokens": {}},
        {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "z", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}], "pair": [], "special_tokens": {}},
        {"type": "TemplateProcessing", "single": "[CLS] $A [SEP]", "pair": "[CLS] $A [SEP] $B:1 [SEP]:1", "special_tokens": {}},
        {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 1}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": {}},
        {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "q", "type_id": 2}}, {"Sequence": {"id": "A", "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": {"q": {"id": "q", "ids": [1, 2], "tokens": ["u", "v"]}}},
        {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "q", "type_id": 2}}, {"Sequence": {"id": "A", "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": {"q": {"id": "q", "ids": [1], "tokens": []}}},
    ],
    "decoder": [None, {"type": "Fuse"}, {"type": "ByteFallback"}, {"type": "Sequence", "decoders": []}, {"type": "Nope"}, {"type": "WordPiece"}, {"type": "Strip", "content": "ab", "start": 1, "stop": 0}],
    "truncation": [
        {"direction": "Right", "max_length": 5, "strategy": "LongestFirst", "stride": 0}, {"max_length": 5, "strategy": "LongestFirst", "stride": 0},
        {"direction": "Left", "max_length": 5, "strategy": "LongestFirst", "stride": 0}, {"direction": "Right", "max_length": 5, "strategy": "OnlyFirst", "stride": 2},
        {"direction": "Right", "max_length": 5, "strategy": "OnlySecond", "stride": 0}, {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 2},
        {"direction": "Right", "max_length": 0, "strategy": "LongestFirst", "stride": 0}, {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0}, {"direction": "Right", "max_length": 6, "strategy": "LongestFirst", "stride": 100},
        {"max_length": 5}, {}, 5,
    ],
    "padding": [
        {"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": 8, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
        {"strategy": {"Fixed": 12}, "direction": "Left", "pad_to_multiple_of": None, "pad_id": 1, "pad_type_id": 1, "pad_token": "<pad>"},
        {"strategy": {"Fixed": 12}, "direction": "Left", "pad_to_multiple_of": 0, "pad_id": 1, "pad_type_id": 1, "pad_token": "nope"},
        {"strategy": "BatchLongest"}, {}, True,
    ],
}  # fmt: skip
UNKNOWN = {"x": 1, "comment": "c", "truncate": None, "ids": [], "Type": "BPE", "__proto__": {"a": 1}, "constructor": 1, "": 0, "été": "é"}


# The ways to change a file. Each takes the random generator and a deep copy of the file, and gives the new text.


def paths(node, at=(), depth=6):
    """Every key and index below `node`. Of long lists and vocabularies only a few entries."""
    if isinstance(node, dict):
        entries = list(node.items())
    elif isinstance(node, list):
        entries = list(enumerate(node))
    else:
        return
    if len(entries) > 12:
        entries = entries[:4] + entries[len(entries) // 2 : len(entries) // 2 + 4] + entries[-3:]
    for key, value in entries:
        yield (*at, key)
        if depth > 0:
            yield from paths(value, (*at, key), depth - 1)


def parent(node, path):
    for key in path[:-1]:
        node = node[key]
    return node


def some_path(rng, file, wanted=lambda value, key: True):
    chosen = [p for p in paths(file) if wanted(parent(file, p)[p[-1]], p[-1])]
    # Vocabulary entries are many and alike: settings are drawn as often.
    settings = [p for p in chosen if "vocab" not in p and "merges" not in p]
    return rng.choice(settings if settings and rng.random() < 0.75 else chosen) if chosen else None


def drop(rng, file):
    path = some_path(rng, file)
    del parent(file, path)[path[-1]]


def rename(rng, file):
    path = some_path(rng, file, lambda value, key: isinstance(key, str))
    key = path[-1]
    words = key.split("_")
    camel = words[0] + "".join(word.capitalize() for word in words[1:])
    new = rng.choice([camel, key.upper(), key + "s", key[:-1], " " + key, key.replace("_", "-")])
    node = parent(file, path)
    items = [(new if k == key else k, v) for k, v in node.items()]
    node.clear()
    node.update(items)


def retype(rng, file):
    path = some_path(rng, file)
    node, key = parent(file, path), path[-1]
    value = node[key]
    options = [str(value) if not isinstance(value, str) else 7, [value], {"value": value}, None, True, 0, "text", 1.5, [], {}]
    node[key] = rng.choice(options)


def null(rng, file):
    path = some_path(rng, file)
    parent(file, path)[path[-1]] = None


def enum_word(rng, file):
    path = some_path(rng, file, lambda value, key: key in WORDS)
    parent(file, path)[path[-1]] = rng.choice(WORDS[path[-1]])


def number(rng, file):
    path = some_path(rng, file, lambda value, key: isinstance(value, (int, float)) and not isinstance(value, bool))
    parent(file, path)[path[-1]] = rng.choice(NUMBERS)


def string(rng, file):
    path = some_path(rng, file, lambda value, key: isinstance(value, str) and key != "type")
    parent(file, path)[path[-1]] = rng.choice(STRINGS)


def flag(rng, file):
    path = some_path(rng, file, lambda value, key: isinstance(value, bool))
    node = parent(file, path)
    node[path[-1]] = rng.choice([not node[path[-1]], not node[path[-1]], "true", 1])


def unknown_key(rng, file):
    objects = [(), *(p for p in paths(file) if isinstance(parent(file, p)[p[-1]], dict))]
    path = rng.choice([p for p in objects if "vocab" not in p])
    node = file
    for key in path:
        node = node[key]
    key = rng.choice(list(UNKNOWN))
    node[key] = UNKNOWN[key]


def step(rng, file):
    part = rng.choice(list(STEPS))
    file[part] = copy.deepcopy(rng.choice(STEPS[part]))


def sequence_of_steps(rng, file):
    part, plural = rng.choice([("normalizer", "normalizers"), ("pre_tokenizer", "pretokenizers"), ("post_processor", "processors")])
    steps = [copy.deepcopy(rng.choice(STEPS[part])) for _ in range(rng.randint(1, 3))]
    file[part] = {"type": "Sequence", plural: [*steps, file[part]] if rng.random() < 0.5 else [file[part], *steps]}


def regex(rng, file):
    pattern = {"Regex": rng.choice(REGEXES)}
    if rng.random() < 0.5:
        file["pre_tokenizer"] = {"type": "Split", "pattern": pattern, "behavior": rng.choice(WORDS["behavior"][:5]), "invert": rng.random() < 0.5}
    else:
        file["normalizer"] = {"type": "Replace", "pattern": pattern, "content": rng.choice(STRINGS[:8])}


def added_token(rng, file):
    tokens = file["added_tokens"]
    kind = rng.randrange(9)
    if kind == 0 and tokens:
        tokens.append(copy.deepcopy(rng.choice(tokens)))
    elif kind == 1 and tokens:
        rng.choice(tokens)["id"] = rng.choice(NUMBERS)
    elif kind == 2 and tokens:
        rng.choice(tokens)["content"] = rng.choice(STRINGS)
    elif kind == 3 and tokens:
        rng.choice(tokens)[rng.choice(["single_word", "lstrip", "rstrip", "normalized", "special"])] = rng.choice([True, False, None, 1])
    elif kind == 4:
        tokens.append(tiny.added(rng.choice(["cat", "the cat", " café", "a", "É", "▁the", "👍", "10"]), rng.choice([5, 50, 5000, 301]), **{rng.choice(["single_word", "lstrip", "rstrip", "normalized"]): True, "special": rng.random() < 0.5}))
    elif kind == 5:
        rng.shuffle(tokens)
    elif kind == 6:
        tokens.append("[X]")
    elif kind == 7 and tokens:
        del rng.choice(tokens)[rng.choice(["id", "content", "special", "lstrip", "normalized"])]
    else:
        file["added_tokens"] = rng.choice([None, {}, [], [[]], [None]])


def vocabulary(rng, file):
    model = file["model"]
    vocab = model["vocab"]
    if isinstance(vocab, dict):
        tokens = list(vocab)
        kind = rng.randrange(6)
        if kind == 0:
            vocab[rng.choice(tokens)] = rng.choice(NUMBERS)
        elif kind == 1:
            vocab[rng.choice(tokens)] = vocab[rng.choice(tokens)]
        elif kind == 2:
            del vocab[rng.choice(tokens)]
        elif kind == 3:
            model["vocab"] = rng.choice([{}, [], None, [["a", -1.0]], {"a": "b"}, {"a": 0}])
        elif kind == 4:
            vocab[rng.choice(STRINGS)] = len(vocab)
        else:
            model["unk_token"] = rng.choice(["nope", None, "", 3, tokens[0]])
    else:
        kind = rng.randrange(7)
        entry = rng.choice(vocab)
        if kind == 0:
            entry[1] = rng.choice([*NUMBERS, None, "x", 0.0, -1e308])
        elif kind == 1:
            entry[0] = rng.choice(STRINGS)
        elif kind == 2:
            vocab.remove(entry)
        elif kind == 3:
            model["vocab"] = rng.choice([[], {}, None, [["a"]], [["a", -1.0, 2]], [["a", -1.0]], {"a": 0}])
        elif kind == 4:
            vocab.append(list(entry))
        elif kind == 5:
            model["unk_id"] = rng.choice([None, 0, len(vocab) - 1, len(vocab), *NUMBERS])
        else:
            model["byte_fallback"] = True


def merges(rng, file):
    model = file["model"]
    pairs = model.get("merges")
    kind = rng.randrange(8)
    if not isinstance(pairs, list) or not pairs or kind == 0:
        model["merges"] = rng.choice([[], None, "a b", ["a b"], [["a", "b"]], [["a", "b", "c"]], ["a"], ["a  b"], {}])
        return
    at = rng.randrange(len(pairs))
    if kind == 1:
        pairs[at] = rng.choice(["a b c", "a", "", " ", "a\tb", ["a"], ["a", 1], None, "zz yy", ["zz", "yy"], "#version: 0.2"])
    elif kind == 2:
        pairs[at] = list(pairs[at].split(" ")) if isinstance(pairs[at], str) else " ".join(pairs[at])
    elif kind == 3:
        del pairs[at]
    elif kind == 4:
        pairs.insert(0, pairs[at])
    elif kind == 5:
        rng.shuffle(pairs)
    elif kind == 6:
        model["merges"] = [list(p.split(" ")) if isinstance(p, str) else " ".join(p) for p in pairs]
    else:
        pairs.append(pairs[at])


def model_setting(rng, file):
    model = file["model"]
    key, values = rng.choice(
        [
            ("continuing_subword_prefix", ["", "#", "##", "▁", None, 3]),
            ("end_of_word_suffix", ["", "</w>", None]),
            ("max_input_chars_per_word", [0, 1, 3, 100, 2**40, -1, None, "5"]),
            ("unk_token", ["[UNK]", "<unk>", "nope", None, ""]),
            ("fuse_unk", [True, False, None]),
            ("byte_fallback", [True, False, None]),
            ("ignore_merges", [True, False, None]),
            ("dropout", [None, 0, 0.0, 1.0, 2.0, -0.5, "0.1"]),
            ("cache_capacity", [0, 10, 2**60, -1]),
            ("unk_id", [0, 3, None, 10**6]),
            ("nbest_size", [1]),
            ("alpha", [0.1]),
        ]
    )
    model[key] = rng.choice(values)


def swap_model(rng, file):
    kinds = ["WordPiece", "BPE", "Unigram", "WordLevel", None]
    kind = rng.choice(kinds)
    if kind is None:
        file["model"].pop("type", None)
    else:
        file["model"]["type"] = kind
    if rng.random() < 0.5 and isinstance(file["model"].get("vocab"), dict):
        file["model"].setdefault("unk_token", "[UNK]")
    if rng.random() < 0.3 and kind == "BPE":
        file["model"].setdefault("merges", [])


def charsmap(rng, file):
    steps = [file["normalizer"]] if isinstance(file.get("normalizer"), dict) else []
    found = next((s for s in steps if s.get("type") == "Precompiled"), None)
    data = base64.b64decode(found["precompiled_charsmap"]) if found else b"\x08\0\0\0" + bytes(12)
    kind = rng.randrange(10)
    if kind == 0:
        data = data[: rng.randrange(len(data))]
    elif kind == 1:
        data = bytes(rng.randrange(256) for _ in range(rng.randrange(40)))
    elif kind == 2:
        data = rng.choice([0, 1, 3, 5, 2**31, 2**32 - 4]).to_bytes(4, "little") + data[4:]
    elif kind == 3:
        at = rng.randrange(len(data))
        data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
    elif kind == 4:
        data = data + b"\xff\xfe"
    elif kind == 5:
        data = b""
    elif kind == 6:
        size = int.from_bytes(data[:4], "little")
        data = data[: 4 + size]
    elif kind == 7:
        data = (8).to_bytes(4, "little") + bytes(rng.randrange(256) for _ in range(8)) + b"abc\0"
    elif kind == 8:
        file["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": rng.choice(["!!!", "abc", 7, [1, 2, 3], "AAAA AAAA", "é"])}
        return
    else:
        # Every unit of the trie points far beyond it.
        size = int.from_bytes(data[:4], "little")
        data = data[:4] + b"\xff" * size + data[4 + size :]
    file["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(data).decode()}


def sections(rng, file):
    for part in ("truncation", "padding"):
        if rng.random() < 0.7:
            file[part] = copy.deepcopy(rng.choice(STEPS[part]))


def version(rng, file):
    file["version"] = rng.choice(["2.0", "1.1", "", None, 1, 1.0, "0.9"])


def raw(rng, file):
    text = json.dumps(file, ensure_ascii=rng.random() < 0.5)
    kind = rng.randrange(14)
    at = rng.randrange(len(text))
    return [
        lambda: text[:at],
        lambda: text + rng.choice([" ", "\n", "x", "{}", ",", "\0"]),
        lambda: "\ufeff" + text,
        lambda: text.replace("}", ",}", 1),
        lambda: text.replace("{", "{/* c */", 1),
        lambda: text.replace("null", "NaN", 1),
        lambda: text.replace("false", "Infinity", 1),
        lambda: text.replace('"version"', '"version": "1.0", "version"', 1),
        lambda: text.replace('"model": {', '"model": {"type": "BPE", ', 1),
        lambda: text.replace('"vocab"', '"vocab": {}, "vocab"', 1),
        lambda: text[:-1] + ', "deep": ' + "[" * (depth := rng.choice([50, 126, 200, 5000])) + "]" * depth + "}",
        lambda: text.replace('"content": "', '"content": "\\ud800', 1),
        lambda: text.replace('"content": "', '"content": "\\u0000', 1),
        lambda: rng.choice(["", "null", "[]", "7", '"x"', "{}", '{"model": {}}', '{"model": null}', "true"]),
    ][kind]()


def nested(rng, file):
    depth = rng.choice([3, 30, 100, 2000])
    step_of = {"type": "Sequence", "normalizers": []}
    part, plural = rng.choice([("normalizer", "normalizers"), ("pre_tokenizer", "pretokenizers")])
    text = json.dumps({**file, part: "@"}, ensure_ascii=False)
    inner = json.dumps(file[part], ensure_ascii=False) if file[part] else '{"type":"Sequence","%s":[]}' % plural
    return text.replace('"@"', ('{"type":"Sequence","%s":[' % plural) * depth + inner + "]}" * depth)


def twice(rng, file):
    for _ in range(rng.randint(2, 4)):
        rng.choice([drop, retype, null, flag, step, vocabulary, added_token, model_setting])(rng, file)


WAYS = [drop, rename, retype, null, enum_word, number, string, flag, unknown_key, step, sequence_of_steps, regex,
        added_token, vocabulary, merges, model_setting, swap_model, charsmap, sections, version, raw, nested, twice]  # fmt: skip


def sources(rng, real):
    bert, roberta = tiny.SPECIAL_BERT, tiny.SPECIAL_ROBERTA
    for number in range(3):
        vocab = tiny.word_piece(rng)
        yield f"word-piece-{number}", tiny.word_piece_json(rng, vocab, bert)
        vocab, pairs = tiny.byte_level(rng)
        yield f"byte-level-{number}", tiny.byte_level_json(rng, vocab, pairs, roberta, prefix=number == 1)
        vocab, unknown = tiny.unigram(rng)
        normalizer = {"type": "NFKC"} if number == 1 else {"type": "Precompiled", "precompiled_charsmap": tiny.charsmap(rng)}
        spaces = ["metaspace", "old", "split"][number]
        yield f"unigram-{number}", tiny.unigram_json(rng, vocab, unknown, roberta, normalizer, spaces)
    level = tiny.word_piece_json(rng, tiny.word_piece(rng), bert)
    level["model"] = {"type": "WordLevel", "unk_token": "[UNK]", "vocab": level["model"]["vocab"]}
    yield "word-level", level
    for path in real:
        file = json.loads(Path(path).read_text())
        yield f"real-{Path(path).parent.name}", shortened(file)


def shortened(file):
    """A published file with the first thousand entries of its vocabulary: mutants of all of it would be slow to read."""
    vocab = file["model"]["vocab"]
    kept = {token["content"] for token in file["added_tokens"]}
    file["model"]["vocab"] = {t: id for t, id in vocab.items() if t in kept or id < 1000 or 1996 <= id < 2400}
    return file


def mutants(seed, count, real):
    rng = random.Random(seed)
    files = list(sources(rng, real))
    for name, file in files:
        yield {"source": name, "class": "unchanged", "json": json.dumps(file, ensure_ascii=False)}
    made = 0
    while made < count:
        name, file = rng.choice(files)
        way = rng.choice(WAYS)
        changed = copy.deepcopy(file)
        try:
            text = way(rng, changed)
        except (TypeError, KeyError, AttributeError, IndexError):
            continue  # this way does not fit this file
        made += 1
        text = json.dumps(changed, ensure_ascii=False) if text is None else text
        yield {"source": name, "class": way.__name__, "json": text}


# The verdicts.


def judge(text):
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_str(text)
    except BaseException as error:  # a Rust panic is no Exception
        return {"verdict": verdict(error), "message": str(error)[:300]}
    plain = Tokenizer.from_str(text)
    plain.no_truncation()
    plain.no_padding()
    return {"verdict": "accept", "asFiled": encodings(tokenizer), "plain": encodings(plain)}


def encodings(tokenizer):
    found = []
    for text in TEXTS:
        try:
            encoding = tokenizer.encode(*text)
            found.append({"ids": encoding.ids, "types": encoding.type_ids})
        except BaseException as error:
            found.append({"refused": verdict(error), "message": str(error)[:300]})
    return found


def verdict(error):
    return "panic" if type(error).__name__ == "PanicException" else "refuse"


def work(requests, replies):
    for index, text in iter(requests.get, None):
        replies.put((index, judge(text)))


class Judges:
    """One child process at a time, started anew after an abort."""

    def __init__(self):
        self.context = multiprocessing.get_context("spawn")
        self.start()

    def start(self):
        self.requests, self.replies = self.context.SimpleQueue(), self.context.Queue()
        self.process = self.context.Process(target=work, args=(self.requests, self.replies), daemon=True)
        self.process.start()

    def judge(self, index, text, seconds=20):
        self.requests.put((index, text))
        waited = 0
        while waited < seconds:
            try:
                return self.replies.get(timeout=0.25)[1]
            except Exception:
                waited += 0.25
            if not self.process.is_alive():
                break
        ended = "hang" if self.process.is_alive() else "abort"
        self.process.kill()
        self.process.join()
        code = self.process.exitcode
        self.start()
        return {"verdict": ended, "message": f"exit {code}"}

    def end(self):
        self.requests.put(None)
        self.process.join()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--count", type=int, default=3000)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--real", nargs="*", default=[], help="published tokenizer.json files")
    options = arguments.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    judges = Judges()
    with open(options.out / "mutants.jsonl", "w") as file:
        for index, mutant in enumerate(mutants(options.seed, options.count, options.real)):
            line = {"id": index, **mutant, **judges.judge(index, mutant["json"])}
            file.write(json.dumps(line) + "\n")
    judges.end()
    (options.out / "texts.json").write_text(json.dumps(TEXTS))


if __name__ == "__main__":
    main()
