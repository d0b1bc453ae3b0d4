import { cp, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import test from 'ava'
import type { Slot } from '../lib/architecture/spec.js'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { nothingDecided } from '../lib/checkpoint/decision.js'
import { Safetensors } from '../lib/checkpoint/safetensors.js'
import { saveSafetensors, type TensorArray } from '../lib/checkpoint/safetensors-write.js'
import { Plan } from '../lib/pruning/plan.js'
import { prune } from '../lib/pruning/prune.js'
import type { RecipeStep } from '../lib/pruning/recipe.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { keptElements, newDirectory, outputsOf, pruned } from './pruned-weights.js'
import { python, runPython } from './python.js'

const everything: RecipeStep[] = [
  { pattern: 'heads', list: { '0': [0, 2], '1': [3], '2': [0] } },
  { pattern: 'neurons', remove: 21 },
  { pattern: '2:4' },
  { pattern: 'unstructured', fraction: 0.3, slots: ['wordEmbeddings'] },
  { pattern: 'layers', list: [1] },
]

async function makePlan(steps = everything, options: Parameters<typeof makeCheckpoint>[0] = { layers: 3 }) {
  const base = await Checkpoint.open(await makeCheckpoint(options))
  const plan = await prune(base, { steps, seed: 5 })
  const path = join(await newDirectory(), 'plan.safetensors')
  await plan.save(path)
  return { base, plan, path }
}

test('a plan that was saved and opened is the same plan', async (t) => {
  for (const options of [{ layers: 3 }, { layers: 3, family: 'albert', groups: 3 } as const]) {
    const { base, plan, path } = await makePlan(everything, options)
    const opened = await Plan.open(path)
    t.deepEqual(opened.recipe, plan.recipe)
    t.is(opened.seed, 5)
    t.is(opened.baseHash, await base.hash())
    t.deepEqual(opened.summary(), plan.summary())
    t.deepEqual(opened.decision.heads, plan.decision.heads)
    t.deepEqual(opened.decision.neurons, plan.decision.neurons)
    t.deepEqual(await outputsOf(await opened.apply(base)), await outputsOf(await plan.apply(base)))
  }
})

test('saving the same plan twice writes the same bytes', async (t) => {
  const { plan, path } = await makePlan()
  await plan.save(`${path}.again`)
  t.deepEqual(await readFile(`${path}.again`), await readFile(path))
})

test('a plan that keeps everything equals dense', async (t) => {
  const { base, plan } = await makePlan([
    { pattern: 'unstructured', fraction: 0 },
    { pattern: 'neurons', fraction: 0 },
  ])
  t.deepEqual(await outputsOf(await plan.apply(base)), await outputsOf(base))
  t.is(plan.summary().all.density, 1)
})

test('the summary counts what the bits of the file hold', async (t) => {
  const { base, plan, path } = await makePlan(everything, { layers: 3, head: 'ForMaskedLM' })
  const summary = plan.summary()
  const file = await Safetensors.open(path)
  for (const { slot, name, elements, kept } of summary.slots) {
    const bits = await file.read(name)
    t.is(
      bits.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0),
      kept,
      slot,
    )
    t.is(elements, keptElements(base, slot).length)
  }
  t.is(summary.all.elements, base.summary().parameters)
  t.deepEqual(
    summary.layers.map(({ layer, heads }) => ({ layer, heads })),
    [
      { layer: 0, heads: [1, 3] },
      { layer: 2, heads: [1, 2, 3] },
    ],
  )
  t.deepEqual(
    summary.steps.map(({ unit, removed }) => [unit, removed]).filter(([unit]) => unit !== 'weights'),
    [
      ['heads', 4],
      ['neurons', 21],
      ['layers', 1],
    ],
  )
})

test('a plan is refused on another base, naming both', async (t) => {
  const { base, plan } = await makePlan()
  const other = await Checkpoint.open(await makeCheckpoint({ layers: 3, seed: 2 }))
  const error = await t.throwsAsync(plan.apply(other), { code: 'PLAN_WRONG_BASE' })
  for (const { directory, hash } of [base, other].map((one) => ({
    directory: one.directory,
    hash: one.hash(),
  }))) {
    t.true(error!.message.includes(basename(directory)))
    t.true(error!.message.includes((await hash).slice(0, 12)))
  }
  t.notThrows(() => plan.summary())
})

test('a plan fits its base wherever that lies', async (t) => {
  const { base, path } = await makePlan()
  const moved = await newDirectory()
  await cp(base.directory, moved, { recursive: true })
  const applied = await (await Plan.open(path)).apply(await Checkpoint.open(moved))
  t.is(applied.spec.layers.length, 2)
})

type Json = { [key: string]: unknown }

/** Saves the plan again with its JSON or its tensors changed. */
async function tamper(
  path: string,
  change: (plan: Json, tensors: Map<string, TensorArray>) => void,
): Promise<string> {
  const file = await Safetensors.open(path)
  const plan = JSON.parse(file.metadata.get('twofour_plan')!) as Json
  const tensors = new Map<string, TensorArray>()
  for (const [name, { dtype, shape }] of file.tensors) {
    tensors.set(name, { name, dtype, shape, data: await file.read(name) })
  }
  change(plan, tensors)
  const out = join(await newDirectory(), 'plan.safetensors')
  await saveSafetensors(out, tensors.values(), { metadata: { twofour_plan: JSON.stringify(plan) } })
  return out
}

const query = 'encoder.layer.0.attention.self.query.weight'
const queryBias = 'encoder.layer.0.attention.self.query.bias'
const base = (plan: Json) => plan.base as Json & { layers: Json[]; slots: Record<string, Json> }

const hostile: [RegExp, (plan: Json, tensors: Map<string, TensorArray>) => void][] = [
  [
    /plan.version.*newer twofour/,
    (plan) => {
      plan.version = 3
    },
  ],
  [
    /Unknown key `mask` in `plan`. Did you mean `masks`/,
    (plan) => {
      plan.mask = []
    },
  ],
  [
    /plan.base.hash/,
    (plan) => {
      base(plan).hash = 'abc'
    },
  ],
  [
    /plan.layers\[1\].*from 2 to 2, got 0/,
    (plan) => {
      plan.layers = [1, 0]
    },
  ],
  [
    /plan.layers.*at least one/,
    (plan) => {
      plan.layers = []
    },
  ],
  [
    /plan.layers\[0\].*got 7/,
    (plan) => {
      plan.layers = [7]
    },
  ],
  [
    /plan.heads.*kept layers read, got '1'/,
    (plan) => {
      ;(plan.heads as Json)['1'] = [0]
    },
  ],
  [
    /plan.heads\[0\]\[0\]/,
    (plan) => {
      ;(plan.heads as Json)['0'] = [9]
    },
  ],
  [
    /plan.heads\[0\].*heads that the base has/,
    (plan) => {
      base(plan).originalHeads = 8
      ;(plan.heads as Json)['0'] = [6]
    },
  ],
  [
    /plan.neurons\[0\]/,
    (plan) => {
      ;(plan.neurons as Json)['0'] = [[0, 4000000000]]
    },
  ],
  [
    /plan.neurons\[0\]\[1\]\[0\]/,
    (plan) => {
      ;(plan.neurons as Json)['0'] = [
        [4, 6],
        [5, 9],
      ]
    },
  ],
  [
    /plan.masks\[0\]/,
    (plan) => {
      plan.masks = ['pooler.weight']
    },
  ],
  [
    /plan.masks.*different slots/,
    (plan) => {
      plan.masks = [...(plan.masks as []), 'wordEmbeddings']
    },
  ],
  [
    /plan.seed/,
    (plan) => {
      plan.seed = 6
    },
  ],
  [
    /plan.steps.*5 long/,
    (plan) => {
      plan.steps = []
    },
  ],
  [
    /Unknown pattern/,
    (plan) => {
      plan.recipe = { steps: [{ pattern: 'all' }], seed: 5 }
    },
  ],
  [
    /of 16 rows/,
    (plan) => {
      base(plan).layers[0]!.heads = [0, 1]
    },
  ],
  [
    /plan.base.slots\[layers.0.ffnIn.weight\].*of 47 rows/,
    (plan) => {
      base(plan).layers[0]!.inner = 47
    },
  ],
  [
    /elements of plan.base.slots\[wordEmbeddings\]/,
    (plan) => {
      base(plan).slots.wordEmbeddings!.shape = [2 ** 31 - 1, 2 ** 31 - 1]
    },
  ],
  [
    /U8 \[\d+\] for embeddings.word_embeddings.weight, got U8/,
    (plan) => {
      base(plan).slots.wordEmbeddings!.shape = [2 ** 31 - 1, 32]
    },
  ],
  [
    /for encoder.layer.0.attention.self.query.weight, got none/,
    (_, tensors) => {
      tensors.delete(query)
    },
  ],
  [
    /got extra too/,
    (_, tensors) => {
      tensors.set('extra', { name: 'extra', dtype: 'U8', shape: [1], data: new Uint8Array(1) })
    },
  ],
  [
    /query.bias that are those of its heads/,
    (_, tensors) => {
      tensors.set(queryBias, { ...tensors.get(queryBias)!, data: new Uint8Array(4).fill(255) })
    },
  ],
  [
    /query.weight that are within its heads/,
    (_, tensors) => {
      tensors.set(query, { ...tensors.get(query)!, data: new Uint8Array(128).fill(255) })
    },
  ],
]

test('a plan file whose parts do not agree is refused, saying which', async (t) => {
  const { path } = await makePlan()
  await t.notThrowsAsync(tamper(path, () => {}).then((same) => Plan.open(same)))
  for (const [message, change] of hostile) {
    const file = await tamper(path, change)
    await t.throwsAsync(Plan.open(file), { code: 'PLAN_INVALID', message }, String(message))
  }
})

test('a file that is no plan, or no file, is refused', async (t) => {
  const { base: checkpoint, path } = await makePlan()
  const weights = join(checkpoint.directory, 'model.safetensors')
  await t.throwsAsync(Plan.open(weights), { code: 'PLAN_INVALID', message: /without `twofour_plan`/ })
  await t.throwsAsync(Plan.open(`${path}.not`), { code: 'FILE_NOT_FOUND' })
  const cut = `${path}.cut`
  await writeFile(cut, (await readFile(path)).subarray(0, -1))
  await t.throwsAsync(Plan.open(cut), { code: 'SAFETENSORS_METADATA_INCOMPLETE_BUFFER' })
})

test('a plan that is right about the hash and wrong about the base is refused when applied', async (t) => {
  const { base: checkpoint, path } = await makePlan([{ pattern: '2:4' }])
  const renamed = await tamper(path, (plan) => {
    base(plan).slots.wordEmbeddings!.name = 'elsewhere'
  })
  const plan = await Plan.open(renamed)
  await t.throwsAsync(plan.apply(checkpoint), { code: 'PLAN_INVALID', message: /wordEmbeddings/ })
})

const withPython = python === undefined ? test.skip : test

withPython('the Python of the documentation applies a plan as twofour does', async (t) => {
  const page = await readFile(join(import.meta.dirname, '..', 'docs', 'plan-format.md'), 'utf8')
  const script = /```python\n([\s\S]*?)```/.exec(page)![1]!
  const steps = everything.slice(0, 4)
  const options = { layers: 3, head: 'ForMaskedLM' } as const
  const base = await Checkpoint.open(await makeCheckpoint(options))
  const checkpoint = base.withDecision({
    ...nothingDecided(base.base),
    values: await numbersOfAnother(options),
  })
  const plan = await prune(checkpoint, { steps, seed: 5 })

  const directory = await newDirectory()
  await cp(checkpoint.directory, join(directory, 'base'), { recursive: true })
  await plan.save(join(directory, 'plan.safetensors'))
  await runPython(python!, script, [], directory)

  const applied = await plan.apply(checkpoint)
  await applied.save(join(directory, 'ours'), { form: 'masked' })
  const [theirs, ours] = await Promise.all(
    ['masked.safetensors', 'ours/model.safetensors'].map((name) => Safetensors.open(join(directory, name))),
  )
  t.deepEqual([...theirs!.tensors.keys()].sort(), [...ours!.tensors.keys()].sort())
  for (const name of ours!.tensors.keys()) {
    const [a, b] = await Promise.all([theirs!, ours!].map(async (file) => numbers(await file.read(name))))
    t.true(
      a!.every((value, i) => value === b![i]),
      name,
    )
  }
  const wanted = await outputsOf(await pruned(checkpoint, steps, 5))
  t.deepEqual(await outputsOf(await Checkpoint.open(join(directory, 'ours'))), wanted)
})

/** New numbers for a weight and a bias. */
async function numbersOfAnother(options: Parameters<typeof makeCheckpoint>[0]) {
  const { slots } = await Checkpoint.open(await makeCheckpoint({ ...options, seed: 2 }))
  const read = async (slot: Slot) => {
    const { file, name } = slots.get(slot)!
    return [slot, await (await Safetensors.open(file)).read(name)] as const
  }
  return new Map(await Promise.all(['layers.0.ffnIn.weight', 'layers.2.query.bias'].map(read)))
}

function numbers(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.slice().buffer)
}
