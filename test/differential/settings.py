"""The settings that a case may have: each changes a legal key, or the layout, of the files around the weights.

A setting is a function of the case. It says by its return value what it set, which is what reports count by; None says
that it does not fit the case. transformers and sentence-transformers decide what each means, not this file.
"""

import copy

import tiny

SETTINGS = []


def setting(name, chance):
    def add(function):
        SETTINGS.append((name, chance, function))
        return function

    return add


def apply_all(case):
    """Every setting with its own chance, in the order of this file. Some cases have few, so that one tells by itself."""
    density = case.rng.choice([0.15, 0.3, 0.6, 1])
    for name, chance, function in SETTINGS:
        part_of_model = name.startswith(("config ", "weights ", "sentence ", "cross "))
        wanted = case.rng.random() < chance * (1 if part_of_model else density)
        if wanted:
            value = function(case)
            if value is not None:
                case.settings[name] = str(value)
    if case.files in ("vocab.txt", "vocab.json and merges.txt"):
        case.settings = {name: value for name, value in case.settings.items() if not name.startswith("tokenizer.json ")}
    if case.tokenizer_config is None:
        case.settings = {name: value for name, value in case.settings.items() if not name.startswith("tokenizer_config") or "absent" in name}


# tokenizer_config.json


@setting("tokenizer_config.do_lower_case", 0.25)
def do_lower_case(case):
    if case.kind != "word_piece" and case.family != "albert":
        return None
    value = case.rng.choice([True, False, "absent"])
    if value == "absent":
        case.tokenizer_config.pop("do_lower_case", None)
    else:
        case.tokenizer_config["do_lower_case"] = value
    return value


@setting("tokenizer_config.strip_accents", 0.15)
def strip_accents(case):
    return put(case.tokenizer_config, "strip_accents", case.rng.choice([True, False, None]))


@setting("tokenizer_config.tokenize_chinese_chars", 0.15)
def tokenize_chinese_chars(case):
    return put(case.tokenizer_config, "tokenize_chinese_chars", case.rng.choice([True, False, False]))


@setting("tokenizer_config.add_prefix_space", 0.2)
def add_prefix_space(case):
    if case.kind == "word_piece":
        return None
    return put(case.tokenizer_config, "add_prefix_space", case.rng.choice([True, False]))


@setting("tokenizer_config.model_max_length", 0.4)
def model_max_length(case):
    value = case.rng.choice([7, 9, 12, 16, 512, 1e30, "absent", 1000000000000000019884624838656])
    if value == "absent":
        case.tokenizer_config.pop("model_max_length", None)
        return value
    return put(case.tokenizer_config, "model_max_length", value)


@setting("tokenizer_config.truncation_side", 0.15)
def truncation_side(case):
    return put(case.tokenizer_config, "truncation_side", case.rng.choice(["left", "left", "right"]))


@setting("tokenizer_config.padding_side", 0.1)
def padding_side(case):
    return put(case.tokenizer_config, "padding_side", case.rng.choice(["left", "right"]))


@setting("tokenizer_config.model_input_names", 0.15)
def model_input_names(case):
    names = case.rng.choice([["input_ids", "attention_mask"], ["input_ids", "token_type_ids", "attention_mask"]])
    return put(case.tokenizer_config, "model_input_names", names)


@setting("tokenizer_config.clean_up_tokenization_spaces", 0.1)
def clean_up(case):
    return put(case.tokenizer_config, "clean_up_tokenization_spaces", case.rng.choice([True, False]))


@setting("tokenizer_config.never_split", 0.08)
def never_split(case):
    return put(case.tokenizer_config, "never_split", case.rng.choice([["cat", "U.S.A."], None]))


@setting("tokenizer_config.trim_offsets", 0.1)
def trim_offsets(case):
    if case.kind != "byte_level":
        return None
    return put(case.tokenizer_config, "trim_offsets", case.rng.choice([True, False]))


@setting("tokenizer_config.add_bos_token", 0.06)
def add_bos_token(case):
    key = case.rng.choice(["add_bos_token", "add_eos_token"])
    return f"{key} {put(case.tokenizer_config, key, case.rng.choice([True, False]))}"


@setting("tokenizer_config.tokenizer_class", 0.25)
def tokenizer_class(case):
    value = case.rng.choice(["absent", "Fast", "PreTrainedTokenizerFast", "BertTokenizer"])
    if value == "absent":
        case.tokenizer_config.pop("tokenizer_class", None)
        return value
    if value == "Fast":
        value = f"{case.tokenizer_class}Fast"
    if value == "BertTokenizer" and case.kind != "word_piece":
        return None
    return put(case.tokenizer_config, "tokenizer_class", value)


@setting("tokenizer_config special tokens as objects", 0.25)
def special_objects(case):
    for name in case.rng.sample(sorted(case.special), 2):
        flags = {flag: case.rng.random() < 0.25 for flag in ("lstrip", "rstrip", "normalized", "single_word")}
        case.tokenizer_config[f"{name}_token"] = {"__type": "AddedToken", "content": case.special[name], **flags}
    return True


@setting("tokenizer_config special token renamed", 0.06)
def special_renamed(case):
    name = case.rng.choice(["cls", "sep", "mask", "pad", "unk"])
    other = case.rng.choice(case.plain_tokens)
    return f"{name} {put(case.tokenizer_config, f'{name}_token', other)}"


@setting("tokenizer_config special tokens absent", 0.1)
def special_absent(case):
    for name in case.special:
        case.tokenizer_config.pop(f"{name}_token", None)
    for name in ("bos", "eos"):
        case.tokenizer_config.pop(f"{name}_token", None)
    return True


@setting("tokenizer_config.added_tokens_decoder", 0.35)
def added_tokens_decoder(case):
    decoder = {}
    for content in case.special.values():
        decoder[str(case.vocab[content])] = {**tiny.added(0, content), "content": content}
        del decoder[str(case.vocab[content])]["id"]
    word = case.rng.choice(["guitar", "the cat", "naïve", "東京", "plays", "[E1]"])
    flags = {flag: case.rng.random() < 0.35 for flag in ("lstrip", "rstrip", "normalized", "single_word", "special")}
    if case.rng.random() < 0.7:
        id = case.new_id(word)
        decoder[str(id)] = {"content": word, **flags}
        case.words_to_see.append(word)
    if case.rng.random() < 0.3:
        entry = decoder[str(case.vocab[case.special["mask"]])]
        entry["lstrip"] = not entry["lstrip"]
    case.tokenizer_config["added_tokens_decoder"] = decoder
    return ",".join(name for name, value in flags.items() if value) or "no flags"


@setting("tokenizer_config.additional_special_tokens", 0.15)
def additional_special_tokens(case):
    tokens = case.rng.sample([*case.plain_tokens[:3], "[A1]", "[A2]"], 2)
    for token in tokens:
        if token not in case.vocab:
            case.new_id(token)
        case.words_to_see.append(token)
    return put(case.tokenizer_config, "additional_special_tokens", tokens)


@setting("tokenizer_config.extra_special_tokens", 0.1)
def extra_special_tokens(case):
    token = case.rng.choice([case.plain_tokens[0], "[X1]"])
    if token not in case.vocab:
        case.new_id(token)
    case.words_to_see.append(token)
    value = case.rng.choice([[token], {"extra_token": token}])
    case.tokenizer_config["extra_special_tokens"] = value
    return type(value).__name__


@setting("tokenizer_config.json absent", 0.06)
def tokenizer_config_absent(case):
    case.tokenizer_config = None
    return True


# The other files of a tokenizer


@setting("added_tokens.json", 0.12)
def added_tokens_json(case):
    words = case.rng.sample(["guitar", "someone", "[D1]", "on the"], 2)
    case.added_tokens = {word: case.new_id(word) for word in words}
    case.words_to_see += words
    return words


@setting("special_tokens_map.json", 0.3)
def special_tokens_map(case):
    case.special_tokens_map = {f"{name}_token": token for name, token in case.special.items()}
    kind = case.rng.choice(["plain", "objects", "lstrip", "additional"])
    if kind in ("objects", "lstrip"):
        flags = {"lstrip": kind == "lstrip", "rstrip": False, "normalized": case.rng.random() < 0.5, "single_word": False}
        case.special_tokens_map["mask_token"] = {"content": case.special["mask"], **flags}
    if kind == "additional":
        case.special_tokens_map["additional_special_tokens"] = [case.plain_tokens[0]]
        case.words_to_see.append(case.plain_tokens[0])
    return kind


@setting("tokenizer files", 0.3)
def tokenizer_files(case):
    choices = {"word_piece": ["vocab.txt", "tokenizer.json"], "byte_level": ["tokenizer.json", "vocab.json and merges.txt"]}
    case.files = case.rng.choice(choices.get(case.kind, ["tokenizer.json"]))
    return case.files


@setting("vocab.txt lines", 0.1)
def vocab_lines(case):
    if case.kind != "word_piece" or case.files == "tokenizer.json":
        return None
    case.vocab_lines = case.rng.choice(["crlf", "no last newline", "blank last line", "a line twice", "unicode newline"])
    return case.vocab_lines


# tokenizer.json


@setting("tokenizer.json truncation", 0.15)
def json_truncation(case):
    case.tokenizer_json["truncation"] = {
        "direction": case.rng.choice(["Right", "Left"]),
        "max_length": case.rng.choice([6, 8, 128]),
        "strategy": case.rng.choice(["LongestFirst", "OnlyFirst"]),
        "stride": 0,
    }
    return case.tokenizer_json["truncation"]["direction"]


@setting("tokenizer.json padding", 0.15)
def json_padding(case):
    case.tokenizer_json["padding"] = {
        "strategy": case.rng.choice(["BatchLongest", {"Fixed": 20}]),
        "direction": case.rng.choice(["Right", "Left"]),
        "pad_to_multiple_of": case.rng.choice([None, 8]),
        "pad_id": case.vocab[case.special["pad"]],
        "pad_type_id": 0,
        "pad_token": case.special["pad"],
    }
    return True


NORMALIZERS = [
    None,
    {"type": "NFC"},
    {"type": "Lowercase"},
    {"type": "NFKC"},
    {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"}, {"type": "StripAccents"}]},
    {"type": "Sequence", "normalizers": [{"type": "Nmt"}, {"type": "NFKC"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
    {"type": "Sequence", "normalizers": [{"type": "Strip", "strip_left": False, "strip_right": True}, {"type": "Replace", "pattern": {"String": "a"}, "content": "e"}]},
    {"type": "BertNormalizer", "clean_text": False, "handle_chinese_chars": True, "strip_accents": True, "lowercase": False},
    {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": False, "strip_accents": False, "lowercase": True},
    {"type": "Prepend", "prepend": "▁"},
]  # fmt: skip


@setting("tokenizer.json normalizer", 0.2)
def json_normalizer(case):
    case.tokenizer_json["normalizer"] = copy.deepcopy(case.rng.choice(NORMALIZERS))
    return kind_of(case.tokenizer_json["normalizer"])


WORD_SPLITS = [
    {"type": "BertPreTokenizer"},
    {"type": "Whitespace"},
    {"type": "WhitespaceSplit"},
    {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Punctuation", "behavior": "Isolated"}]},
    {"type": "Sequence", "pretokenizers": [{"type": "Whitespace"}, {"type": "Digits", "individual_digits": True}]},
    {"type": "Sequence", "pretokenizers": [{"type": "BertPreTokenizer"}, {"type": "UnicodeScripts"}]},
    {"type": "Split", "pattern": {"Regex": "\\s+"}, "behavior": "Removed", "invert": False},
    {"type": "Split", "pattern": {"String": " "}, "behavior": "Removed", "invert": False},
    {"type": "Sequence", "pretokenizers": [{"type": "CharDelimiterSplit", "delimiter": " "}, {"type": "Punctuation", "behavior": "MergedWithPrevious"}]},
]  # fmt: skip
SPACE_SPLITS = [
    {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split}
    for scheme in ("always", "first", "never")
    for split in (True, False)
] + [
    {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True},
    {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}]},
    {"type": "Sequence", "pretokenizers": [{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}, {"type": "Digits", "individual_digits": True}]},
]  # fmt: skip
BYTE_SPLITS = [
    {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": trim, "use_regex": regex}
    for prefix in (True, False)
    for trim in (True, False)
    for regex in (True, False)
] + [
    {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}]},
    {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated", "invert": False}, {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]},
]  # fmt: skip


@setting("tokenizer.json pre_tokenizer", 0.25)
def json_pre_tokenizer(case):
    choices = {"word_piece": WORD_SPLITS, "byte_level": BYTE_SPLITS, "unigram": SPACE_SPLITS}[case.kind]
    case.tokenizer_json["pre_tokenizer"] = copy.deepcopy(case.rng.choice(choices))
    return kind_of(case.tokenizer_json["pre_tokenizer"])


@setting("tokenizer.json post_processor", 0.2)
def json_post_processor(case):
    cls, sep = ([case.special[name], case.vocab[case.special[name]]] for name in ("cls", "sep"))
    text = lambda name, type_id=0: {"Sequence": {"id": name, "type_id": type_id}}
    token = lambda pair, type_id=0: {"SpecialToken": {"id": pair[0], "type_id": type_id}}
    named = {pair[0]: {"id": pair[0], "ids": [pair[1]], "tokens": [pair[0]]} for pair in (cls, sep)}
    template = {
        "type": "TemplateProcessing",
        "single": [token(cls), text("A"), token(sep)],
        "pair": [token(cls), text("A"), token(sep), token(sep), text("B", 1), token(sep, 1)],
        "special_tokens": named,
    }
    roberta = {"type": "RobertaProcessing", "sep": sep, "cls": cls, "trim_offsets": True, "add_prefix_space": case.rng.random() < 0.5}
    step = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    choices = [
        {"type": "BertProcessing", "sep": sep, "cls": cls},
        roberta,
        {**roberta, "trim_offsets": False},
        template,
        {**template, "single": [text("A"), token(sep)]},
        {"type": "Sequence", "processors": [step, template]},
        {"type": "Sequence", "processors": [template]},
        None,
    ]
    if case.kind == "byte_level":
        choices.append(step)
    case.tokenizer_json["post_processor"] = case.rng.choice(choices)
    return kind_of(case.tokenizer_json["post_processor"])


@setting("tokenizer.json added token", 0.25)
def json_added_token(case):
    word = case.rng.choice(["guitar", "is playing", "café", "中", "Hello", "[J1]", "10"])
    flags = {flag: case.rng.random() < 0.35 for flag in ("lstrip", "rstrip", "normalized", "single_word", "special")}
    case.tokenizer_json["added_tokens"].append(tiny.added(word, case.vocab.get(word, case.new_id(word)), **flags))
    case.words_to_see.append(word)
    return ",".join(name for name, value in flags.items() if value) or "no flags"


@setting("tokenizer.json special token flags", 0.1)
def json_special_flags(case):
    token = case.rng.choice(case.tokenizer_json["added_tokens"])
    flag = case.rng.choice(["lstrip", "rstrip", "normalized", "single_word"])
    token[flag] = not token[flag]
    return flag


@setting("tokenizer.json added_tokens absent", 0.03)
def json_added_absent(case):
    case.tokenizer_json["added_tokens"] = []
    return True


@setting("tokenizer.json model options", 0.2)
def json_model_options(case):
    model = case.tokenizer_json["model"]
    key, value = case.rng.choice(
        {
            "WordPiece": [("max_input_chars_per_word", 4), ("max_input_chars_per_word", 1000), ("continuing_subword_prefix", "#")],
            "BPE": [("ignore_merges", True), ("unk_token", case.special["unk"]), ("fuse_unk", True), ("dropout", 0.0), ("cache_capacity", 10)],
            "Unigram": [("byte_fallback", True), ("unk_id", 3), ("unk_id", None)],
        }[model["type"]]
    )  # fmt: skip
    model[key] = value
    return f"{key} {value}"


@setting("tokenizer.json model.type absent", 0.05)
def json_model_type(case):
    case.tokenizer_json["model"].pop("type")
    return True


# config.json


@setting("config architectures", 0.3)
def architectures(case):
    choices = ["absent", "null", "own class"]
    if case.head == "none" and case.family == "bert":
        choices += ["BertForNextSentencePrediction", "BertForPreTraining"]
    value = case.rng.choice(choices)
    if value == "absent":
        case.config.pop("architectures")
    else:
        own = f"My{case.config['architectures'][0]}"
        case.config["architectures"] = None if value == "null" else [own if value == "own class" else value]
    if value.startswith("Bert"):
        case.weights_class = value
    return value


@setting("config labels", 0.5)
def labels(case):
    if case.head not in ("sequence", "token"):
        return None
    count = case.labels
    names = [f"L{n}" for n in range(count)]
    value = case.rng.choice(["id2label", "id2label and label2id", "label2id", "num_labels", "disagreeing", "number keys"])
    for key in ("id2label", "label2id", "num_labels"):
        case.config.pop(key, None)
    if value in ("id2label", "id2label and label2id", "disagreeing"):
        case.config["id2label"] = {str(n): name for n, name in enumerate(names)}
    if value in ("id2label and label2id", "label2id"):
        case.config["label2id"] = {name: n for n, name in enumerate(names)}
    if value == "disagreeing":
        case.config["label2id"] = {name: n for n, name in enumerate(reversed(names))}
    if value == "number keys":
        case.config["id2label"] = {f"{n:02d}" if n else "0": name for n, name in enumerate(names)}
    if value in ("num_labels", "label2id"):
        case.config["num_labels"] = count
    return value


@setting("config problem_type", 0.3)
def problem_type(case):
    if case.head != "sequence":
        return None
    values = ["single_label_classification", "multi_label_classification", "regression", None]
    return put(case.config, "problem_type", case.rng.choice(values))


@setting("config spellings", 0.2)
def spellings(case):
    """Keys by the name that transformers' attribute_map gives them."""
    pairs = [("dim", "hidden_size"), ("n_heads", "num_attention_heads"), ("n_layers", "num_hidden_layers")]
    if case.family != "distilbert":
        return None
    for own, usual in case.rng.sample(pairs, 2):
        case.config[usual] = case.config.pop(own)
    return True


@setting("config hidden_act", 0.3)
def hidden_act(case):
    key = "activation" if case.family == "distilbert" else "hidden_act"
    values = ["gelu", "relu"] if case.family == "distilbert" else ["gelu", "gelu_new", "relu", "silu", "gelu_pytorch_tanh", "tanh", "swish", "gelu_fast", "quick_gelu"]
    return put(case.config, key, case.rng.choice(values))


@setting("config layer_norm_eps", 0.2)
def layer_norm_eps(case):
    if case.family == "distilbert":
        return None
    return put(case.config, "layer_norm_eps", case.rng.choice([1e-12, 1e-5, 1e-3, 0.01]))


@setting("config defaults left out", 0.15)
def defaults_left_out(case):
    """Keys that equal the family's own default need not be there."""
    left = [key for key in ("layer_norm_eps", "hidden_act", "activation", "sinusoidal_pos_embds", "num_hidden_groups", "inner_group_num") if key in case.config]
    if case.weights_made:
        return None
    for key in left:
        case.config.pop(key)
    return ",".join(left) or None


@setting("config dtype", 0.15)
def dtype(case):
    key = case.rng.choice(["torch_dtype", "dtype"])
    return f"{key} {put(case.config, key, 'float32')}"


@setting("config type_vocab_size", 0.1)
def type_vocab_size(case):
    if "type_vocab_size" not in case.config:
        return None
    return put(case.config, "type_vocab_size", case.rng.choice([1, 2, 3]))


@setting("config tie_word_embeddings", 0.1)
def tie_word_embeddings(case):
    if case.head != "masked":
        return None
    return put(case.config, "tie_word_embeddings", False)


@setting("config albert groups", 0.5)
def albert_groups(case):
    if case.family != "albert":
        return None
    case.config["num_hidden_layers"] = 4
    case.config["num_hidden_groups"] = case.rng.choice([1, 2, 4])
    case.config["inner_group_num"] = case.rng.choice([1, 2])
    return f"{case.config['num_hidden_groups']} of {case.config['inner_group_num']}"


@setting("config unknown keys", 0.15)
def unknown_keys(case):
    case.config |= {"_name_or_path": "author/model", "transformers_version": "4.8.2", "finetuning_task": "sst2", "gradient_checkpointing": False, "pruned_heads": {}, "position_embedding_type": "absolute"}  # fmt: skip
    return True


@setting("config sinusoidal_pos_embds", 0.1)
def sinusoidal(case):
    if case.family != "distilbert":
        return None
    return put(case.config, "sinusoidal_pos_embds", True)


@setting("config electra summary", 0.4)
def electra_summary(case):
    if case.family != "electra":
        return None
    return put(case.config, "summary_activation", case.rng.choice(["gelu", "tanh", None]))


# Weights


@setting("weights files", 0.4)
def weights_files(case):
    case.weights_files = case.rng.choice(["sharded", "linked", "linked and sharded"])
    return case.weights_files


@setting("weights dtype", 0.3)
def weights_dtype(case):
    case.weights_dtype = case.rng.choice(["float16", "bfloat16", "mixed"])
    return case.weights_dtype


@setting("weights names gamma and beta", 0.12)
def gamma_beta(case):
    case.weights_gamma = True
    return True


@setting("weights prefix", 0.25)
def weights_prefix(case):
    if case.head != "none" or case.weights_class != case.config_class:
        return None
    case.weights_prefix = True
    return "with the family's prefix"


@setting("weights pooler", 0.2)
def weights_pooler(case):
    if case.family == "distilbert":
        return None
    case.weights_pooler = case.rng.choice(["left out", "kept"])
    return case.weights_pooler


@setting("weights position_ids", 0.2)
def weights_position_ids(case):
    case.weights_position_ids = True
    return True


@setting("weights tied copies", 0.25)
def weights_tied(case):
    if case.head != "masked":
        return None
    case.weights_tied_copies = True
    return True


@setting("weights extra tensors", 0.12)
def weights_extra(case):
    case.weights_extra = True
    return True


# Files of sentence-transformers


@setting("sentence module names", 0.5)
def module_names(case):
    if not case.sentence:
        return None
    case.module_names = case.rng.choice(["old", "new"])
    return case.module_names


@setting("sentence 0_Transformer", 0.35)
def transformer_folder(case):
    if not case.sentence:
        return None
    case.transformer_folder = case.rng.choice(["0_Transformer", "0_BERT"])
    return case.transformer_folder


@setting("sentence pooling", 0.9)
def pooling(case):
    if not case.sentence:
        return None
    modes = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
    chosen = case.rng.sample(modes, 1 if case.rng.random() < 0.8 else 2)
    spelling = case.rng.choice(["old", "old short", "new"])
    case.pooling = pooling_config(case, modes, chosen, spelling)
    return f"{spelling} {'+'.join(chosen)}"


def pooling_config(case, modes, chosen, spelling):
    old = {"cls": "pooling_mode_cls_token", "max": "pooling_mode_max_tokens", "mean": "pooling_mode_mean_tokens", "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens", "weightedmean": "pooling_mode_weightedmean_tokens", "lasttoken": "pooling_mode_lasttoken"}  # fmt: skip
    if spelling == "new":
        size = case.rng.choice(["embedding_dimension", "word_embedding_dimension"])
        return {size: case.hidden, "pooling_mode": chosen[0] if len(chosen) == 1 else chosen}
    flags = {old[mode]: mode in chosen for mode in modes}
    if spelling == "old short":
        # The first releases knew three modes only.
        flags = {key: value for key, value in flags.items() if value or key in list(old.values())[:3]}
    return {"word_embedding_dimension": case.hidden, **flags}


@setting("sentence include_prompt", 0.3)
def include_prompt(case):
    if not case.sentence:
        return None
    return put(case.pooling, "include_prompt", case.rng.choice([True, False, False]))


@setting("sentence Normalize", 0.5)
def normalize(case):
    if not case.sentence:
        return None
    case.normalize = True
    return True


@setting("sentence prompts", 0.4)
def prompts(case):
    if not case.sentence:
        return None
    case.sentence_config["prompts"] = {"query": case.rng.choice(["query: ", "Represent: ", "the "]), "passage": "", "long": "a man is playing "}  # fmt: skip
    return True


@setting("sentence default_prompt_name", 0.5)
def default_prompt_name(case):
    if not case.sentence or "prompts" not in case.sentence_config:
        return None
    return put(case.sentence_config, "default_prompt_name", case.rng.choice(["query", "passage", "long", None]))


@setting("sentence similarity_fn_name", 0.2)
def similarity_fn_name(case):
    if not case.sentence:
        return None
    return put(case.sentence_config, "similarity_fn_name", case.rng.choice(["cosine", "dot", "euclidean", None]))


@setting("sentence truncate_dim", 0.2)
def truncate_dim(case):
    if not case.sentence:
        return None
    return put(case.sentence_config, "truncate_dim", case.rng.choice([2, 4, None]))


@setting("sentence max_seq_length", 0.5)
def max_seq_length(case):
    if not case.sentence:
        return None
    return put(case.bert_config, "max_seq_length", case.rng.choice([6, 8, 10, 24, None]))


@setting("sentence do_lower_case", 0.3)
def sentence_lower(case):
    if not case.sentence:
        return None
    return put(case.bert_config, "do_lower_case", case.rng.choice([True, True, False]))


@setting("sentence config name", 0.15)
def bert_config_name(case):
    if not case.sentence:
        return None
    names = ["roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"]
    case.bert_config_name = f"sentence_{case.rng.choice(names)}_config.json"
    return case.bert_config_name


@setting("sentence config absent", 0.1)
def bert_config_absent(case):
    if not case.sentence:
        return None
    case.bert_config_name = None
    return True


# CrossEncoder


@setting("cross activation", 0.7)
def cross_activation(case):
    if not case.cross:
        return None
    name = case.rng.choice(["torch.nn.modules.linear.Identity", "torch.nn.modules.activation.Sigmoid"])
    key = case.rng.choice(["new", "old", "both"])
    if key in ("new", "both"):
        case.config["sentence_transformers"] = {"activation_fn": name, "version": "4.1.0"}
    if key in ("old", "both"):
        case.config["sbert_ce_default_activation_function"] = name
    return f"{key} {name.rsplit('.', 1)[1]}"


def put(settings, key, value):
    settings[key] = value
    return value if not isinstance(value, (list, dict)) else type(value).__name__


def kind_of(step):
    return "null" if step is None else step["type"]
