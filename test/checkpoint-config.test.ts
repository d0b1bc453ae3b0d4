import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { activationNames } from '../lib/architecture/activation.js'
import { familyOf } from '../lib/architecture/families.js'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { Config } from '../lib/checkpoint/config.js'
import { sortKeys, unknownKey } from '../lib/checkpoint/config-keys.js'
import { Encoder } from '../lib/encoder/encoder.js'
import { addTensors, editConfig, editTensors, renameTensors } from './edit-checkpoint.js'
import { type MadeFamily, type MakeOptions, madeFamilies, makeCheckpoint } from './make-checkpoint.js'

const keysFile = join(import.meta.dirname, 'fixtures', 'config-keys.json')
const keys = JSON.parse(readFileSync(keysFile, 'utf8')) as {
  common: string[]
  families: Record<MadeFamily, string[]>
}

const bertReads = [
  'hidden_act',
  'hidden_size',
  'intermediate_size',
  'layer_norm_eps',
  'max_position_embeddings',
  'model_type',
  'num_attention_heads',
  'num_hidden_layers',
  'pruned_heads',
  'type_vocab_size',
  'vocab_size',
]
const ofHeads = ['architectures', 'id2label', 'num_labels', 'problem_type', 'tie_word_embeddings']
/** Every key of the configuration classes that changes a number: it is read, or refused by another test. */
const reads: Record<MadeFamily, string[]> = {
  bert: bertReads,
  roberta: [...bertReads, 'pad_token_id'],
  'xlm-roberta': [...bertReads, 'pad_token_id'],
  camembert: [...bertReads, 'pad_token_id'],
  distilbert: [
    'activation',
    'hidden_dim',
    'hidden_size',
    'max_position_embeddings',
    'model_type',
    'num_attention_heads',
    'num_hidden_layers',
    'pruned_heads',
    'vocab_size',
  ],
  albert: [...bertReads, 'embedding_size', 'inner_group_num', 'num_hidden_groups'],
  electra: [...bertReads, 'embedding_size'],
  mpnet: [...bertReads.filter((key) => key !== 'type_vocab_size'), 'relative_attention_num_buckets'],
}

for (const family of madeFamilies) {
  test(`every key of ${family}'s configuration classes is read, refused or ignored for a reason`, (t) => {
    const all = [...keys.common, ...keys.families[family]]
    const config = new Config('config.json', Object.fromEntries(all.map((key) => [key, 0])))
    const table = familyOf(family)!
    const head = { kind: 'sequenceClassification', labels: 2, input: 'first', transform: null } as const
    const { read, ignored } = sortKeys(config.spelt(table.spellings), table, head)
    t.deepEqual(read.map(({ key }) => key).sort(), [...reads[family], ...ofHeads].sort())
    t.deepEqual(
      ignored.filter(({ reason }) => reason.startsWith(unknownKey)),
      [],
    )
    t.is(read.length + ignored.length, all.length)
  })
}

test('each key that is read changes the spec, or is refused for not fitting the weights', async (t) => {
  const other: Record<string, unknown> = {
    hidden_act: 'relu',
    activation: 'relu',
    layer_norm_eps: 0.5,
    model_type: 'gpt2',
    pad_token_id: 3,
    pruned_heads: { 0: [1] },
    relative_attention_num_buckets: 16,
    inner_group_num: 2,
    num_hidden_groups: 2,
  }
  for (const family of madeFamilies) {
    const options: MakeOptions = { family, layers: 2 }
    const { base } = await open(options)
    for (const key of reads[family]) {
      const directory = await makeCheckpoint(options)
      await editConfig(directory, { [key]: other[key] ?? 8 })
      const changed = await Checkpoint.open(directory).catch((error: Error) => error)
      if (changed instanceof Error) t.regex(changed.message, /CHECKPOINT|Expected/, `${family} ${key}`)
      else t.notDeepEqual(changed.base, base, `${family} ${key}`)
    }
  }
})

test("both spellings of DistilBERT's sizes are read, and that of other families wins", async (t) => {
  const { base } = await open({ family: 'distilbert' })
  const sizes = { hidden_size: 32, num_attention_heads: 4, num_hidden_layers: 2 }
  const own = { dim: undefined, n_heads: undefined, n_layers: undefined }
  const mapped = await edited({ family: 'distilbert' }, { ...own, ...sizes })
  t.deepEqual(mapped.base, base)
  const both = await edited({ family: 'distilbert' }, { dim: 64, n_heads: 2, n_layers: 9, ...sizes })
  t.deepEqual(both.base, base)
  const lost = both.ignoredKeys.find(({ key }) => key === 'dim')
  t.is(lost?.reason, 'hidden_size says the same, and wins')
  t.true(both.reads[0]!.keys.some(({ key, value }) => key === 'hidden_size' && value === 32))
})

test("another family's spellings mean nothing, and are listed as such", async (t) => {
  const bert = await edited({}, { dim: 7, n_layers: 9, embedding_size: 3, my_key: [1] })
  t.deepEqual(
    bert.ignoredKeys.filter(({ reason }) => reason.startsWith(unknownKey)).map(({ key }) => key),
    ['dim', 'n_layers', 'embedding_size', 'my_key'],
  )
  const distil = await edited(
    { family: 'distilbert' },
    { hidden_act: 'relu', intermediate_size: 9, layer_norm_eps: 1 },
  )
  t.is(distil.base.activation, 'gelu')
  t.is(distil.base.epsilon, 1e-12)
})

test('numbers in quotes are read for epsilon, and whole ones', async (t) => {
  t.is((await edited({}, { layer_norm_eps: '1e-05' })).base.epsilon, 1e-5)
  t.is((await edited({}, { layer_norm_eps: 1 })).base.epsilon, 1)
})

test("positions count from 0 where RoBERTa's padding id is -1, which no token has", async (t) => {
  t.is((await edited({ family: 'roberta' }, { pad_token_id: -1 })).base.positionPadding, null)
  t.is((await edited({ family: 'roberta' }, { pad_token_id: undefined })).base.positionPadding, 1)
  t.is((await edited({ family: 'bert' }, { pad_token_id: null })).base.positionPadding, null)
})

test('a position_embedding_type of null is read as absolute, and noted', async (t) => {
  t.regex((await edited({}, { position_embedding_type: null })).notes.join(), /read as absolute/)
  t.deepEqual((await edited({}, { position_embedding_type: 'absolute' })).notes, [])
  t.deepEqual((await edited({ family: 'mpnet' }, { position_embedding_type: 'relative_key' })).notes, [])
})

/** `ACT2FN` of transformers 4.57.6 and 5.24.0. */
const act2fn = [
  ...['gelu', 'gelu_10', 'gelu_fast', 'gelu_new', 'gelu_python', 'gelu_pytorch_tanh', 'gelu_python_tanh'],
  ...['gelu_accurate', 'hardswish', 'laplace', 'leaky_relu', 'linear', 'mish', 'quick_gelu', 'relu', 'relu2'],
  ...['relu6', 'sigmoid', 'silu', 'sqrtsoftplus', 'swish', 'tanh', 'prelu', 'xielu'],
]

test('each activation of transformers is computed, or refused by name', async (t) => {
  const directory = await makeCheckpoint({ layers: 1 })
  for (const name of act2fn) {
    await editConfig(directory, { hidden_act: name })
    if (activationNames.has(name)) await t.notThrowsAsync(Checkpoint.open(directory), name)
    else
      await t.throwsAsync(Checkpoint.open(directory), {
        code: 'CHECKPOINT_UNSUPPORTED',
        message: new RegExp(`'${name}'`),
      })
  }
  t.true(['gelu_accurate', 'gelu_python', 'swish', 'quick_gelu'].every((name) => activationNames.has(name)))
})

for (const prefix of ['module.', '_orig_mod.']) {
  test(`names that begin with ${prefix} are read without it, the head's too`, async (t) => {
    for (const family of madeFamilies) {
      const options: MakeOptions = { family, head: 'ForTokenClassification' }
      const { base } = await open(options)
      const wrapped = await renamed(options, (name) => prefix + name)
      t.deepEqual(wrapped.base, base, family)
      t.deepEqual(wrapped.ignored, [])
      t.regex(wrapped.notes.join(), /which was taken off/)
    }
  })
}

for (const prefix of [
  '0.auto_model.',
  'module.0.auto_model.',
  'model.',
  'bert_model.',
  'encoder.',
  'transformer.bert_model.',
]) {
  test(`an encoder under ${prefix} opens`, async (t) => {
    for (const family of madeFamilies) {
      const { base } = await open({ family })
      t.deepEqual((await renamed({ family }, (name) => prefix + name)).base, base, family)
    }
  })
}

test('a head beside a wrapped encoder is found where its class would put it', async (t) => {
  const options: MakeOptions = { head: 'ForSequenceClassification' }
  const swap = (name: string) =>
    name.replace(/^bert\./, 'model.bert_model.').replace(/^classifier/, 'model.classifier')
  t.is((await renamed(options, swap)).base.head?.kind, 'sequenceClassification')
})

test('two encoders in one file are refused by their prefixes', async (t) => {
  const directory = await makeCheckpoint({ layers: 1 })
  await editTensors(directory, (tensor) => ({ ...tensor, name: `query.${tensor.name}` }))
  const word = {
    name: 'passage.embeddings.word_embeddings.weight',
    dtype: 'F32',
    shape: [0, 32],
    data: new Float32Array(0),
  } as const
  await addTensors(directory, [word])
  await t.throwsAsync(Checkpoint.open(directory), {
    code: 'CHECKPOINT_UNSUPPORTED',
    message: /encoders under (query|passage)\., /,
  })
})

test("names with another family's prefix are refused where only the prefix tells them apart", async (t) => {
  const message = /begin with roberta\..*set `model_type` to 'roberta'/
  await t.throwsAsync(
    renamed({}, (name) => `roberta.${name}`),
    { code: 'CHECKPOINT_UNSUPPORTED', message },
  )
  await t.throwsAsync(
    renamed({ family: 'roberta' }, (name) => `module.bert.${name}`),
    { message: /to 'bert'/ },
  )
  await t.notThrowsAsync(renamed({ family: 'xlm-roberta' }, (name) => `roberta.${name}`))
  await t.notThrowsAsync(renamed({ family: 'distilbert' }, (name) => `bert.${name}`))
})

test('without model_type the class or the names of the tensors say the family, where they can', async (t) => {
  for (const family of madeFamilies) {
    const byClass = await edited({ family }, { model_type: undefined })
    t.is(byClass.architecture, family)
    t.regex(byClass.notes.join(), /no `model_type`; it was read as/)
  }
  for (const family of ['distilbert', 'albert', 'mpnet'] as const) {
    t.is((await edited({ family }, { model_type: '', architectures: ['Mine'] })).architecture, family)
  }
  const prefixed = { prefix: 'roberta.', family: 'roberta' } as const
  t.is((await edited(prefixed, { model_type: null, architectures: undefined })).architecture, 'roberta')
  const message = /"model_type": "bert"\. Its tensors' names fit bert and roberta/
  await t.throwsAsync(edited({}, { model_type: undefined, architectures: ['Mine'] }), {
    code: 'CHECKPOINT_INVALID_CONFIG',
    message,
  })
})

const classifier: MakeOptions = { head: 'ForSequenceClassification' }

test('labels that share a name, lack one or disagree with label2id are noted', async (t) => {
  const twice = await edited(classifier, { id2label: { 0: 'yes', 1: 'no', 2: 'yes' } })
  t.deepEqual(twice.labels, ['yes', 'no', 'yes'])
  t.regex(twice.notes.join(), /one name \(yes\)/)
  const gaps = await edited(classifier, { id2label: { 0: 'a', 2: 'c', 7: 'h' } })
  t.deepEqual(gaps.labels, ['a', 'LABEL_1', 'c'])
  t.regex(gaps.notes.join(), /no name for 1/)
  const other = await edited(classifier, { label2id: { 'label 0': 1, 'label 1': 0 } })
  t.deepEqual(other.labels, ['label 0', 'label 1', 'label 2'])
  t.regex(other.notes.join(), /label2id of config\.json disagrees/)
  const alone = await edited(classifier, { id2label: undefined, num_labels: 3, label2id: { x: 0 } })
  t.deepEqual(alone.labels, ['LABEL_0', 'LABEL_1', 'LABEL_2'])
  t.regex(alone.notes.join(), /label2id and no id2label/)
  t.deepEqual((await edited(classifier, { id2label: { 2: 7, 0: 'a', 1: null } })).labels, [
    'a',
    'LABEL_1',
    '7',
  ])
})

test('where id2label and num_labels differ, the rows of the classifier decide', async (t) => {
  const fewer = await edited(classifier, { id2label: { 0: 'a', 1: 'b' }, num_labels: 3 })
  t.deepEqual(fewer.labels, ['LABEL_0', 'LABEL_1', 'LABEL_2'])
  t.regex(fewer.notes.join(), /names 2 labels and says num_labels 3/)
  const right = await edited(classifier, { num_labels: 2 })
  t.deepEqual(right.labels, ['label 0', 'label 1', 'label 2'])
  const neither = await edited(classifier, { id2label: { 0: 'a', 1: 'b' }, num_labels: 4 })
  t.is(neither.labels, null)
  t.regex(neither.notes.join(), /without a head/)
})

test('a head that was left out is named, with the reason, by whatever needs it', async (t) => {
  const directory = await makeCheckpoint({ ...classifier, config: {} })
  await editTensors(directory, (tensor) => (tensor.name.startsWith('classifier') ? null : tensor))
  const encoder = await Encoder.load(directory, { device: 'cpu' })
  const refusal = (message: RegExp) => ({ code: 'TASK_UNSUPPORTED', message })
  await t.throwsAsync(
    encoder.classify(['x']),
    refusal(
      /`classify` needs .* sequence classification head; here the head of BertForSequenceClassification, .* was not opened: of its tensors 2 missing: classifier\.weight, classifier\.bias\. Download/,
    ),
  )
  await t.throwsAsync(encoder.fillMask(['x']), refusal(/masked language head; here the head of Bert/))
  await t.throwsAsync(
    encoder.run([[5]], { outputs: ['logits'] }),
    refusal(/no `logits`.*BertForSequenceClassification/),
  )
  t.is((await encoder.run([[5, 6]])).dims.lastHiddenState?.[1], 32)
  encoder.dispose()

  const none = await Encoder.load(await makeCheckpoint(classifier), { device: 'cpu', head: 'none' })
  await t.throwsAsync(none.classify(['x']), refusal(/opened with head 'none'\. Open it with head 'auto'/))
  await t.throwsAsync(Encoder.load(none.checkpoint, { head: 'auto' }), {
    instanceOf: TypeError,
    message: /`head`.*Checkpoint\.open/,
  })
  none.dispose()
})

test('a required head that config.json does not name is refused', async (t) => {
  const message = /BertModel has no head\. Name the head's kind/
  await t.throwsAsync(Checkpoint.open(await makeCheckpoint(), { head: 'require' }), {
    code: 'CHECKPOINT_UNSUPPORTED',
    message,
  })
  t.is((await Checkpoint.open(await makeCheckpoint(classifier), { head: 'require' })).base.head?.labels, 3)
})

test('a kind of head is opened whatever architectures says, or refused with what it lacks', async (t) => {
  for (const architectures of [
    undefined,
    null,
    [],
    ['BertModel'],
    ['SomebodysOwn'],
    ['BertForTokenClassification'],
  ]) {
    const path = await makeCheckpoint(classifier)
    await editConfig(path, { architectures })
    const { base, unopenedHead } = await Checkpoint.open(path, { head: 'sequenceClassification' })
    t.is(base.head?.kind, 'sequenceClassification', `${architectures}`)
    t.is(unopenedHead, null)
    await t.throwsAsync(Checkpoint.open(path, { head: 'maskedLanguage' }), { code: 'CHECKPOINT_MISMATCH' })
  }
})

test('a name of a class that is no list counts as one', async (t) => {
  const one = await edited(classifier, { architectures: 'BertForSequenceClassification' })
  t.is(one.base.head?.kind, 'sequenceClassification')
})

test('word embeddings are tied where config.json does not say, and not where it says null or false', async (t) => {
  const options: MakeOptions = { head: 'ForMaskedLM', tied: false }
  for (const [value, name] of [
    [undefined, 'bert.embeddings.word_embeddings.weight'],
    [true, 'bert.embeddings.word_embeddings.weight'],
    [null, 'cls.predictions.decoder.weight'],
    [false, 'cls.predictions.decoder.weight'],
  ] as const) {
    const { slots } = await edited(options, { tie_word_embeddings: value })
    t.is(slots.get('head.output.weight')?.name, name, String(value))
  }
})

test("weights of another family than config.json's are refused by that family's name", async (t) => {
  const message = /The tensors have the names of distilbert: check `model_type`/
  await t.throwsAsync(edited({ family: 'distilbert' }, { model_type: 'bert' }), {
    code: 'CHECKPOINT_MISMATCH',
    message,
  })
})

test("of several architectures the first counts, and an author's class with a known ending is noted", async (t) => {
  const several = await edited(classifier, { architectures: ['BertForSequenceClassification', 'Other'] })
  t.is(several.base.head?.kind, 'sequenceClassification')
  t.deepEqual(several.notes, [])
  const other = await edited(classifier, { architectures: ['Other', 'BertForSequenceClassification'] })
  t.is(other.base.head, null)
  const own = await edited(classifier, { architectures: ['MyBertForSequenceClassification'] })
  t.is(own.base.head?.kind, 'sequenceClassification')
  t.regex(own.notes.join(), /class of the authors' own/)
})

test('tensors of a head do not excuse an encoder that is incomplete, and all is said at once', async (t) => {
  const directory = await makeCheckpoint(classifier)
  await editTensors(directory, ({ name, ...rest }) =>
    /^classifier|layer\.1\.output\.dense/.test(name) ? null : { name, ...rest },
  )
  const message = /4 missing: bert\.encoder\.layer\.1\.output\.dense\.weight.*classifier\.weight/
  await t.throwsAsync(Checkpoint.open(directory), { code: 'CHECKPOINT_MISMATCH', message })
})

async function open(options: MakeOptions): Promise<Checkpoint> {
  return Checkpoint.open(await makeCheckpoint(options))
}

/** Opened with fields laid over config.json after the weights were made. */
async function edited(options: MakeOptions, fields: Record<string, unknown>): Promise<Checkpoint> {
  const directory = await makeCheckpoint(options)
  await editConfig(directory, fields)
  return Checkpoint.open(directory)
}

async function renamed(options: MakeOptions, name: (old: string) => string): Promise<Checkpoint> {
  const directory = await makeCheckpoint(options)
  await renameTensors(directory, name)
  return Checkpoint.open(directory)
}
