"""Tiny tokenizers of every kind, from a seeded random generator: equal seeds give equal files."""

import base64
import os
import tempfile

WORDS = (
    "the cat sat on the mat a man is playing a guitar someone plays running runner quickly unbelievable "
    "naïve café Ångström über straße İstanbul Σίσυφος σας мир привет 東京 中文 日本語 한국어 한국 𠀀𠀁 "
    "hello Hello HELLO world's don't we've 2024 3.14 10,000 ½ ² ﬁne ﬂow Ａｂｃ １２３ e\u0301te\u0301 "
    "👍 👍🏽 👨\u200d👩\u200d👧 🇩🇪 naïve-ish co-op U.S.A. (yes) [no] {maybe} http://a.b/c_d?e=f #tag @you foo_bar "
    "lower UPPER MiXeD ınci ß ẞ ǆ Ǆ ŉ ﷺ ㈱ \u212b \u2126 \u212a"
).split()
SPECIAL_BERT = {"cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]", "pad": "[PAD]", "unk": "[UNK]"}
SPECIAL_ROBERTA = {"cls": "<s>", "sep": "</s>", "mask": "<mask>", "pad": "<pad>", "unk": "<unk>"}
RULES = [
    ("ﬁ", "fi"), ("ﬂ", "fl"), ("Ａ", "A"), ("ｂ", "b"), ("ｃ", "c"), ("１", "1"), ("２", "2"), ("３", "3"),
    ("\u3000", " "), ("\u00a0", " "), ("\u200b", ""), ("²", "2"), ("½", "1⁄2"), ("e\u0301", "é"), ("\u212b", "\u00c5"),
    ("㈱", "(株)"), ("ŉ", "ʼn"), ("\t", " "), ("\n", " "), ("ﷺ", "صلى الله عليه وسلم"), ("\u212a", "K"), ("\u0085", " "),
]  # fmt: skip


def corpus(rng, size=60):
    return [rng.choice(WORDS) for _ in range(size)]


def added(content, id, **flags):
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": id, "content": content, **plain, **flags}


def word_piece(rng, lower=True, special=None, order=None):
    """A vocabulary of whole words, pieces and letters. Special tokens stand first, in a random order."""
    special = special or SPECIAL_BERT
    names = list(special.values())
    if order != "usual":
        rng.shuffle(names)
    pieces = dict.fromkeys(names)
    for word in corpus(rng, 30):
        word = word.lower() if lower else word
        cut = rng.randint(1, len(word))
        for piece in (word[:cut], *(["##" + word[cut:]] if cut < len(word) else [])):
            pieces[piece] = None
    for letter in rng.sample("abcdefghijklmnopqrstuvwxyz0123456789.,'!?-", 30):
        pieces[letter] = None
        if rng.random() < 0.7 and letter.isalnum():
            pieces["##" + letter] = None
    return {token: id for id, token in enumerate(pieces)}


def word_piece_json(rng, vocab, special, lower=True):
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": sorted((added(t, vocab[t]) for t in special.values()), key=lambda t: t["id"]),
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": lower,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": bert_template(vocab, special),
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": special["unk"],
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocab,
        },
    }


def roberta_template(vocab, special):
    token = lambda name: {"SpecialToken": {"id": special[name], "type_id": 0}}
    text = lambda name: {"Sequence": {"id": name, "type_id": 0}}
    return {
        "type": "TemplateProcessing",
        "single": [token("cls"), text("A"), token("sep")],
        "pair": [token("cls"), text("A"), token("sep"), token("sep"), text("B"), token("sep")],
        "special_tokens": named(vocab, special),
    }


def bert_template(vocab, special):
    token = lambda name, type_id: {"SpecialToken": {"id": special[name], "type_id": type_id}}
    text = lambda name, type_id: {"Sequence": {"id": name, "type_id": type_id}}
    return {
        "type": "TemplateProcessing",
        "single": [token("cls", 0), text("A", 0), token("sep", 0)],
        "pair": [token("cls", 0), text("A", 0), token("sep", 0), text("B", 1), token("sep", 1)],
        "special_tokens": named(vocab, special),
    }


def named(vocab, special):
    return {special[n]: {"id": special[n], "ids": [vocab[special[n]]], "tokens": [special[n]]} for n in ("cls", "sep")}


def byte_letters():
    plain = [b for b in range(256) if 32 < b < 127 or 160 < b != 173]
    letters, following = [], 256
    for byte in range(256):
        letters.append(chr(byte) if byte in plain else chr(following))
        following += byte not in plain
    return letters


def byte_merges(rng, size):
    """Byte pair encoding's training, on seeded words: the most frequent pair first, ties by the pair."""
    letters = byte_letters()
    words = [[letters[b] for b in (" " * (rng.random() < 0.8) + word).encode()] for word in corpus(rng, 80)]
    merges = []
    while len(merges) < size:
        counts = {}
        for word in words:
            for pair in zip(word, word[1:]):
                counts[pair] = counts.get(pair, 0) + 1
        if not counts:
            break
        best = max(counts, key=lambda pair: (counts[pair], pair))
        merges.append(best)
        for word in words:
            at = 0
            while at < len(word) - 1:
                if (word[at], word[at + 1]) == best:
                    word[at : at + 2] = [word[at] + word[at + 1]]
                at += 1
    return merges


def byte_level(rng, special=None, merges=40):
    """(vocab, merges) of RoBERTa's kind: special tokens first but for the mask, which stands last."""
    special = special or SPECIAL_ROBERTA
    pairs = byte_merges(rng, merges)
    names = [special[name] for name in ("cls", "pad", "sep", "unk")]
    tokens = dict.fromkeys([*names, *byte_letters(), *("".join(pair) for pair in pairs), special["mask"]])
    return {token: id for id, token in enumerate(tokens)}, pairs


def byte_level_json(rng, vocab, pairs, special, prefix=False):
    step = {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": True}
    tokens = [added(special[n], vocab[special[n]], lstrip=n == "mask") for n in ("cls", "pad", "sep", "unk", "mask")]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": sorted(tokens, key=lambda t: t["id"]),
        "normalizer": None,
        "pre_tokenizer": step,
        "post_processor": {
            "type": "RobertaProcessing",
            "sep": [special["sep"], vocab[special["sep"]]],
            "cls": [special["cls"], vocab[special["cls"]]],
            "trim_offsets": True,
            "add_prefix_space": prefix,
        },
        "decoder": step,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": [f"{a} {b}" for a, b in pairs] if rng.random() < 0.5 else [list(pair) for pair in pairs],
        },
    }


def unigram(rng, special=None, names=("cls", "pad", "sep", "unk")):
    """(pieces with scores, index of the unknown token) of SentencePiece's kind; the mask stands last."""
    special = special or SPECIAL_ROBERTA
    pieces = dict.fromkeys(special[name] for name in names)
    scores = [0.0] * len(pieces)
    more = {"▁": -2.5}
    for word in corpus(rng, 35):
        cut = rng.randint(1, len(word))
        for piece in ("▁" + word[:cut], word[cut:], word[:cut]):
            if piece and piece not in pieces:
                more.setdefault(piece, round(-3 - 6 * rng.random(), 4))
    for letter in rng.sample("abcdefghijklmnopqrstuvwxyz0123456789.,'!?-éA", 30):
        more.setdefault(letter, round(-7 - 3 * rng.random(), 4))
    vocab = [[token, score] for token, score in zip(pieces, scores)] + [[t, s] for t, s in more.items()]
    if "mask" not in names:
        vocab.append([special["mask"], 0.0])
    return vocab, list(names).index("unk")


def charsmap(rng, rules=14):
    """SentencePiece's own table, made from a few of the rules of NFKC."""
    import sentencepiece

    chosen = rng.sample(RULES, rules)
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "rules.tsv")
        with open(path, "w") as file:
            for source, target in chosen:
                file.write(f"{hexes(source)}\t{hexes(target)}\n")
        spec = sentencepiece.SentencePieceNormalizer(rule_tsv=path).serialized_normalizer_spec()
    return base64.b64encode(table_of(spec)).decode()


def hexes(text):
    return " ".join(f"{ord(char):X}" for char in text)


def table_of(spec):
    """Field 2 of a NormalizerSpec message."""
    at = 0
    while at < len(spec):
        key, at = varint(spec, at)
        size, at = varint(spec, at)
        if key == (2 << 3 | 2):
            return spec[at : at + size]
        if key & 7 == 2:
            at += size
    raise ValueError("expected a NormalizerSpec with a precompiled_charsmap, got none")


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def unigram_json(rng, vocab, unknown, special, normalizer, spaces="metaspace"):
    ids = {token: id for id, (token, _) in enumerate(vocab)}
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    if spaces == "old":
        metaspace = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}
    pre_tokenizer = metaspace
    if spaces == "split":
        pre_tokenizer = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]}
    tokens = [added(special[n], ids[special[n]], lstrip=n == "mask") for n in ("cls", "pad", "sep", "unk", "mask")]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": sorted(tokens, key=lambda t: t["id"]),
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": roberta_template(ids, special),
        "decoder": metaspace,
        "model": {"type": "Unigram", "unk_id": unknown, "vocab": vocab, "byte_fallback": False},
    }
