"""onnxruntime's CUDA provider beside twofour, on the exported model (float32 weights): JSON lines.

onnxruntime_bert.py WORK SECONDS MODEL. Where it or its provider is missing, a row says so.
"""

import json
import os
import sys
import time

try:
    import numpy as np
    import onnxruntime as ort
except ImportError as error:
    print(json.dumps({"missing": f"onnxruntime is not here: {error}"}))
    sys.exit(0)

# Any other provider is for trying this program out.
PROVIDER = os.environ.get("GPU_CHECK_ONNX_PROVIDER", "CUDAExecutionProvider")


def sequences_of(work, vocab):
    return [
        [2 + ((i * 7919 + j * 104729) % (vocab - 2)) for j in range(length)]
        for i, length in enumerate(work["lengths"])
    ]


def feeds_of(session, sequences, size):
    wanted = {each.name for each in session.get_inputs()}
    for begin in range(0, len(sequences), size):
        part = sequences[begin : begin + size]
        ids = np.zeros((len(part), max(map(len, part))), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, each in enumerate(part):
            ids[row, : len(each)] = each
            mask[row, : len(each)] = 1
        all_feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        yield {name: values for name, values in all_feeds.items() if name in wanted}


def main():
    directory, seconds, name = sys.argv[1:]
    if PROVIDER not in ort.get_available_providers():
        print(json.dumps({"missing": f"onnxruntime {ort.__version__} is built without the CUDA provider"}))
        return
    end = time.perf_counter() + float(seconds)
    session = ort.InferenceSession(f"{directory}/{name}-onnx/model.onnx", providers=[PROVIDER])
    if session.get_providers()[0] != PROVIDER:
        print(json.dumps({"missing": f"onnxruntime {ort.__version__} could not start its CUDA provider"}))
        return
    print(json.dumps({"version": ort.__version__}), flush=True)
    with open(f"{directory}/{name}-dense/config.json") as file:
        vocab = json.load(file)["vocab_size"]
    with open(f"{directory}/works.json") as file:
        works = json.load(file)
    for work in works:
        sequences = sequences_of(work, vocab)
        feeds = list(feeds_of(session, sequences, 64))
        times = []
        for _ in range(8):
            if time.perf_counter() > end:
                break
            begin = time.perf_counter()
            for feed in feeds:
                session.run(None, feed)
            times.append(time.perf_counter() - begin)
        if len(times) < 3:
            print(json.dumps({"model": name, "leftOut": work["name"]}), flush=True)
            continue
        seconds_taken = sorted(times[2:])[len(times[2:]) // 2]
        row = {"subject": "onnxruntime float32 (TF32)", "model": name, "work": work["name"], "batch": 64}
        row |= {"tokens": sum(work["lengths"]), "seconds": seconds_taken, "sequences": len(sequences)}
        row |= {"tokensPerSecond": sum(work["lengths"]) / seconds_taken}
        row |= {"sequencesPerSecond": len(sequences) / seconds_taken}
        print(json.dumps(row), flush=True)


main()
