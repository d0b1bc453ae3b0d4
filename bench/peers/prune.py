"""2:4 by magnitude over the linears of a BERT's layers, as one would write it in PyTorch.

Run by bench/prune.ts: prune.py MODEL.safetensors THREADS. Decides once for every line on stdin: reads the weights,
keeps the two largest of every four consecutive inputs, and answers with the number of weights kept.
"""

import re
import sys

try:
    import torch
    from safetensors import safe_open
except ImportError as error:
    print(error)
    sys.exit()

LINEAR = re.compile(r"encoder\.layer\.\d+\..*(query|key|value|dense)\.weight$")


def mask_of(weight: torch.Tensor) -> torch.Tensor:
    groups = weight.abs().view(-1, 4)
    mask = torch.zeros_like(groups, dtype=torch.bool)
    mask.scatter_(1, groups.topk(2, dim=1, sorted=False).indices, True)
    return mask.view_as(weight)


def prune(path: str) -> int:
    kept = 0
    masks = {}
    with safe_open(path, framework="pt") as file:
        for name in file.keys():
            if not LINEAR.search(name):
                continue
            masks[name] = mask_of(file.get_tensor(name))
            kept += masks[name].numel() // 2
    return kept


def main() -> None:
    path, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    print("ready", flush=True)
    for _ in sys.stdin:
        print(prune(path), flush=True)


main()
