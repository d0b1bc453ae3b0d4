/**
 * The graphs of `form: 'onnx'` under onnxruntime, against our own encoder. Skipped, and counted, where
 * onnxruntime-node is not installed: `npm ci` in bench/peers, or a folder named by TWOFOUR_TEST_ONNXRUNTIME.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openPeer, type PeerOutput, peerFolder } from '../bench/peers/onnxruntime.js'
import { addon } from '../lib/addon.js'
import { type EncoderSpec, maxTokens } from '../lib/architecture/spec.js'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { onnxModel } from '../lib/checkpoint/onnx-files.js'
import { writeWeightFile } from '../lib/checkpoint/weight-files.js'
import { Encoder } from '../lib/encoder/encoder.js'
import type { RunOutputs } from '../lib/encoder/run.js'
import { equalWithin } from './equal.js'
import { type MakeOptions, madeFamilies, madeHeads, makeCheckpoint } from './make-checkpoint.js'
import { newDirectory, pruned } from './pruned-weights.js'
import { randomNumbers } from './random-numbers.js'
import { rowsOf } from './rows.js'

const withRuntime = peerFolder() === null ? test.skip : test
const tolerance = 2e-5
const next = randomNumbers(17)
const outputNames = [
  ['lastHiddenState', 'last_hidden_state'],
  ['pooled', 'pooler_output'],
  ['logits', 'logits'],
] as const

/** One token, the model's longest, and between: ids with RoBERTa's padding among them, and types. */
function batchFor(spec: EncoderSpec) {
  const limit = maxTokens(spec)
  const below = (count: number) => Math.floor(next() * count)
  const ids = [1, 13, limit, 2].map((length) => Array.from({ length }, () => below(spec.vocab)))
  ids[1]![3] = 1
  const types = ids.map((row) => row.map(() => below(Math.max(spec.tokenTypes, 1))))
  return { ids, types }
}

/** What the runtime made of one sequence of a padded batch, without what it made of the padding. */
function rowOf({ data, dims }: PeerOutput, sequence: number, tokens: number, byToken: boolean): Float32Array {
  const [, longest = 1] = dims
  const width = dims.at(-1)!
  const row = byToken ? longest * width : width
  return data.subarray(sequence * row, sequence * row + (byToken ? tokens * width : width))
}

async function ourOutputs(
  checkpoint: Checkpoint,
  { ids, types }: ReturnType<typeof batchFor>,
): Promise<RunOutputs> {
  const encoder = await Encoder.load(checkpoint, { device: 'cpu' })
  const sequences = ids.map((inputIds, at) => ({ inputIds, tokenTypeIds: types[at]! }))
  try {
    return await encoder.run(sequences)
  } finally {
    encoder.dispose()
  }
}

async function theirOutputs(directory: string, spec: EncoderSpec, batch: ReturnType<typeof batchFor>) {
  const padding = spec.positionPadding ?? 0
  const peer = await openPeer(join(directory, 'model.onnx'), { threads: 1, padding })
  try {
    return await peer.run(batch.ids, { types: batch.types })
  } finally {
    await peer.dispose()
  }
}

/** Compares every output that we have of every sequence. @returns the largest difference, relative */
async function compare(t: ExecutionContext, checkpoint: Checkpoint, what: string, saved?: string) {
  const { spec } = checkpoint
  const directory = saved ?? (await newDirectory())
  if (saved === undefined) await checkpoint.save(directory, { form: 'onnx' })
  const batch = batchFor(spec)
  const ours = await ourOutputs(checkpoint, batch)
  const theirs = await theirOutputs(directory, spec, batch)

  let worst = 0
  for (const [sequence, { length }] of batch.ids.entries()) {
    const rows = rowsOf(ours, spec, sequence)
    for (const [name, theirName] of outputNames) {
      const row = rows.get(name)
      if (row === undefined) continue
      const byToken = name === 'lastHiddenState' || (name === 'logits' && spec.head!.input === 'tokens')
      const got = rowOf(theirs[theirName]!, sequence, length, byToken)
      worst = Math.max(worst, equalWithin(t, got, row, tolerance, `${what}: ${name} of ${sequence}`))
    }
  }
  return { worst, ours, theirs, batch }
}

const open = async (options: MakeOptions) => Checkpoint.open(await makeCheckpoint(options))

for (const family of madeFamilies) {
  withRuntime(`every head of ${family} gives our numbers under onnxruntime`, async (t) => {
    let worst = 0
    for (const [at, head] of madeHeads.entries()) {
      const checkpoint = await open({ family, head, seed: at + 1, hidden: 36, inner: 50, positions: 41 })
      worst = Math.max(worst, (await compare(t, checkpoint, family + head)).worst)
    }
    t.log(`worst ${worst.toExponential(1)}`)
  })
}

withRuntime('every activation gives our numbers under onnxruntime', async (t) => {
  for (const activation of ['gelu', 'gelu_new', 'relu', 'silu', 'quick_gelu'])
    await compare(t, await open({ config: { hidden_act: activation } }), activation)
})

withRuntime('heads, neurons and layers that were removed are not missed', async (t) => {
  const kept = { pattern: 'heads', list: { '0': [0, 2], '1': [1] } } as const
  const none = { pattern: 'heads', list: { '0': [0, 1, 2, 3], '1': [0, 1, 2, 3] } } as const
  for (const family of ['bert', 'roberta', 'albert', 'mpnet'] as const) {
    const base = await open({ family, layers: 3, groups: 3, head: 'ForMaskedLM' })
    const neurons = { pattern: 'neurons', remove: 13 } as const
    const some = await pruned(base, [kept, neurons, { pattern: '2:4' }, { pattern: 'layers', list: [2] }])
    await compare(t, some, `${family} with some`)
    await compare(t, await pruned(base, [none, { pattern: 'neurons', fraction: 1 }]), `${family} with none`)
    await compare(t, await pruned(base, [{ pattern: 'layers', list: [0, 2] }]), `${family} of one layer`)
  }
})

withRuntime('ALBERT applies its groups in turn', async (t) => {
  for (const [layers, groups, innerGroups] of [
    [4, 2, 1],
    [4, 2, 2],
    [3, 1, 2],
  ] as const)
    await compare(
      t,
      await open({ family: 'albert', layers, groups, innerGroups }),
      `${groups} × ${innerGroups}`,
    )
})

withRuntime('untied decoders, long sequences and weights beside the model give our numbers', async (t) => {
  await compare(t, await open({ head: 'ForMaskedLM', tied: false }), 'untied')
  await compare(t, await open({ family: 'mpnet', positions: 300 }), 'every distance')
  const checkpoint = await open({ dtype: 'F16' })
  const directory = await newDirectory()
  for (const file of (await onnxModel(checkpoint, 20_000)).files) await writeWeightFile(directory, file, {})
  await compare(t, checkpoint, 'outside', directory)
})

withRuntime('question answering has its two columns by name', async (t) => {
  const { theirs } = await compare(t, await open({ head: 'ForQuestionAnswering' }), 'answers')
  const both = theirs.logits!.data
  t.deepEqual(
    theirs.start_logits!.data,
    both.filter((_, at) => at % 2 === 0),
  )
  t.deepEqual(
    theirs.end_logits!.data,
    both.filter((_, at) => at % 2 === 1),
  )
  t.deepEqual([...theirs.end_logits!.dims], [...theirs.logits!.dims.slice(0, 2)])
})

const poolings = [
  ['mean', 'mean'],
  ['cls', 'cls'],
  ['max', 'max'],
  ['mean_sqrt_len_tokens', 'meanSqrtLength'],
  ['lasttoken', 'lastToken'],
  ['weightedmean', 'weightedMean'],
] as const

withRuntime('sentence vectors are pooled and normalised as we do', async (t) => {
  for (const [mode, pooling] of poolings) {
    for (const normalize of [false, true]) {
      const source = await makeCheckpoint()
      const kinds = ['Transformer', 'Pooling', ...(normalize ? ['Normalize'] : [])]
      const modules = kinds.map((kind, at) => ({
        ...{ type: `sentence_transformers.models.${kind}`, name: `${at}` },
        path: at === 0 ? '' : `${at}_${kind}`,
      }))
      await writeFile(join(source, 'modules.json'), JSON.stringify(modules))
      await mkdir(join(source, '1_Pooling'))
      await writeFile(join(source, '1_Pooling', 'config.json'), JSON.stringify({ pooling_mode: mode }))

      const { ours, theirs } = await compare(t, await Checkpoint.open(source), mode)
      const request = {
        input: ours.lastHiddenState!,
        offsets: ours.sequenceOffsets,
        width: 32,
        pooling,
        normalize,
        skip: 0,
      }
      const wanted = addon().ops.pool('plain', request)
      const { data, dims } = theirs.sentence_embedding!
      t.deepEqual([...dims], [4, 32])
      equalWithin(t, data, wanted, tolerance, `${mode}, ${normalize ? 'normalised' : 'as it is'}`)
    }
  }
})

withRuntime('vectors side by side are normalised as one, and then cut', async (t) => {
  const source = await makeCheckpoint()
  const [type, files] = ['sentence_transformers.models', ['', '1_Pooling', '2_Normalize']]
  const kinds = ['Transformer', 'Pooling', 'Normalize']
  const modules = kinds.map((kind, at) => ({ type: `${type}.${kind}`, name: `${at}`, path: files[at] }))
  await writeFile(join(source, 'modules.json'), JSON.stringify(modules))
  await writeFile(join(source, 'config_sentence_transformers.json'), JSON.stringify({ truncate_dim: 40 }))
  await mkdir(join(source, '1_Pooling'))
  const pooling = { pooling_mode: ['max', 'weightedmean'] }
  await writeFile(join(source, '1_Pooling', 'config.json'), JSON.stringify(pooling))

  const { ours, theirs } = await compare(t, await Checkpoint.open(source), 'side by side')
  const request = {
    input: ours.lastHiddenState!,
    offsets: ours.sequenceOffsets,
    width: 32,
    normalize: false,
    skip: 0,
  }
  const [largest, weighted] = ['max', 'weightedMean'].map((pooling) =>
    addon().ops.pool('plain', { ...request, pooling }),
  )
  const wanted = Array.from({ length: 4 }, (_, row) => {
    const both = [largest!, weighted!].flatMap((part) => [...part.subarray(row * 32, (row + 1) * 32)])
    const length = Math.hypot(...both)
    return both.slice(0, 40).map((value) => value / length)
  })
  const { data, dims } = theirs.sentence_embedding!
  t.deepEqual([...dims], [4, 40])
  equalWithin(t, data, wanted.flat(), tolerance, 'side by side', [4, 40])
})
