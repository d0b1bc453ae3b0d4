import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { linearSlots, type Slot } from '../lib/architecture/spec.js'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { type Decision, nothingDecided } from '../lib/checkpoint/decision.js'
import { Safetensors } from '../lib/checkpoint/safetensors.js'
import { saveSafetensors, type TensorArray } from '../lib/checkpoint/safetensors-write.js'
import { inspectWeights } from '../lib/checkpoint/zeros.js'
import { Plan } from '../lib/pruning/plan.js'
import { prune } from '../lib/pruning/prune.js'
import type { RecipeStep } from '../lib/pruning/recipe.js'
import { type MakeOptions, makeCheckpoint } from './make-checkpoint.js'
import { difference, newDirectory, outputsOf, pruned, savedAndOpened } from './pruned-weights.js'

const linear = /\.(query|key|value|attentionOutput|ffnIn|ffnOut)\.(weight|bias)$/

/** Two checkpoints that run the same numbers: one stores them, one carries them as new numbers of another base. */
async function twins(options: MakeOptions = {}): Promise<{ stored: Checkpoint; valued: Checkpoint }> {
  const base = await Checkpoint.open(await makeCheckpoint(options))
  const other = await Checkpoint.open(await makeCheckpoint({ ...options, seed: 2 }))
  const file = await Safetensors.open(join(other.directory, 'model.safetensors'))
  const baseFile = await Safetensors.open(join(base.directory, 'model.safetensors'))
  const values = new Map<Slot, Uint8Array>()
  for (const [slot, { name }] of other.slots) if (linear.test(slot)) values.set(slot, await file.read(name))

  const changed = new Set([...values.keys()].map((slot) => other.slots.get(slot)!.name))
  const tensors: TensorArray[] = []
  for (const [name, { dtype, shape }] of file.tensors)
    tensors.push({ name, dtype, shape, data: await (changed.has(name) ? file : baseFile).read(name) })
  await saveSafetensors(file.file, tensors)

  const valued = base.withDecision({ ...nothingDecided(base.base), values })
  return { stored: await Checkpoint.open(other.directory), valued }
}

const steps: RecipeStep[] = [
  { pattern: 'heads', remove: 2 },
  { pattern: 'neurons', fraction: 0.25 },
  { pattern: '2:4' },
]

test('new numbers run, are inspected and are counted as stored ones', async (t) => {
  for (const options of [
    { head: 'ForMaskedLM' },
    { dtype: 'BF16' },
    { family: 'albert', groups: 1, layers: 3 },
  ] as const) {
    const { stored, valued } = await twins(options)
    t.deepEqual(await outputsOf(valued), await outputsOf(stored))
    t.deepEqual(await inspectWeights(valued), await inspectWeights(stored))
    const { files: _, ...wanted } = stored.summary()
    const { files: __, ...got } = valued.summary()
    t.deepEqual(got, wanted)
  }
})

test('later passes rank the new numbers, and what they decide applies to them', async (t) => {
  const { stored, valued } = await twins({ dtype: 'F16' })
  const [wanted, got] = [await pruned(stored, steps), await pruned(valued, steps)]
  t.deepEqual(got.decision!.masks, wanted.decision!.masks)
  t.deepEqual(got.decision!.heads, wanted.decision!.heads)
  t.deepEqual(got.decision!.neurons, wanted.decision!.neurons)
  t.deepEqual(await outputsOf(got), await outputsOf(wanted))
})

test('every form that is saved holds the new numbers', async (t) => {
  const twin = await twins({ head: 'ForSequenceClassification' })
  const [stored, valued] = [await pruned(twin.stored, steps), await pruned(twin.valued, steps)]
  const wanted = await outputsOf(stored)
  t.deepEqual(await outputsOf(await savedAndOpened(valued, 'removed')), wanted)
  // Zeros may be added in another order than nothing is.
  t.true(difference(await outputsOf(await savedAndOpened(valued, 'masked')), wanted) < 1e-6)

  const graphs = [stored, valued].map(async (checkpoint) => {
    const directory = await newDirectory()
    await checkpoint.save(directory, { form: 'onnx' })
    return readFile(join(directory, 'model.onnx'))
  })
  const [first, second] = await Promise.all(graphs)
  t.true(first!.equals(second!))
})

test('new numbers of layers that go are forgotten', async (t) => {
  const { valued } = await twins()
  const { decision } = await pruned(valued, [{ pattern: 'layers', list: [0] }])
  t.is(decision!.values.size, 2 * linearSlots.length)
  t.true([...decision!.values.keys()].every((slot) => slot.startsWith('layers.1.')))
})

test('a plan keeps new numbers, in version 2 of its file', async (t) => {
  for (const dtype of ['F32', 'F16'] as const) {
    const { valued } = await twins({ dtype })
    const plan = await prune(valued, { steps })
    const path = join(await newDirectory(), 'plan.safetensors')
    await plan.save(path)
    const { metadata } = await Safetensors.open(path)
    t.is(JSON.parse(metadata.get('twofour_plan')!).version, 2)

    const opened = await Plan.open(path)
    t.deepEqual(opened.decision.values, plan.decision.values)
    t.deepEqual(opened.summary(), plan.summary())
    t.deepEqual(await outputsOf(await opened.apply(valued)), await outputsOf(await plan.apply(valued)))
  }
})

test('a plan without new numbers has version 1, and says nothing of dtypes', async (t) => {
  const base = await Checkpoint.open(await makeCheckpoint())
  const path = join(await newDirectory(), 'plan.safetensors')
  await (await prune(base, { steps })).save(path)
  const text = (await Safetensors.open(path)).metadata.get('twofour_plan')!
  t.is(JSON.parse(text).version, 1)
  t.notRegex(text, /dtype|values/)
})

type Json = { [key: string]: unknown; base: { slots: Record<string, Json> } }

const query = 'values/encoder.layer.0.attention.self.query.weight'

const hostile: [RegExp, (plan: Json, tensors: Map<string, TensorArray>) => void][] = [
  [
    /Unknown key `values`/,
    (plan) => {
      plan.version = 1
      for (const slot of Object.values(plan.base.slots)) delete slot.dtype
    },
  ],
  [
    /plan.base.slots\[wordEmbeddings\].dtype/,
    (plan) => {
      plan.base.slots.wordEmbeddings!.dtype = 'I64'
    },
  ],
  [
    /plan.values\[0\].*'wordEmbeddings'/,
    (plan) => {
      plan.values = ['wordEmbeddings']
    },
  ],
  [
    /plan.values.*different slots/,
    (plan) => {
      plan.values = ['layers.0.query.weight', 'layers.0.query.weight']
    },
  ],
  [
    /hold F16 \[32, 32\] for values.encoder.*got F32/,
    (plan) => {
      plan.base.slots['layers.0.query.weight']!.dtype = 'F16'
    },
  ],
  [
    /hold F32 \[32, 32\] for values.encoder.*got F32 \[1024\]/,
    (_, tensors) => {
      tensors.set(query, { ...tensors.get(query)!, shape: [1024] })
    },
  ],
  [
    /hold F32 \[32, 32\] for values.encoder.*got none/,
    (_, tensors) => {
      tensors.delete(query)
    },
  ],
  [
    /only what its JSON names, got values.encoder/,
    (plan) => {
      plan.values = (plan.values as Slot[]).filter((slot) => slot !== 'layers.0.query.weight')
    },
  ],
  [
    /to name no tensor values/,
    (plan) => {
      plan.base.slots['layers.1.query.weight']!.name = query
    },
  ],
]

async function tampered(
  path: string,
  change: (plan: Json, tensors: Map<string, TensorArray>) => void,
): Promise<string> {
  const file = await Safetensors.open(path)
  const plan = JSON.parse(file.metadata.get('twofour_plan')!) as Json
  const tensors = new Map<string, TensorArray>()
  for (const [name, { dtype, shape }] of file.tensors)
    tensors.set(name, { name, dtype, shape, data: await file.read(name) })
  change(plan, tensors)
  const out = join(await newDirectory(), 'plan.safetensors')
  await saveSafetensors(out, tensors.values(), { metadata: { twofour_plan: JSON.stringify(plan) } })
  return out
}

test('a plan whose new numbers are not as it says is refused, saying how', async (t) => {
  const { valued } = await twins()
  const path = join(await newDirectory(), 'plan.safetensors')
  await (await prune(valued, { steps })).save(path)
  await t.notThrowsAsync(tampered(path, () => {}).then((same) => Plan.open(same)))
  for (const [message, change] of hostile) {
    const file = await tampered(path, change)
    await t.throwsAsync(Plan.open(file), { code: 'PLAN_INVALID', message }, String(message))
  }
})

test('a plan that is wrong about a dtype is refused when applied', async (t) => {
  const { valued } = await twins()
  const path = join(await newDirectory(), 'plan.safetensors')
  await (await prune(valued, { steps })).save(path)
  const file = await tampered(path, ({ base }) => {
    base.slots.wordEmbeddings!.dtype = 'BF16'
  })
  const plan = await Plan.open(file)
  await t.throwsAsync(plan.apply(valued), { code: 'PLAN_INVALID', message: /wordEmbeddings/ })
})

test('a decision is plain data: one without new numbers runs as the base does', async (t) => {
  const base = await Checkpoint.open(await makeCheckpoint())
  const decision: Decision = nothingDecided(base.base)
  t.deepEqual(await outputsOf(base.withDecision(decision)), await outputsOf(base))
})
