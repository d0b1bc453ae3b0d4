"""A tiny model of a family and a head: its config.json and its seeded weights, by transformers' own classes."""

import numpy
import torch
import transformers

FAMILIES = ("bert", "roberta", "xlm-roberta", "camembert", "distilbert", "albert", "electra", "mpnet")
HEADS = ("none", "masked", "sequence", "token", "question")
CLASS_PREFIX = {
    "bert": "Bert",
    "roberta": "Roberta",
    "xlm-roberta": "XLMRoberta",
    "camembert": "Camembert",
    "distilbert": "DistilBert",
    "albert": "Albert",
    "electra": "Electra",
    "mpnet": "MPNet",
}
CLASS_SUFFIX = {
    "none": "Model",
    "masked": "ForMaskedLM",
    "sequence": "ForSequenceClassification",
    "token": "ForTokenClassification",
    "question": "ForQuestionAnswering",
}
ROBERTA_KIND = ("roberta", "xlm-roberta", "camembert", "mpnet")


def class_name(family, head):
    return CLASS_PREFIX[family] + CLASS_SUFFIX[head]


def config(rng, family, vocab, special_ids, small):
    """config.json as it would be published: the family's own keys, and those that every config has."""
    heads = rng.choice([1, 2, 4])
    hidden = heads * rng.choice([4, 8]) if vocab < 250 else 8 * rng.choice([1, 2])
    heads = min(heads, hidden // 4)
    layers, inner = rng.randint(1, 3), rng.choice([8, 12, 24])
    positions = rng.choice([24, 32, 40])
    if small:
        heads, hidden, layers, inner, positions = rng.choice([1, 2]), 8, 1, rng.choice([4, 8]), 24
    padding = special_ids["pad"]
    made = {"model_type": family, "vocab_size": vocab, "max_position_embeddings": positions, "pad_token_id": padding}
    if family == "distilbert":
        made |= {"dim": hidden, "n_heads": heads, "n_layers": layers, "hidden_dim": inner, "activation": "gelu"}
        return made | {"sinusoidal_pos_embds": False, "tie_weights_": True}
    made |= {
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "intermediate_size": inner,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
    }
    if family != "mpnet":
        made["type_vocab_size"] = 1 if family in ROBERTA_KIND else 2
    if family in ROBERTA_KIND:
        made |= {"layer_norm_eps": 1e-5, "bos_token_id": special_ids["cls"], "eos_token_id": special_ids["sep"]}
        made["max_position_embeddings"] = positions + padding + 1
    if family == "albert":
        made |= {"embedding_size": rng.choice([4, 8, hidden]), "hidden_act": "gelu_new", "num_hidden_groups": 1, "inner_group_num": 1}
    if family == "electra":
        made |= {"embedding_size": rng.choice([4, 8, hidden])}
    if family == "mpnet":
        made["relative_attention_num_buckets"] = 32
    return made


def usable_positions(config_read, family):
    if family in ROBERTA_KIND:
        return config_read.max_position_embeddings - (1 if family == "mpnet" else config_read.pad_token_id) - 1
    return config_read.max_position_embeddings


def weights(rng, settings, name, usual):
    """
    Seeded tensors for the class `name`, by the names under which transformers saves them, and the tied ones: a name, and
    the name whose tensor it shares.
    """
    cls = getattr(transformers, name)
    config_class = getattr(transformers, usual).config_class
    module = cls(config_class(**{k: v for k, v in settings.items() if k != "architectures"}))
    random = numpy.random.default_rng(rng.randrange(2**32))
    seen, tensors, ties = {}, {}, {}
    for key, value in module.state_dict().items():
        if not value.is_floating_point():
            continue
        if value.data_ptr() in seen:
            ties[key] = seen[value.data_ptr()]
            continue
        seen[value.data_ptr()] = key
        tensors[key] = torch.from_numpy(numbers(random, key, tuple(value.shape)))
    return tensors, ties


def numbers(random, key, shape):
    values = random.standard_normal(shape).astype(numpy.float32)
    if "norm" in key.lower():
        return (1 + 0.2 * values if key.endswith("weight") else 0.1 * values).astype(numpy.float32)
    if len(shape) < 2:
        return 0.2 * values
    spread = 0.6 if "embedding" in key or "relative" in key else 1.4 / shape[1] ** 0.5
    return (spread * values).astype(numpy.float32)
