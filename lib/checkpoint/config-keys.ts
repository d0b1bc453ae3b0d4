import type { ConfigTable, Family } from '../architecture/family.js'
import type { HeadSpec } from '../architecture/spec.js'
import type { KeyRead } from '../reading.js'
import type { Config } from './config.js'

/** A key of a file that changed nothing, and why. */
export type IgnoredKey = { readonly key: string; readonly value: unknown; readonly reason: string }

/** Every key of config.json is in one of them. */
export type SortedKeys = { readonly read: readonly KeyRead[]; readonly ignored: readonly IgnoredKey[] }

const effects: Readonly<Record<keyof ConfigTable, string>> = {
  vocab: 'rows of the word embeddings',
  hidden: 'width of the hidden states',
  heads: 'attention heads of a layer',
  layers: 'number of layers',
  inner: 'neurons of a feed-forward',
  positions: 'rows of the position embeddings: the longest sequence',
  embedding: 'width of the embeddings',
  tokenTypes: 'rows of the token type embeddings',
  groups: 'groups of layers that share weights',
  innerGroups: 'weight sets of a group',
  activation: 'activation of the feed-forwards',
  epsilon: 'epsilon of every LayerNorm',
  positionPadding: 'the position before the first token, and the id of padding',
}

/** Keys of any family that decide something. */
const common: ReadonlyMap<string, string> = new Map([
  ['model_type', 'the family: which forward pass, which names of tensors'],
  ['pruned_heads', 'heads that are not in the weights'],
  ['twofour', 'heads, neurons and layers that are left'],
])

const ofHeads: ReadonlyMap<string, string> = new Map([
  ['architectures', 'the task head'],
  ['tie_word_embeddings', 'whether the word embeddings are the output of a masked language head'],
])

const ofClassifiers: ReadonlyMap<string, string> = new Map([
  ['id2label', 'names of the labels'],
  ['num_labels', 'number of labels'],
  ['problem_type', 'whether scores are a softmax, sigmoids or plain numbers'],
])

/** Keys that are read and refused unless they ask for what every encoder does. */
const checked = [
  'is_decoder',
  'add_cross_attention',
  'position_embedding_type',
  'quantization_config',
  'per_layer_config',
]

const reasons: readonly (readonly [keys: readonly string[] | RegExp, reason: string])[] = [
  [/dropout|^initializer_|^layerdrop$|^gradient_checkpointing$|^tf_legacy_loss$/, 'for training alone'],
  [['dtype', 'torch_dtype', 'use_bfloat16'], 'weights are read in the dtype that they are stored in'],
  [['auto_map'], 'code of a repository is never run'],
  [['label2id'], 'the names of labels come from id2label'],
  [['chunk_size_feed_forward'], 'computes the same numbers in pieces'],
  [/^summary_/, 'for heads of multiple choice alone'],
  [
    ['tie_encoder_decoder', 'is_encoder_decoder', 'cross_attention_hidden_size', 'use_cache'],
    'for decoders alone',
  ],
  [
    /^(?:bos|eos|sep|decoder_start)_token_id$|^tokenizer_class$|^prefix$/,
    'the tokenizer has files of its own',
  ],
  [['pad_token_id'], 'sequences are never padded'],
  [/^output_|^return_dict$|^torchscript$/, 'outputs are asked for in each run'],
  [
    /^(?:transformers_version|_name_or_path|name_or_path|_commit_hash|finetuning_task|task_specific_params|_post_init_done|_output_attentions|_attn_implementation.*|attn_implementation)$/,
    'says where the model comes from or how to run it, and changes no number',
  ],
  [
    /^(?:bad_words_ids|begin_suppress_tokens|diversity_penalty|do_sample|early_stopping|encoder_no_repeat_ngram_size|exponential_decay_length_penalty|forced_[be]os_token_id|length_penalty|max_length|min_length|no_repeat_ngram_size|num_beams|num_beam_groups|num_return_sequences|remove_invalid_values|repetition_penalty|return_dict_in_generate|suppress_tokens|temperature|top_k|top_p|typical_p)$/,
    'for generating text alone',
  ],
]

/** Sorts the keys of a config into those that decide a number of this model, and the others with a reason. */
export function sortKeys(config: Config, family: Family, head: HeadSpec | null): SortedKeys {
  const meanings = meaningsOf(family, head)
  const read: KeyRead[] = []
  const ignored: IgnoredKey[] = []
  for (const [key, value] of Object.entries(config.fields)) {
    const named = [...family.spellings].find(([, other]) => other === key)?.[0] ?? key
    const effect = meanings.get(named)
    const winner = config.spelling(named)
    if (effect === undefined) ignored.push({ key, value, reason: reasonOf(key, value, family) })
    else if (winner === key) read.push({ key, value, effect })
    else ignored.push({ key, value, reason: `${winner} says the same, and wins` })
  }
  return { read, ignored }
}

function meaningsOf({ config, relative }: Family, head: HeadSpec | null): Map<string, string> {
  const meanings = new Map(common)
  for (const [role, effect] of Object.entries(effects)) {
    const field = config[role as keyof ConfigTable]
    if (Array.isArray(field)) meanings.set(field[0], effect)
  }
  if (relative !== null) meanings.set(relative.field, 'buckets of the position bias')
  const classifies = head?.kind === 'sequenceClassification' || head?.kind === 'tokenClassification'
  const ofThisHead = [...(head === null ? [] : ofHeads), ...(classifies ? ofClassifiers : [])]
  for (const [key, effect] of ofThisHead) meanings.set(key, effect)
  return meanings
}

function reasonOf(key: string, value: unknown, { strangers, modelTypes }: Family): string {
  const strange = strangers.get(key)
  if (strange !== undefined) return strange
  if (ofHeads.has(key) || ofClassifiers.has(key)) return 'for a head that this checkpoint was not opened with'
  if (checked.includes(key)) return `${JSON.stringify(value) ?? 'its value'} asks for nothing`
  const known = reasons.find(([keys]) => (keys instanceof RegExp ? keys.test(key) : keys.includes(key)))
  return known?.[1] ?? `${unknownKey} ${modelTypes.join(' or ')}`
}

/** How the reason of a key that nobody knows begins. */
export const unknownKey = 'not a key of'
