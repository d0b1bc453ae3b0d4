"""What transformers and sentence-transformers of this interpreter make of a case.

`judge(directory)` gives (values, tensors): ids, offsets and scores as JSON, vectors and logits as float32 tensors. Each
stage that the reference refuses has its message in `values["refused"]`: tokenizer, model, sentence, cross.
"""

import inspect
import json
import warnings
from pathlib import Path

import torch
import transformers
from sentence_transformers import CrossEncoder, SentenceTransformer
from transformers import AutoConfig, AutoTokenizer, pipeline

import model as models

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
torch.set_grad_enabled(False)
FLOAT32 = {"dtype": torch.float32}


def judge(directory):
    case = json.loads((Path(directory) / "case.json").read_text())
    judged = Judged(Path(directory), case)
    judged.stage("tokenizer", judged.tokenize)
    judged.stage("model", judged.run)
    if case["head"] == "none":
        judged.stage("sentence", judged.embed)
    if case["cross"]:
        judged.stage("cross", judged.rank)
    return judged.values, judged.tensors


class Judged:
    def __init__(self, directory, case):
        self.case = case
        self.asked = case["asked"]
        self.folder = directory / case["folder"]
        inner = case["transformer"]
        self.transformer = self.folder / inner if inner != "." else self.folder
        self.values, self.tensors = {"refused": {}}, {}
        self.tokenizer = self.model = None

    def stage(self, name, work):
        try:
            work()
        except BaseException as error:  # a Rust panic is no Exception
            # A package that this interpreter lacks says nothing about the folder.
            part = "notJudged" if isinstance(error, ImportError) else "refused"
            self.values.setdefault(part, {})[name] = message(error)

    # Ids

    def tokenize(self):
        self.config = AutoConfig.from_pretrained(self.transformer)
        self.tokenizer = AutoTokenizer.from_pretrained(self.transformer)
        positions = models.usable_positions(self.config, self.case["family"])
        self.limit = min(int(min(self.tokenizer.model_max_length, 1e9)), positions)
        self.values["limit"] = self.limit
        self.values["tokenizerClass"] = type(self.tokenizer).__name__
        self.values["texts"] = [self.attempt(self.encode, text) for text in self.asked["texts"]]
        self.values["pairs"] = [self.attempt(self.encode, *pair) for pair in self.asked["pairs"]]
        if not self.tokenizer.is_fast:
            return
        self.values["words"] = self.attempt(self.encode_words, self.asked["words"])
        self.values["question"] = self.attempt(self.encode_question, *self.asked["question"])

    def attempt(self, work, *given):
        try:
            return work(*given)
        except BaseException as error:
            return {"refused": message(error)}

    def encode(self, text, pair=None):
        encoding = self.tokenizer(text, pair, truncation="longest_first", max_length=self.limit)
        return {"ids": encoding["input_ids"], "types": encoding.get("token_type_ids")}

    def encode_words(self, words):
        ask = {"is_split_into_words": True, "truncation": True, "max_length": self.limit}
        try:
            encoding = self.tokenizer(words, **ask)
        except AssertionError:
            # RoBERTa's class asks for this to be said.
            spaced = AutoTokenizer.from_pretrained(self.transformer, add_prefix_space=True)
            encoding = spaced(words, **ask)
        owners = encoding.word_ids()
        first = [owners.index(n) if n in owners else -1 for n in range(len(words))]
        return {"ids": encoding["input_ids"], "firstPiece": first}

    def encode_question(self, question, context):
        encoding = self.tokenizer(
            question, context, truncation="longest_first", max_length=self.limit, return_offsets_mapping=True
        )
        owners, offsets = encoding.sequence_ids(), encoding["offset_mapping"]
        units = utf16_places(context)
        spans = [[n, units[a], units[b]] for n, (a, b) in enumerate(offsets) if owners[n] == 1]
        return {"ids": encoding["input_ids"], "types": encoding.get("token_type_ids"), "spans": spans}

    # Numbers

    def run(self):
        cls = getattr(transformers, self.case["class"])
        self.model, info = cls.from_pretrained(self.transformer, output_loading_info=True, **FLOAT32)
        self.model.eval()
        # What is not in the file is random: nothing that depends on it can be compared.
        missing = sorted(info["missing_keys"])
        self.values["missing"] = missing
        if any("pooler" not in key for key in missing):
            return
        self.values["labels"] = [self.model.config.id2label[n] for n in range(self.model.config.num_labels)]
        for group in ("texts", "pairs"):
            for n, encoded in enumerate(self.values.get(group, [])):
                if "ids" in encoded:
                    self.attempt(self.run_one, f"{group}.{n}", encoded, not missing)
        if self.case["head"] == "masked" and self.tokenizer is not None:
            self.values["masked"] = [self.attempt(self.fill, text) for text in self.asked["masked"]]
        if self.case["head"] == "sequence" and self.tokenizer is not None and not missing:
            self.classify()

    def run_one(self, name, encoded, pooled):
        ids, types = torch.tensor([encoded["ids"]]), encoded["types"]
        if ids.numel() == 0:
            return
        given = {"token_type_ids": torch.tensor([types])} if types is not None and takes_types(self.model) else {}
        out = self.model(input_ids=ids, output_hidden_states=True, **given)
        self.tensors[f"{name}.lastHiddenState"] = out.hidden_states[-1][0]
        if pooled and getattr(out, "pooler_output", None) is not None:
            self.tensors[f"{name}.pooled"] = out.pooler_output[0]
        head = self.case["head"]
        if head == "question":
            self.tensors[f"{name}.logits"] = torch.stack([out.start_logits[0], out.end_logits[0]], dim=-1)
        elif head == "masked":
            # Rows of a whole vocabulary are large: the first tells.
            if name == "texts.0":
                self.tensors[f"{name}.logits"] = out.logits[0][:2]
        elif head != "none" and pooled:
            self.tensors[f"{name}.logits"] = out.logits[0]

    def classify(self):
        run = pipeline("text-classification", model=self.model, tokenizer=self.tokenizer, device="cpu")
        ask = {"top_k": None, "truncation": "longest_first", "max_length": self.limit}

        def scores(text, pair=None):
            given = {"text": text, "text_pair": pair} if pair is not None else text
            found = run(given, **ask)
            found = found[0] if found and isinstance(found[0], list) else found
            return {entry["label"]: entry["score"] for entry in found}

        self.values["scores"] = [self.attempt(scores, text) for text in self.asked["texts"]]
        self.values["pairScores"] = [self.attempt(scores, *pair) for pair in self.asked["pairs"]]

    def fill(self, text):
        run = pipeline("fill-mask", model=self.model, tokenizer=self.tokenizer, device="cpu")
        found = run(text, top_k=4)
        found = found if isinstance(found[0], list) else [found]
        return [[[candidate["token"], candidate["score"]] for candidate in mask] for mask in found]

    # sentence-transformers

    def embed(self):
        sentence = SentenceTransformer(str(self.folder), device="cpu", model_kwargs=dict(FLOAT32))
        self.values["maxSeqLength"] = sentence.max_seq_length
        self.values["encoded"] = {}
        asks = {"default": {}, "none": {"prompt": ""}}
        asks |= {f"prompt {name}": {"prompt_name": name} for name in self.asked.get("prompts", [])}
        for name, ask in asks.items():
            rows = [self.attempt(self.embed_one, sentence, text, ask) for text in self.asked["texts"]]
            kept = [n for n, row in enumerate(rows) if isinstance(row, torch.Tensor)]
            self.values["encoded"][name] = kept
            if kept:
                self.tensors[f"encode.{name}"] = torch.stack([rows[n] for n in kept])

    def embed_one(self, sentence, text, ask):
        return torch.from_numpy(sentence.encode([text], show_progress_bar=False, **ask)[0])

    def rank(self):
        cross = CrossEncoder(str(self.folder), device="cpu", model_kwargs=dict(FLOAT32))
        self.values["activation"] = type(cross.activation_fn).__name__
        scores = [self.attempt(self.rank_one, cross, pair) for pair in self.asked["pairs"]]
        self.values["crossScores"] = scores

    def rank_one(self, cross, pair):
        score = cross.predict([tuple(pair)], show_progress_bar=False)[0]
        return score.tolist() if score.ndim else [float(score)]


def takes_types(model):
    return "token_type_ids" in inspect.signature(model.forward).parameters


def utf16_places(text):
    """For each place between characters, the UTF-16 units before it."""
    places = [0]
    for char in text:
        places.append(places[-1] + (2 if ord(char) > 0xFFFF else 1))
    return places


def message(error):
    return f"{type(error).__name__}: {error}"[:300]
