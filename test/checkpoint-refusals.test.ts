import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { saveSafetensors } from '../lib/checkpoint/safetensors-write.js'
import type { ErrorCode } from '../lib/errors.js'
import { editConfig } from './edit-checkpoint.js'
import { type MakeOptions, makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'

type Refusal = readonly [config: Record<string, unknown>, code: ErrorCode, message: RegExp]

const invalid = 'CHECKPOINT_INVALID_CONFIG'
const unsupported = 'CHECKPOINT_UNSUPPORTED'
const mismatch = 'CHECKPOINT_MISMATCH'

/** Laid over the config.json of a BERT with two layers and a token classifier. */
const hostile: readonly Refusal[] = [
  [{ num_hidden_layers: 1e9 }, invalid, /`num_hidden_layers` in .*hold 2 layers, got 1000000000/],
  [{ num_hidden_layers: 2 ** 53 }, invalid, /num_hidden_layers/],
  [{ num_hidden_layers: 0 }, invalid, /num_hidden_layers/],
  [{ num_hidden_layers: 3 }, mismatch, /16 missing: bert\.encoder\.layer\.2\.attention\.self\.query\.weight/],
  [{ vocab_size: 2 ** 53 }, invalid, /`vocab_size` in .*config\.json` to be a whole number/],
  [
    { vocab_size: 2 ** 31 - 1 },
    mismatch,
    /word_embeddings\.weight is F32 \[64, 32\], not \[2147483647, 32\]/,
  ],
  [{ vocab_size: 64.5 }, invalid, /vocab_size/],
  [{ hidden_size: 0 }, invalid, /hidden_size/],
  [{ hidden_size: -32 }, invalid, /hidden_size/],
  [{ hidden_size: '32' }, invalid, /hidden_size.*got '32'/],
  [{ hidden_size: null }, invalid, /hidden_size/],
  [{ hidden_size: 64 }, mismatch, /36 of another shape or dtype: .*, and 16 more/],
  [{ num_attention_heads: 1e9 }, invalid, /num_attention_heads/],
  [{ num_attention_heads: 5 }, invalid, /divisible by `num_attention_heads` \(5\), got 32/],
  [{ intermediate_size: [48] }, invalid, /intermediate_size/],
  [{ max_position_embeddings: 1e15 }, invalid, /max_position_embeddings/],
  [{ layer_norm_eps: 0 }, invalid, /layer_norm_eps/],
  [{ hidden_act: 'gelu_neww' }, unsupported, /Did you mean `gelu_new`/],
  [{ hidden_act: 7 }, invalid, /hidden_act/],
  [{ model_type: 7 }, invalid, /model_type/],
  [{ model_type: 'bart' }, unsupported, /Did you mean `bert`/],
  [{ is_decoder: true }, unsupported, /is_decoder/],
  [{ is_decoder: 'no' }, invalid, /is_decoder/],
  [{ add_cross_attention: true }, unsupported, /add_cross_attention/],
  [{ position_embedding_type: 'relative_key' }, unsupported, /relative_key/],
  [{ quantization_config: { quant_method: 'awq' } }, unsupported, /quantization_config.*float32, float16/],
  [{ per_layer_config: { 0: { intermediate_size: 8 } } }, unsupported, /per_layer_config/],
  [{ layer_norm_eps: 'small' }, invalid, /`layer_norm_eps`.*got 'small'/],
  [{ max_position_embeddings: 50 }, mismatch, /set `max_position_embeddings` in config\.json to 40/],
  [{ vocab_size: 65 }, mismatch, /set `vocab_size` in config\.json to 64/],
  [{ architectures: { 0: 'BertModel' } }, invalid, /architectures/],
  [{ architectures: [1] }, invalid, /architectures\[0\]/],
  [{ pruned_heads: { 9: [0] } }, invalid, /pruned_heads/],
  [{ pruned_heads: { 0: [4] } }, invalid, /pruned_heads\.0\[0\]/],
  [{ pruned_heads: { 0: [1] } }, mismatch, /query\.weight is F32 \[32, 32\], not \[24, 32\]/],
  [{ pruned_heads: [0] }, invalid, /pruned_heads/],
  [{ twofour: null }, invalid, /twofour/],
  [{ twofour: { version: 2 } }, unsupported, /newer twofour/],
  [{ twofour: { version: 1, headSize: 8, layers: {} } }, invalid, /twofour\.layers/],
  [{ twofour: { version: 1, headSize: 0, layers: [] } }, invalid, /twofour\.headSize/],
  [twofour([{ weights: 0, heads: [1, 1], inner: 48 }]), invalid, /layers\[0\]\.heads\[1\]/],
  [twofour([{ weights: 0, heads: [4], inner: 48 }]), invalid, /layers\[0\]\.heads\[0\]/],
  [twofour([{ weights: -1, heads: [], inner: 48 }]), invalid, /layers\[0\]\.weights/],
  [twofour([{ weights: 0, heads: [0], inner: 1e12 }]), invalid, /layers\[0\]\.inner/],
  [
    twofour([
      { weights: 0, heads: [0], inner: 4 },
      { weights: 0, heads: [0], inner: 5 },
    ]),
    invalid,
    /layers\[1\]/,
  ],
  [twofour([{ weights: 4000, heads: [0], inner: 4 }]), mismatch, /16 missing/],
]

/** Wrong with the head alone: the encoder opens, unless the head is required. */
const ofTheHead: readonly Refusal[] = [
  [{ architectures: ['BertForMultipleChoice'] }, unsupported, /BertForMultipleChoice.*no such head/],
  [{ architectures: ['BertForNextSentencePrediction'] }, unsupported, /NextSentencePrediction.*head 'none'/],
  [{ architectures: ['BertLMHeadModel'] }, unsupported, /BertLMHeadModel/],
  [{ architectures: ['MyBertForFooBar'] }, unsupported, /MyBertForFooBar/],
  [{ architectures: ['SentimentModel'] }, unsupported, /SentimentModel/],
  [{ architectures: ['Nonsense'] }, unsupported, /Nonsense/],
  [{ architectures: ['BertForSequenceClassification'] }, mismatch, /2 missing: bert\.pooler\.dense\.weight/],
  [{ architectures: ['BertForQuestionAnswering'] }, mismatch, /2 missing: qa_outputs\.weight/],
  [{ id2label: { 0: 'a' } }, mismatch, /classifier\.weight is F32 \[3, 32\], not \[1, 32\]/],
  [{ id2label: {} }, mismatch, /classifier\.weight is F32 \[3, 32\], not \[0, 32\]/],
  [{ id2label: ['a', 'b', 'c'] }, invalid, /id2label/],
  [{ id2label: { first: 'a', second: 'b', third: 'c' } }, invalid, /id2label\["first"\]/],
  [{ id2label: undefined, num_labels: -1 }, invalid, /num_labels/],
]

for (const [config, code, message] of ofTheHead) {
  test(`a head with ${JSON.stringify(config)} is left out, and refused where it is required`, async (t) => {
    const directory = await makeCheckpoint({ head: 'ForTokenClassification', pooler: false })
    await editConfig(directory, config)
    await t.throwsAsync(Checkpoint.open(directory, { head: 'require' }), { code, message })
    const { base, notes, unopenedHead, ignored } = await Checkpoint.open(directory)
    t.is(base.head, null)
    t.regex(notes.join(), /Opened as an encoder without a head/)
    t.truthy(unopenedHead?.asked)
    t.deepEqual(ignored, ['classifier.bias', 'classifier.weight'])
  })
}

for (const [config, code, message] of hostile) {
  test(`a config.json with ${JSON.stringify(config)} is refused by name`, async (t) => {
    const directory = await makeCheckpoint({ head: 'ForTokenClassification', pooler: false })
    await editConfig(directory, config)
    await t.throwsAsync(Checkpoint.open(directory), { name: 'TwofourError', code, message })
  })
}

const families: readonly (readonly [MakeOptions, ...Refusal])[] = [
  [
    { family: 'albert' },
    { num_hidden_layers: 1e9 },
    invalid,
    /num_hidden_layers.*hold 1 layer, got 1000000000/,
  ],
  [{ family: 'albert' }, { num_hidden_groups: 1e9 }, invalid, /num_hidden_groups.*got 1000000000/],
  [{ family: 'albert' }, { inner_group_num: 1e9 }, invalid, /inner_group_num.*got 1000000000/],
  [{ family: 'mpnet' }, { relative_attention_num_buckets: 64 }, unsupported, /32, got 64/],
  [{ family: 'roberta' }, { pad_token_id: null }, invalid, /pad_token_id.*got null\. Set it to the id/],
  [{ family: 'roberta' }, { pad_token_id: 41 }, invalid, /max_position_embeddings.*over 42/],
  [{ family: 'distilbert' }, { n_layers: 1e9 }, invalid, /n_layers/],
  [
    { family: 'bert', head: 'ForMaskedLM' },
    { tie_word_embeddings: false },
    mismatch,
    /cls\.predictions\.decoder\.weight/,
  ],
  [
    { family: 'bert' },
    { architectures: ['BertForTokenClassification'] },
    mismatch,
    /classifier\.weight, classifier\.bias/,
  ],
  [{ family: 'distilbert' }, { dim: undefined, d: 32 }, mismatch, /of another shape/],
  [
    { family: 'distilbert' },
    { hidden_dim: undefined, intermediate_size: 48 },
    mismatch,
    /`intermediate_size` of config\.json is not read: DistilBERT calls it `hidden_dim`/,
  ],
]

for (const [options, config, code, message] of families) {
  test(`${options.family} with ${JSON.stringify(config)} is refused by name`, async (t) => {
    const directory = await makeCheckpoint(options)
    await editConfig(directory, config)
    const head = options.head === undefined && config.architectures === undefined ? 'auto' : 'require'
    await t.throwsAsync(Checkpoint.open(directory, { head }), { code, message })
  })
}

test('everything that is wrong with the tensors is said at once', async (t) => {
  const directory = await makeCheckpoint()
  const data = new Int32Array(32)
  await saveSafetensors(join(directory, 'model.safetensors'), [
    { name: 'embeddings.LayerNorm.weight', dtype: 'I32', shape: [32], data },
    { name: 'embeddings.word_embeddings.weight', dtype: 'F32', shape: [4, 8], data },
    {
      name: 'embeddings.position_embeddings.weight',
      dtype: 'F32',
      shape: [0, 32],
      data: new Float32Array(0),
    },
  ])
  const error = await t.throwsAsync<Error & { facts: Record<string, unknown[]> }>(
    Checkpoint.open(directory),
    {
      code: mismatch,
      message: /LayerNorm\.weight is I32 \[32\]/,
    },
  )
  t.is(error?.facts.misshapen?.length, 3)
  t.is(error?.facts.missing?.length, 34)
})

const texts: readonly (readonly [text: string | Uint8Array, message: RegExp])[] = [
  ['', /config\.json` to be JSON, .* at line 1, column 1/],
  ['{\n  "model_type": bert }', /at line 2, column 17/],
  ['[]', /a JSON object, got \[\]/],
  ['{"a": 1, "a": 2}', /without a key twice, got "a" at line 1, column 10/],
  ['{"a": {"b\\\\\\"": 1, "b\\\\\\"": 2}}', /without a key twice/],
  ['{"a": 1, "\\u0061": 2}', /without a key twice/],
  [`{"a": ${'['.repeat(200)}${']'.repeat(200)}}`, /at most 128 deep/],
  ['['.repeat(1_000_000), /config\.json/],
  [Uint8Array.of(0x7b, 0xff, 0x7d), /well-formed UTF-8/],
  ['{"__proto__": {"model_type": "bert"}}', /model_type.*got undefined.*"model_type": "bert"/],
  [`{"a": "${'x'.repeat(16 << 20)}"}`, /at most 16777216 bytes/],
]

for (const [text, message] of texts) {
  test(`a config.json that reads ${JSON.stringify(text).slice(0, 40)} is refused`, async (t) => {
    const directory = await makeCheckpoint({ layers: 1 })
    await writeFile(join(directory, 'config.json'), text)
    await t.throwsAsync(Checkpoint.open(directory), { code: invalid, message })
  })
}

test('a directory without weights or config.json says what it has', async (t) => {
  const directory = temporaryDirectory('empty')
  await t.throwsAsync(Checkpoint.open(directory), { code: 'FILE_NOT_FOUND', message: /got neither/ })
  await writeFile(join(directory, 'pytorch_model.bin'), '')
  await t.throwsAsync(Checkpoint.open(directory), {
    code: 'FILE_NOT_FOUND',
    message: /pytorch_model\.bin only/,
  })
  await t.throwsAsync(Checkpoint.open(join(directory, 'none')), { code: 'FILE_NOT_FOUND' })

  const model = await makeCheckpoint({ layers: 1 })
  await rm(join(model, 'config.json'))
  await t.throwsAsync(Checkpoint.open(model), { code: 'FILE_NOT_FOUND', message: /config\.json/ })
  await mkdir(join(model, 'config.json'))
  await t.throwsAsync(Checkpoint.open(model), { code: 'FILE_UNREADABLE' })
})

test('misuse of the options is refused by name', async (t) => {
  const open = Checkpoint.open as (...args: unknown[]) => Promise<unknown>
  await t.throwsAsync(open(''), { instanceOf: TypeError, message: /`path`/ })
  await t.throwsAsync(open(7), { instanceOf: TypeError })
  await t.throwsAsync(open('x', { heads: 'none' }), { instanceOf: TypeError, message: /Did you mean `head`/ })
  await t.throwsAsync(open('x', { head: 'nine' }), { instanceOf: TypeError, message: /Did you mean `none`/ })
  await t.throwsAsync(open('x', { signal: 1 }), { instanceOf: TypeError, message: /AbortSignal/ })
})

function twofour(layers: unknown[]): Record<string, unknown> {
  return { twofour: { version: 1, headSize: 8, layers } }
}
