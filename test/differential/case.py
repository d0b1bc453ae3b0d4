"""A case: a random model folder, what may be asked of it, and the settings that made it."""

import json
import os
import random
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

import model
import settings
import tiny

TOKENIZER_CLASSES = {
    "bert": "BertTokenizer",
    "roberta": "RobertaTokenizer",
    "xlm-roberta": "XLMRobertaTokenizer",
    "camembert": "CamembertTokenizer",
    "distilbert": "DistilBertTokenizer",
    "albert": "AlbertTokenizer",
    "electra": "ElectraTokenizer",
    "mpnet": "MPNetTokenizer",
}
KINDS = {"roberta": "byte_level", "xlm-roberta": "unigram", "camembert": "unigram", "albert": "unigram"}
BASE_PREFIX = {"xlm-roberta": "roberta", "camembert": "roberta"}


class Case:
    def __init__(self, seed, small=False):
        self.small = small
        self.rng = rng = random.Random(seed)
        self.settings = {}
        self.family = rng.choice(model.FAMILIES)
        self.head = rng.choice(["none", "none", *model.HEADS[1:], "sequence"])
        self.sentence = self.head == "none" and rng.random() < 0.65
        self.cross = self.head == "sequence" and rng.random() < 0.45
        self.labels = rng.choice([1, 1, 2, 3]) if self.head == "sequence" else 3
        self.make_tokenizer()
        self.extra_ids, self.words_to_see = {}, []
        self.special_tokens_map = self.added_tokens = self.vocab_lines = None
        self.weights_files, self.weights_dtype, self.weights_pooler = "single", "float32", None
        self.weights_gamma = self.weights_prefix = self.weights_position_ids = False
        self.weights_tied_copies = self.weights_extra = self.weights_made = False
        self.module_names, self.transformer_folder, self.normalize = "old", None, False
        self.sentence_config, self.bert_config = {}, {"max_seq_length": None, "do_lower_case": False}
        self.bert_config_name = "sentence_bert_config.json"
        self.make_config()
        self.pooling = {"word_embedding_dimension": self.hidden, "pooling_mode_mean_tokens": True}
        settings.apply_all(self)

    # The files as they are usually published; settings then change them.

    def make_tokenizer(self):
        rng, family = self.rng, self.family
        self.kind = KINDS.get(family, "word_piece")
        self.tokenizer_class = TOKENIZER_CLASSES[family]
        if rng.random() < 0.1:
            # A tokenizer of another kind, under the class that takes any tokenizer.json.
            self.kind, self.tokenizer_class = rng.choice(["word_piece", "byte_level", "unigram"]), "PreTrainedTokenizerFast"
        roberta_names = family in model.ROBERTA_KIND
        self.special = dict(tiny.SPECIAL_ROBERTA if roberta_names else tiny.SPECIAL_BERT)
        if family == "mpnet":
            self.special["unk"] = "[UNK]"
        if family == "albert":
            self.special |= {"pad": "<pad>", "unk": "<unk>"}
        lower = rng.random() < 0.5
        if self.kind == "word_piece":
            order = ["cls", "pad", "sep", "unk", "mask"] if roberta_names else ["pad", "unk", "cls", "sep", "mask"]
            self.special = {name: self.special[name] for name in order}
            self.vocab = tiny.word_piece(rng, lower, self.special, "usual")
            self.tokenizer_json = tiny.word_piece_json(rng, self.vocab, self.special, lower)
            if roberta_names:
                self.tokenizer_json["post_processor"] = tiny.roberta_template(self.vocab, self.special)
        elif self.kind == "byte_level":
            self.vocab, self.merges = tiny.byte_level(rng, self.special)
            prefix = rng.random() < 0.3
            self.tokenizer_json = tiny.byte_level_json(rng, self.vocab, self.merges, self.special, prefix)
        else:
            names = ("pad", "unk", "cls", "sep", "mask") if family == "albert" else ("cls", "pad", "sep", "unk")
            vocab, unknown = tiny.unigram(rng, self.special, names)
            self.vocab = {token: id for id, (token, _) in enumerate(vocab)}
            # Published files of the family's own class split at blanks first.
            spaces = rng.choice(["metaspace", "old"]) if self.tokenizer_class == "PreTrainedTokenizerFast" else "split"
            self.tokenizer_json = tiny.unigram_json(rng, vocab, unknown, self.special, self.usual_normalizer(lower), spaces)
            if family == "albert":
                self.tokenizer_json["post_processor"] = tiny.bert_template(self.vocab, self.special)
        self.files = "both" if self.kind == "word_piece" else "tokenizer.json"
        self.plain_tokens = [token for token in self.vocab if token.isalpha() and token.isascii()][:20]
        self.tokenizer_config = {"tokenizer_class": self.tokenizer_class, "model_max_length": 512}
        self.tokenizer_config |= {f"{name}_token": token for name, token in self.special.items()}
        if roberta_names:
            self.tokenizer_config |= {"bos_token": self.special["cls"], "eos_token": self.special["sep"]}
        if self.kind == "word_piece" or family == "albert":
            self.tokenizer_config["do_lower_case"] = lower

    def usual_normalizer(self, lower):
        table = {"type": "Precompiled", "precompiled_charsmap": tiny.charsmap(self.rng)}
        if self.family != "albert":
            # Files under the class that takes any tokenizer.json have NFKC too.
            free = self.tokenizer_class == "PreTrainedTokenizerFast"
            return {"type": "NFKC"} if free and self.rng.random() < 0.5 else table
        steps = [
            {"type": "Replace", "pattern": {"String": "``"}, "content": '"'},
            {"type": "Replace", "pattern": {"String": "''"}, "content": '"'},
            {"type": "NFKD"},
            {"type": "StripAccents"},
            *([{"type": "Lowercase"}] if lower else []),
            table,
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
        ]
        return {"type": "Sequence", "normalizers": steps}

    def make_config(self):
        ids = {name: self.vocab[token] for name, token in self.special.items()}
        # Room for tokens that settings add.
        self.config = model.config(self.rng, self.family, max(self.vocab.values()) + 9, ids, self.small)
        self.config_class = self.weights_class = model.class_name(self.family, self.head)
        self.config["architectures"] = [self.config_class]
        self.hidden = self.config.get("hidden_size", self.config.get("dim"))
        if self.head in ("sequence", "token") and self.labels != 2:
            self.config["id2label"] = {str(n): f"LABEL_{n}" for n in range(self.labels)}
            self.config["label2id"] = {f"LABEL_{n}": n for n in range(self.labels)}

    def new_id(self, token):
        if token in self.vocab:
            return self.vocab[token]
        return self.extra_ids.setdefault(token, max(self.vocab.values()) + 1 + len(self.extra_ids))

    # Texts

    def text(self):
        rng = self.rng
        kind = rng.randrange(12)
        if kind == 0:
            return rng.choice(["", " ", "\n\t ", "\u3000", "\u200d", "\ufeff", "\u0085", "\u0000"])
        words = [rng.choice(tiny.WORDS) for _ in range(rng.randint(1, 9))]
        if kind == 1:
            words = [rng.choice(tiny.WORDS) for _ in range(30)]
        if kind == 2:
            words.insert(rng.randrange(len(words) + 1), rng.choice(list(self.special.values())))
        if kind == 3:
            words.insert(0, "a" * rng.choice([30, 101, 220]))
        if kind == 4:
            words.append(rng.choice(["a\u0301\u0323", "\u0000x", "\ufeffcat", "the\u0085cat", "x\u200dy", "\u00adsoft", "\u2028", "ﷺ", "가각", "\U000e0001"]))
        if self.words_to_see and rng.random() < 0.5:
            seen = rng.choice(self.words_to_see)
            words.insert(rng.randrange(len(words) + 1), rng.choice([seen, f"x{seen}", f"{seen}s", seen.upper()]))
        return rng.choice([" ", " ", " ", "  ", "\n"]).join(words)

    def questions_to_ask(self):
        """What the references and the product are asked."""
        rng = self.rng
        mask = self.special["mask"]
        texts = [self.text() for _ in range(3 if self.small else 5)]
        asked = {
            "texts": texts,
            "pairs": [[self.text(), self.text()] for _ in range(1 if self.small else 2)],
            "words": [rng.choice([*tiny.WORDS, "", " ", *self.words_to_see]) for _ in range(rng.randint(1, 8))],
            "question": [self.text(), self.text()],
        }
        if self.head == "masked":
            asked["masked"] = [f"{rng.choice(tiny.WORDS)} {mask} {rng.choice(tiny.WORDS)}", f"{mask}{mask}."]
        if self.sentence and "prompts" in self.sentence_config:
            asked["prompts"] = list(self.sentence_config["prompts"])
        return asked

    # Writing

    def write(self, directory):
        directory = Path(directory)
        # Before files are laid out, since later settings of weights draw random numbers too.
        tensors, ties = model.weights(self.rng, self.config, self.weights_class, self.config_class)
        asked = self.questions_to_ask()
        root = directory / "model"
        transformer = root / self.transformer_folder if self.sentence and self.transformer_folder else root
        transformer.mkdir(parents=True)
        dump(transformer / "config.json", self.config)
        self.write_tokenizer(transformer)
        self.write_weights(transformer, tensors, ties)
        if self.sentence:
            self.write_sentence(root, transformer)
        if self.weights_files.startswith("linked"):
            root = as_cache(root, directory / "hub")
        case = {
            "family": self.family,
            "head": self.head,
            "class": self.config_class,
            "kind": self.kind,
            "sentence": self.sentence,
            "cross": self.cross,
            "settings": self.settings,
            "folder": str(root.relative_to(directory)),
            "transformer": str(transformer.relative_to(directory / "model")),
            "asked": asked,
        }
        dump(directory / "case.json", case)

    def write_tokenizer(self, folder):
        if self.tokenizer_config is not None:
            dump(folder / "tokenizer_config.json", self.tokenizer_config)
        if self.special_tokens_map is not None:
            dump(folder / "special_tokens_map.json", self.special_tokens_map)
        if self.added_tokens is not None:
            dump(folder / "added_tokens.json", self.added_tokens)
        if self.files in ("both", "tokenizer.json"):
            dump(folder / "tokenizer.json", self.tokenizer_json)
        if self.files in ("both", "vocab.txt"):
            (folder / "vocab.txt").write_bytes(self.vocab_txt().encode())
        if self.files == "vocab.json and merges.txt":
            dump(folder / "vocab.json", self.vocab)
            merges = "".join(f"{a} {b}\n" for a, b in self.merges)
            (folder / "merges.txt").write_text("#version: 0.2\n" + merges)

    def vocab_txt(self):
        lines = list(self.vocab)
        if self.vocab_lines == "a line twice":
            lines[-1] = lines[-2]
        if self.vocab_lines == "unicode newline":
            lines[-1] = "x\u2028y"
        text = ("\r\n" if self.vocab_lines == "crlf" else "\n").join(lines)
        ends = {"no last newline": "", "blank last line": "\n\n", "crlf": "\r\n"}
        return text + ends.get(self.vocab_lines, "\n")

    def write_weights(self, folder, tensors, ties):
        base = BASE_PREFIX.get(self.family, self.family)
        tensors = dict(tensors)
        if self.weights_tied_copies:
            tensors |= {key: tensors[source].clone() for key, source in ties.items()}
        if self.weights_pooler == "left out" and self.head == "none":
            tensors = {key: value for key, value in tensors.items() if "pooler" not in key}
        if self.weights_pooler == "kept" and not any("pooler" in key for key in tensors):
            tensors[f"{base}.pooler.dense.weight"] = torch.ones(self.hidden, self.hidden)
            tensors[f"{base}.pooler.dense.bias"] = torch.ones(self.hidden)
        if self.weights_prefix:
            tensors = {f"{base}.{key}": value for key, value in tensors.items()}
        if self.weights_position_ids:
            key = next(key for key in tensors if key.endswith("embeddings.word_embeddings.weight"))
            count = self.config["max_position_embeddings"]
            tensors[key.replace("word_embeddings.weight", "position_ids")] = torch.arange(count).unsqueeze(0)
        if self.weights_extra:
            tensors["cls.seq_relationship.weight"] = torch.ones(2, self.hidden)
            tensors["cls.seq_relationship.bias"] = torch.ones(2)
        if self.weights_gamma:
            tensors = {old_norm_name(key): value for key, value in tensors.items()}
        tensors = {key: self.stored(value) for key, value in tensors.items()}
        write_tensors(folder, tensors, self.rng.choice([2, 3]) if "sharded" in self.weights_files else 1)

    def stored(self, value):
        if not value.is_floating_point() or self.weights_dtype == "float32":
            return value
        name = self.rng.choice(["float16", "float32"]) if self.weights_dtype == "mixed" else self.weights_dtype
        return value.to(getattr(torch, name))

    def write_sentence(self, root, transformer):
        old = self.module_names == "old"
        types = {
            "Transformer": "sentence_transformers.models.Transformer" if old else "sentence_transformers.base.modules.transformer.Transformer",
            "Pooling": "sentence_transformers.models.Pooling" if old else "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
            "Normalize": "sentence_transformers.models.Normalize" if old else "sentence_transformers.sentence_transformer.modules.normalize.Normalize",
        }  # fmt: skip
        chain = [("Transformer", self.transformer_folder or ""), ("Pooling", "1_Pooling")]
        if self.normalize:
            chain.append(("Normalize", "2_Normalize"))
        modules = [{"idx": n, "name": str(n), "path": path, "type": types[kind]} for n, (kind, path) in enumerate(chain)]
        dump(root / "modules.json", modules)
        (root / "1_Pooling").mkdir()
        dump(root / "1_Pooling" / "config.json", self.pooling)
        if self.sentence_config:
            dump(root / "config_sentence_transformers.json", self.sentence_config)
        if self.bert_config_name is not None:
            dump(transformer / self.bert_config_name, self.bert_config)


def old_norm_name(key):
    return key.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def write_tensors(folder, tensors, shards):
    metadata = {"format": "pt"}
    if shards == 1:
        save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "model.safetensors", metadata)
        return
    keys, weight_map = list(tensors), {}
    for n in range(shards):
        name = f"model-{n + 1:05d}-of-{shards:05d}.safetensors"
        part = {key: tensors[key].contiguous() for key in keys[n::shards]}
        weight_map |= dict.fromkeys(part, name)
        save_file(part, folder / name, metadata)
    size = sum(value.numel() * value.element_size() for value in tensors.values())
    dump(folder / "model.safetensors.index.json", {"metadata": {"total_size": size}, "weight_map": weight_map})


def as_cache(root, hub):
    """As the hub's cache lays files out: links in snapshots/, contents in blobs/."""
    repository = hub / "models--author--name"
    snapshot = repository / "snapshots" / "0123abcd"
    (repository / "blobs").mkdir(parents=True)
    for number, file in enumerate(sorted(path for path in root.rglob("*") if path.is_file())):
        blob = repository / "blobs" / f"{number:040x}"
        shutil.move(file, blob)
        link = snapshot / file.relative_to(root)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    shutil.rmtree(root)
    return snapshot


def dump(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
