import { readdirSync } from 'node:fs'
import { appendFile, cp, rename, rm, stat, symlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { goldenSpecs } from './golden-specs.js'
import { type MakeOptions, madeFamilies, madeHeads, makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'

const golden = join(import.meta.dirname, 'golden')
const models = readdirSync(golden, { withFileTypes: true }).filter((entry) => entry.isDirectory())

for (const { name } of models) {
  test(`the golden model ${name} opens as what it is, with a slot for every tensor`, async (t) => {
    const checkpoint = await Checkpoint.open(join(golden, name))
    t.deepEqual(checkpoint.base, goldenSpecs[name])
    t.is(checkpoint.spec, checkpoint.base)
    t.deepEqual(checkpoint.ignored, [])
    t.deepEqual(checkpoint.notes, [])
    t.is(checkpoint.decision, null)
  })
}

test('a made checkpoint of every family and head opens with nothing left over', async (t) => {
  for (const family of madeFamilies) {
    for (const head of madeHeads) {
      const { ignored, base } = await open({ family, head, layers: 1 })
      t.deepEqual(ignored, [], `${family} ${head}`)
      t.is(base.head === null, head === 'Model')
    }
  }
})

test('a file opens like its directory', async (t) => {
  const file = await Checkpoint.open(join(golden, 'bert-cls', 'model.safetensors'))
  t.is(file.directory, join(golden, 'bert-cls'))
  t.deepEqual(file.labels, ['LABEL_0', 'LABEL_1', 'LABEL_2'])
})

test('a prefix, no prefix and the old names of LayerNorm make no difference to the spec', async (t) => {
  const plain = await open({ family: 'bert', prefix: '' })
  const prefixed = await open({ family: 'bert', prefix: 'bert.' })
  const legacy = await open({ family: 'bert', prefix: 'bert.', legacy: true })
  t.deepEqual(prefixed.base, plain.base)
  t.deepEqual(legacy.base, plain.base)
  t.is(legacy.slots.get('layers.1.outputNorm.bias')?.name, 'bert.encoder.layer.1.output.LayerNorm.beta')
})

test('the hash does not depend on how the tensors are spread over files', async (t) => {
  const one = await open({ seed: 7 })
  const three = await open({ seed: 7, shards: 3 })
  const other = await open({ seed: 8 })
  t.regex(await one.hash(), /^[0-9a-f]{64}$/)
  t.is(await one.hash(), await three.hash())
  t.not(await one.hash(), await other.hash())
})

test('a decision changes the spec and neither base nor hash', async (t) => {
  const checkpoint = await Checkpoint.open(join(golden, 'bert-base'))
  const decided = checkpoint.withDecision({
    layers: [1],
    heads: new Map([[1, [0, 7]]]),
    neurons: new Map([[1, Int32Array.of(3, 4, 5)]]),
    masks: new Map(),
    values: new Map(),
  })
  t.deepEqual(decided.spec.layers, [{ weights: 1, heads: [0, 7], inner: 3 }])
  t.deepEqual(decided.base, checkpoint.base)
  t.is(await decided.hash(), await checkpoint.hash())
  t.true(decided.summary().parameters < checkpoint.summary().parameters)
})

test('without its head, a checkpoint lists the tensors it leaves out', async (t) => {
  const checkpoint = await Checkpoint.open(join(golden, 'bert-cls'), { head: 'none' })
  t.is(checkpoint.base.head, null)
  t.is(checkpoint.labels, null)
  t.deepEqual(checkpoint.ignored, ['classifier.bias', 'classifier.weight'])
})

test('a tied head reads the word embeddings, an untied one its own decoder', async (t) => {
  const tied = await open({ family: 'albert', head: 'ForMaskedLM' })
  t.is(tied.slots.get('head.output.weight'), tied.slots.get('wordEmbeddings'))
  t.is(tied.slots.get('head.output.bias')?.name, 'predictions.bias')
  const untied = await open({ family: 'albert', head: 'ForMaskedLM', tied: false })
  t.is(untied.slots.get('head.output.weight')?.name, 'predictions.decoder.weight')
  t.is(untied.slots.get('head.output.bias')?.name, 'predictions.decoder.bias')
})

test('inner groups of ALBERT are weight sets of their own, applied one after another', async (t) => {
  const { base, slots } = await open({ family: 'albert', layers: 3, groups: 2, innerGroups: 2 })
  t.deepEqual(
    base.layers.map(({ weights }) => weights),
    [0, 1, 0, 1, 2, 3],
  )
  t.is(base.layersPerState, 2)
  const inner = 'encoder.albert_layer_groups.1.albert_layers.0.ffn.weight'
  t.is(slots.get('layers.2.ffnIn.weight')?.name, inner)
})

test('ELECTRA projects its embeddings only where their width differs', async (t) => {
  t.true((await open({ family: 'electra', embedding: 16 })).base.projection)
  t.false((await open({ family: 'electra', embedding: 32 })).base.projection)
})

test('heads that transformers pruned are gone from the spec, for ALBERT by weight set', async (t) => {
  const bert = await open({ config: { pruned_heads: { 1: [2, 0], 0: [0, 1, 2, 3] } } })
  t.deepEqual(
    bert.base.layers.map(({ heads }) => heads),
    [[], [1, 3]],
  )
  t.deepEqual(bert.slots.get('layers.1.query.weight')?.shape, [16, 32])
  t.deepEqual(bert.slots.get('layers.0.attentionOutput.weight')?.shape, [32, 0])
  const albert = await open({ family: 'albert', layers: 3, groups: 1, config: { pruned_heads: { 0: [1] } } })
  t.true(albert.base.layers.every(({ heads }) => `${heads}` === '0,2,3'))
})

test('the key twofour says what is left where removal made odd sizes', async (t) => {
  const layers = [
    { weights: 0, heads: [1, 3], inner: 5 },
    { weights: 1, heads: [], inner: 0 },
  ]
  const { base } = await open({ family: 'mpnet', config: { twofour: { version: 1, headSize: 8, layers } } })
  t.deepEqual(base.layers, layers)
  t.is(base.originalHeads, 4)
  const none = await open({
    config: { num_hidden_layers: 0, twofour: { version: 1, headSize: 8, layers: [] } },
  })
  t.deepEqual(none.base.layers, [])
})

test('a pooler is there where its tensors are', async (t) => {
  t.true((await open({ family: 'mpnet' })).base.pooler)
  t.false((await open({ family: 'mpnet', pooler: false })).base.pooler)
})

test('a pre-training checkpoint opens with the head that fits, ELECTRA with none and a note', async (t) => {
  t.is((await open({ family: 'bert', head: 'ForPreTraining' })).base.head?.kind, 'maskedLanguage')
  const electra = await open({ family: 'electra', head: 'ForPreTraining' })
  t.is(electra.base.head, null)
  t.regex(electra.notes.join(), /replaced tokens/)
  const nameless = await open({ config: { architectures: undefined } })
  t.regex(nameless.notes.join(), /names no architecture/)
})

test('labels come from id2label in the order of the index, or are counted', async (t) => {
  const head = 'ForTokenClassification'
  const named = await open({ head, labels: 2, config: { id2label: { 1: 'b', 0: 'a' } } })
  t.deepEqual(named.labels, ['a', 'b'])
  const counted = await open({ head, config: { id2label: undefined, num_labels: 4 } })
  t.deepEqual(counted.labels, ['LABEL_0', 'LABEL_1', 'LABEL_2', 'LABEL_3'])
})

test('a summary counts what is there without reading weights', async (t) => {
  const { parameters, bytes, dtypes, head, layers, files } = (await open({ dtype: 'BF16' })).summary()
  t.is(bytes, parameters * 2)
  t.deepEqual(dtypes, { BF16: 39 })
  t.is(head, null)
  t.deepEqual(layers[0], { weights: 0, heads: 4, neurons: 48 })
  t.is(files.length, 1)
})

test('every float dtype opens', async (t) => {
  for (const dtype of ['F32', 'F16', 'BF16', 'F64'] as const) {
    t.is((await open({ dtype, layers: 1 })).slots.get('wordEmbeddings')?.dtype, dtype)
  }
})

test('a link to a shard is followed inside the directory', async (t) => {
  const directory = await makeCheckpoint({ shards: 2 })
  const shard = join(directory, 'model-1-of-2.safetensors')
  await rename(shard, join(directory, 'elsewhere'))
  await symlink('elsewhere', shard)
  await t.notThrowsAsync(Checkpoint.open(directory))
})

test('a file that changed after opening is refused by its hash, also when the hash is known', async (t) => {
  const directory = temporaryDirectory('changed')
  await cp(join(golden, 'bert-base'), directory, { recursive: true })
  const file = join(directory, 'model.safetensors')
  const checkpoint = await Checkpoint.open(directory)
  await checkpoint.hash()

  const { atime } = await stat(file)
  await utimes(file, atime, new Date(0))
  await t.throwsAsync(checkpoint.hash(), { code: 'FILE_CHANGED' })
  const longer = await Checkpoint.open(directory)
  await appendFile(file, 'x')
  await t.throwsAsync(longer.hash(), { code: 'FILE_CHANGED' })
  await rm(file)
  await t.throwsAsync(longer.hash(), { code: 'FILE_NOT_FOUND' })
})

test('an aborted signal stops opening and hashing with its reason', async (t) => {
  const signal = AbortSignal.abort(new Error('enough'))
  await t.throwsAsync(Checkpoint.open(join(golden, 'bert-base'), { signal }), { message: 'enough' })
  const checkpoint = await Checkpoint.open(join(golden, 'bert-base'))
  await t.throwsAsync(checkpoint.hash({ signal }), { message: 'enough' })
})

async function open(options: MakeOptions): Promise<Checkpoint> {
  return Checkpoint.open(await makeCheckpoint(options))
}
