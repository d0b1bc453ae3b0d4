"""Random small model folders, with what transformers and sentence-transformers make of them.

    python generate.py --seed 1 --cases 300 --out DIR --references PYTHON5 PYTHON4

Run it with transformers 4, whose classes write the weights: equal seeds give equal files. Each case
is DIR/NNNN: case.json (settings, texts), the folder, expected.json and expected.safetensors. A case on which both
references agree has one set of values; where they differ it has both, and expected.json lists in what.
One process per reference judges all cases. `--judge NAME` is that process; without `--references` the cases are only
written.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
TOLERANCE = 2e-5


def write_cases(seed, count, out, small):
    import case

    for number in range(count):
        case.Case(f"{seed}/{number}", small).write(out / f"{number:04d}")


def judge_cases(out, name):
    """For each case NAME.json and NAME.safetensors."""
    import torch
    from safetensors.torch import save_file

    import reference

    torch.set_num_threads(1)
    for directory in sorted(out.glob("[0-9]*")):
        values, tensors = reference.judge(directory)
        (directory / f"{name}.json").write_text(json.dumps(values, ensure_ascii=False))
        save_file({key: value.contiguous().float() for key, value in tensors.items()}, directory / f"{name}.safetensors")


def merge(directory, names):
    """expected.json and expected.safetensors out of what each reference said."""
    from safetensors.torch import load_file, save_file

    values = {name: json.loads((directory / f"{name}.json").read_text()) for name in names}
    tensors = {name: load_file(directory / f"{name}.safetensors") for name in names}
    first = names[0]
    differences = sorted({part for name in names[1:] for part in differing(values[first], tensors[first], values[name], tensors[name])})
    kept = names if differences else names[:1]
    expected = {"agreed": not differences, "differences": differences, "by": {name: values[name] for name in kept}}
    (directory / "expected.json").write_text(json.dumps(expected, ensure_ascii=False, separators=(",", ":")) + "\n")
    save_file({f"{name}/{key}": value for name in kept for key, value in tensors[name].items()}, directory / "expected.safetensors")
    for name in names:
        (directory / f"{name}.json").unlink()
        (directory / f"{name}.safetensors").unlink()


def differing(values, tensors, others, other_tensors):
    """The parts in which two references differ; messages of refusals and class names are words, not numbers."""
    for part in values.keys() | others.keys():
        if part == "refused":
            yield from (f"refused {stage}" for stage in values[part].keys() ^ others[part].keys())
        elif part not in ("tokenizerClass", "maxSeqLength", "limit") and not alike(values.get(part), others.get(part)):
            yield part
    for key in tensors.keys() | other_tensors.keys():
        a, b = tensors.get(key), other_tensors.get(key)
        if a is None or b is None or a.shape != b.shape:
            yield key.split(".")[0] + " tensors"
        elif a.numel() and float((a - b).abs().max()) > TOLERANCE * (1 + float(b.abs().max())):
            yield key.split(".")[0] + " tensors"


def alike(a, b):
    if isinstance(a, float) or isinstance(b, float):
        return isinstance(a, (int, float)) and isinstance(b, (int, float)) and abs(a - b) <= TOLERANCE * (1 + abs(b))
    if isinstance(a, dict) and isinstance(b, dict):
        if "refused" in a and "refused" in b:
            return True
        if a.get("types", ()) is None or b.get("types", ()) is None:
            # A tokenizer that gives no token types says nothing of them.
            a, b = {**a, "types": None}, {**b, "types": None}
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(alike, a, b))
    return a == b


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--cases", type=int, default=100)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--small", action="store_true", help="models of one layer and few texts, to be committed")
    arguments.add_argument("--references", nargs="*", default=[], help="Python interpreters")
    arguments.add_argument("--judge", help="judge the cases of --out by this interpreter, under this name")
    options = arguments.parse_args()
    if options.judge is not None:
        return judge_cases(options.out, options.judge)

    options.out.mkdir(parents=True)
    write_cases(options.seed, options.cases, options.out, options.small)
    names = [version_of(python) for python in options.references]
    running = [
        subprocess.Popen([python, __file__, "--out", str(options.out), "--judge", name])
        for python, name in zip(options.references, names)
    ]
    for process in running:
        if process.wait() != 0:
            sys.exit(f"expected {process.args[0]} to judge all cases, got exit {process.returncode}")
    if names:
        for directory in sorted(options.out.glob("[0-9]*")):
            merge(directory, names)


def version_of(python):
    ask = "import transformers; print('transformers-' + transformers.__version__)"
    return subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
