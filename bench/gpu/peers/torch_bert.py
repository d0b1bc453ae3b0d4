"""PyTorch beside twofour, on the same seeded models and batches: JSON lines.

torch_bert.py WORK SECONDS MODEL... with the models that make-models wrote (dense and 2:4). A sequence's padding is what
PyTorch needs: a batch is padded to its longest sequence. Only torch is needed; where it is missing, a row says so.
"""

import json
import math
import os
import struct
import sys
import time

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError as error:
    print(json.dumps({"missing": f"PyTorch is not here: {error}"}))
    sys.exit(0)

DTYPES = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}
# Texts of one padded batch: the fastest is what is compared.
BATCHES = (32, 128)
# Anything but "cuda" is for trying this program out.
DEVICE = os.environ.get("GPU_CHECK_TORCH_DEVICE", "cuda")


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        body = bytearray(file.read())
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        flat = torch.frombuffer(body, dtype=DTYPES[entry["dtype"]], count=(end - begin) // DTYPES[entry["dtype"]].itemsize, offset=begin)
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


class Layer(nn.Module):
    def __init__(self, hidden, heads, inner, sdpa):
        super().__init__()
        self.heads, self.sdpa = heads, sdpa
        self.qkv = nn.Linear(hidden, 3 * hidden)
        self.out = nn.Linear(hidden, hidden)
        self.norm = nn.LayerNorm(hidden, eps=1e-12)
        self.first = nn.Linear(hidden, inner)
        self.second = nn.Linear(inner, hidden)
        self.last_norm = nn.LayerNorm(hidden, eps=1e-12)

    def forward(self, x, mask):
        batch, length, hidden = x.shape
        split = self.qkv(x).view(batch, length, 3, self.heads, hidden // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        if self.sdpa:
            mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        else:
            scores = query @ key.transpose(-1, -2) / math.sqrt(hidden // self.heads)
            if mask is not None:
                scores = scores.masked_fill(~mask, float("-inf"))
            mixed = scores.softmax(-1) @ value
        x = self.norm(x + self.out(mixed.transpose(1, 2).reshape(batch, length, hidden)))
        return self.last_norm(x + self.second(F.gelu(self.first(x))))


class Bert(nn.Module):
    def __init__(self, config, sdpa):
        super().__init__()
        hidden = config["hidden_size"]
        self.word = nn.Embedding(config["vocab_size"], hidden)
        self.position = nn.Embedding(config["max_position_embeddings"], hidden)
        self.kind = nn.Embedding(config.get("type_vocab_size", 2), hidden)
        self.norm = nn.LayerNorm(hidden, eps=1e-12)
        inner, heads = config["intermediate_size"], config["num_attention_heads"]
        self.layers = nn.ModuleList(Layer(hidden, heads, inner, sdpa) for _ in range(config["num_hidden_layers"]))
        self.pooler = nn.Linear(hidden, hidden)

    def hidden(self, ids, mask):
        places = torch.arange(ids.shape[1], device=ids.device)
        x = self.norm(self.word(ids) + self.position(places) + self.kind.weight[0])
        for layer in self.layers:
            x = layer(x, mask)
        return x

    def forward(self, ids, mask):
        return torch.tanh(self.pooler(self.hidden(ids, mask)[:, 0]))


def load(directory, sdpa):
    with open(f"{directory}/config.json") as file:
        config = json.load(file)
    stored = read_safetensors(f"{directory}/model.safetensors")
    model = Bert(config, sdpa)
    names = {
        "word.weight": "embeddings.word_embeddings.weight",
        "position.weight": "embeddings.position_embeddings.weight",
        "kind.weight": "embeddings.token_type_embeddings.weight",
        "norm.weight": "embeddings.LayerNorm.weight",
        "norm.bias": "embeddings.LayerNorm.bias",
        "pooler.weight": "pooler.dense.weight",
        "pooler.bias": "pooler.dense.bias",
    }
    parts = {
        "out": "attention.output.dense",
        "norm": "attention.output.LayerNorm",
        "first": "intermediate.dense",
        "second": "output.dense",
        "last_norm": "output.LayerNorm",
    }
    state = {ours: stored[theirs] for ours, theirs in names.items()}
    for i in range(config["num_hidden_layers"]):
        place = f"encoder.layer.{i}"
        for kind in ("weight", "bias"):
            qkv = [stored[f"{place}.attention.self.{name}.{kind}"] for name in ("query", "key", "value")]
            state[f"layers.{i}.qkv.{kind}"] = torch.cat(qkv)
            for ours, theirs in parts.items():
                state[f"layers.{i}.{ours}.{kind}"] = stored[f"{place}.{theirs}.{kind}"]
    model.load_state_dict(state)
    return model.to(DEVICE, torch.bfloat16).eval(), config["vocab_size"]


def sequences_of(work, vocab):
    return [
        [2 + ((i * 7919 + j * 104729) % (vocab - 2)) for j in range(length)]
        for i, length in enumerate(work["lengths"])
    ]


def padded(sequences, size):
    batches = []
    for begin in range(0, len(sequences), size):
        part = sequences[begin : begin + size]
        longest = max(map(len, part))
        # Lengths in steps of 16, so that a compiled model sees few shapes.
        longest = min(512, (longest + 15) // 16 * 16) if any(len(each) != longest for each in part) else longest
        ids = torch.zeros(len(part), longest, dtype=torch.long)
        for row, each in enumerate(part):
            ids[row, : len(each)] = torch.tensor(each)
        full = all(len(each) == longest for each in part)
        mask = None if full else (torch.arange(longest) < torch.tensor([len(each) for each in part])[:, None])
        batches.append((ids.to(DEVICE), None if full else mask[:, None, None, :].to(DEVICE)))
    return batches


def wait():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def seconds_of(model, batches, least):
    def once():
        for ids, mask in batches:
            model(ids, mask)

    for _ in range(3):
        once()
    wait()
    times = []
    begin_all, started = time.time() * 1000, time.perf_counter()
    while time.perf_counter() - started < least or len(times) < 5:
        begin = time.perf_counter()
        once()
        wait()
        times.append(time.perf_counter() - begin)
    times.sort()
    return times[len(times) // 2], begin_all, time.time() * 1000


def measure(subject, model, vocab, works, name, end):
    for work in works:
        if time.perf_counter() > end:
            print(json.dumps({"subject": subject, "model": name, "leftOut": work["name"]}), flush=True)
            continue
        sequences = sequences_of(work, vocab)
        sizes = BATCHES if work["real"] else (len(sequences),)
        for order in ("as they come", "sorted by length") if work["real"] else ("as they come",):
            texts = sorted(sequences, key=len) if order == "sorted by length" else sequences
            best = min((seconds_of(model, padded(texts, size), 0.3) + (size,) for size in sizes), key=lambda each: each[0])
            seconds, begin, finish, size = best
            tokens = sum(work["lengths"])
            row = {"subject": subject, "model": name, "work": work["name"], "order": order, "batch": size}
            row |= {"tokens": tokens, "sequences": len(sequences), "seconds": seconds}
            row |= {"tokensPerSecond": tokens / seconds, "sequencesPerSecond": len(sequences) / seconds}
            row |= {"lastFrom": begin, "lastTo": finish}
            print(json.dumps(row), flush=True)


def compile_layers(model):
    for layer in model.layers:
        layer.compile(dynamic=None)
    return model


def sparsify(model):
    from torch.sparse import to_sparse_semi_structured

    for layer in model.layers:
        for part in (layer.qkv, layer.out, layer.first, layer.second):
            part.weight = nn.Parameter(to_sparse_semi_structured(part.weight.detach()), requires_grad=False)
    return model


def dense(directory, name):
    return load(f"{directory}/{name}-dense", True)


def sparse(directory, name):
    model, vocab = load(f"{directory}/{name}-2of4", True)
    return sparsify(model), vocab


def compiled(make):
    def made(directory, name):
        model, vocab = make(directory, name)
        return compile_layers(model), vocab

    return made


def eager(directory, name):
    return load(f"{directory}/{name}-dense", False)


# What is compared with comes first: the time may run out.
SUBJECTS = {
    "SDPA, compiled": compiled(dense),
    "SDPA": dense,
    "to_sparse_semi_structured, SDPA, compiled": compiled(sparse),
    "to_sparse_semi_structured, SDPA": sparse,
    "eager": eager,
}


def try_subject(subject, name, directory, works, end):
    model, vocab = SUBJECTS[subject](directory, name)
    ids = torch.tensor([sequences_of(works[0], vocab)[0]], device=DEVICE)
    first = model.hidden(ids, None)[0, 0, :8].float().tolist()
    print(json.dumps({"subject": subject, "model": name, "first": first}), flush=True)
    measure(subject, model, vocab, works, name, end)


@torch.inference_mode()
def main():
    directory, seconds, *models = sys.argv[1:]
    if DEVICE == "cuda" and not torch.cuda.is_available():
        print(json.dumps({"missing": f"PyTorch {torch.__version__} sees no GPU"}))
        return
    end = time.perf_counter() + float(seconds)
    card = torch.cuda.get_device_name(0) if DEVICE == "cuda" else DEVICE
    print(json.dumps({"version": torch.__version__, "card": card}), flush=True)
    with open(f"{directory}/works.json") as file:
        works = json.load(file)
    for subject in SUBJECTS:
        for name in models:
            try:
                try_subject(subject, name, directory, works, end)
            except Exception as error:  # one that fails is a row, and the others go on
                reason = str(error).strip().split("\n")[0][:300]
                print(json.dumps({"subject": subject, "model": name, "refused": reason}), flush=True)


main()
