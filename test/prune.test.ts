import { join } from 'node:path'
import test from 'ava'
import { linearSlots } from '../lib/architecture/spec.js'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { Safetensors } from '../lib/checkpoint/safetensors.js'
import { saveSafetensors } from '../lib/checkpoint/safetensors-write.js'
import { prune } from '../lib/pruning/prune.js'
import { madeFamilies, makeCheckpoint } from './make-checkpoint.js'
import {
  difference,
  keptElements,
  outputsOf,
  pruned,
  removedCount,
  savedAndOpened,
  storedWeights,
} from './pruned-weights.js'

const open = async (options: Parameters<typeof makeCheckpoint>[0] = {}) =>
  Checkpoint.open(await makeCheckpoint(options))
const linears = [0, 1].flatMap((set) => linearSlots.map((slot) => `layers.${set}.${slot}.weight`))

/** Half up, and what every scope of n weights loses. */
const share = (fraction: number, n: number) => Math.floor(fraction * n + 0.5)

test('per matrix, exactly the lowest round(fraction × n) of each matrix go', async (t) => {
  const base = await open()
  for (const fraction of [0, 0.3, 0.501, 1]) {
    const after = await pruned(base, [{ pattern: 'unstructured', fraction }])
    for (const slot of linears) {
      const weights = (await storedWeights(base, slot)).map(Math.abs)
      const kept = keptElements(after, slot)
      t.is(removedCount(kept), share(fraction, weights.length), `${slot} at ${fraction}`)
      const gone = weights.filter((_, i) => !kept[i]).reduce((a, b) => Math.max(a, b), 0)
      const least = weights
        .filter((_, i) => kept[i])
        .reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
      t.true(gone <= least)
    }
  }
})

test('per row, every row loses the same number', async (t) => {
  const after = await pruned(await open(), [{ pattern: 'unstructured', fraction: 0.3, per: 'row' }])
  for (const slot of linears) {
    const kept = keptElements(after, slot)
    const [rows = 0, columns = 0] = after.slots.get(slot)!.shape
    for (let row = 0; row < rows; row++) {
      t.is(removedCount(kept.slice(row * columns, (row + 1) * columns)), share(0.3, columns))
    }
  }
})

test('globally, one threshold holds for all matrices in scope', async (t) => {
  const base = await open()
  const after = await pruned(base, [{ pattern: 'unstructured', fraction: 0.37, per: 'global', layers: [1] }])
  const scope = linears.slice(6)
  const all = await Promise.all(scope.map((slot) => storedWeights(base, slot)))
  const weights = all.flatMap((list) => Array.from(list, Math.abs))
  const kept = scope.flatMap((slot) => keptElements(after, slot))
  t.is(removedCount(kept), share(0.37, weights.length))
  const gone = weights.filter((_, i) => !kept[i]).reduce((a, b) => Math.max(a, b))
  t.true(gone <= weights.filter((_, i) => kept[i]).reduce((a, b) => Math.min(a, b)))
  for (const slot of linears.slice(0, 6)) t.is(removedCount(keptElements(after, slot)), 0)
})

test('N:M keeps the N largest of every M inputs, and all of a shorter tail', async (t) => {
  const base = await open({ inner: 50 })
  for (const [n, m] of [
    [2, 4],
    [1, 4],
    [4, 8],
    [1, 3],
  ] as const) {
    const plan = await prune(base, { steps: [{ pattern: `${n}:${m}` }] })
    const after = await plan.apply(base)
    for (const slot of linears) {
      const weights = (await storedWeights(base, slot)).map(Math.abs)
      const columns = base.slots.get(slot)!.shape[1]!
      const wanted = Array.from(weights, (weight, i) => {
        const first = i - ((i % columns) % m)
        if ((first % columns) + m > columns) return true
        const group = Array.from(weights.slice(first, first + m))
        return group.filter((other, at) => other > weight || (other === weight && first + at < i)).length < n
      })
      t.deepEqual(keptElements(after, slot), wanted, `${slot} under ${n}:${m}`)
    }
    const { tails } = plan.summary().steps[0]!
    const expected = linears.map((slot) => ({ slot, columns: base.slots.get(slot)!.shape[1]! % m }))
    t.deepEqual(
      tails,
      expected.filter(({ columns }) => columns > 0),
    )
  }
})

test('of equal scores the lower index is kept, in every pattern', async (t) => {
  const directory = await makeCheckpoint({ inner: 8, heads: 4, hidden: 16 })
  const file = await Safetensors.open(join(directory, 'model.safetensors'))
  const tensors = await Promise.all(
    [...file.tensors].map(async ([name, { dtype, shape }]) => ({
      name,
      dtype,
      shape,
      data: await file.read(name),
    })),
  )
  const ones = tensors.map((tensor) => ({
    ...tensor,
    data: new Float32Array(tensor.data.byteLength / 4).fill(1),
  }))
  await saveSafetensors(file.file, ones)
  const base = await Checkpoint.open(directory)

  const half = await pruned(base, [{ pattern: 'unstructured', fraction: 0.5 }])
  t.deepEqual(
    keptElements(half, 'layers.0.query.weight'),
    Array.from({ length: 256 }, (_, i) => i < 128),
  )
  const all = await pruned(base, [{ pattern: 'unstructured', fraction: 0.5, per: 'global' }])
  t.is(removedCount(keptElements(all, 'layers.0.ffnOut.weight')), 0)
  t.is(removedCount(keptElements(all, 'layers.1.query.weight')), 256)
  const pairs = await pruned(base, [{ pattern: '2:4' }])
  t.deepEqual(
    keptElements(pairs, 'layers.0.ffnIn.weight'),
    Array.from({ length: 128 }, (_, i) => i % 4 < 2),
  )
  const heads = await pruned(base, [{ pattern: 'heads', remove: 3 }])
  t.deepEqual(
    heads.spec.layers.map((layer) => layer.heads),
    [[0, 1, 2, 3], [0]],
  )
  const neurons = await pruned(base, [{ pattern: 'neurons', fraction: 0.25 }])
  t.deepEqual(
    [...neurons.decision!.neurons.values()].map((kept) => [...kept]),
    [
      [0, 1, 2, 3, 4, 5],
      [0, 1, 2, 3, 4, 5],
    ],
  )
})

test('a step counts what earlier steps took as gone, and takes it first', async (t) => {
  const base = await open()
  const after = await pruned(base, [
    { pattern: 'heads', list: { '0': [1, 3] } },
    { pattern: 'unstructured', fraction: 0.2 },
    { pattern: 'unstructured', fraction: 0.6 },
  ])
  const kept = keptElements(after, 'layers.0.query.weight')
  t.is(removedCount(kept), share(0.6, kept.length))
  for (const row of [8, 15, 24, 31]) t.is(removedCount(kept.slice(row * 32, (row + 1) * 32)), 32)
  // Two of four heads are half of the matrix, which is more than 0.2 of it.
  const once = await pruned(base, [
    { pattern: 'heads', list: { '0': [1, 3] } },
    { pattern: 'unstructured', fraction: 0.2 },
  ])
  t.is(removedCount(keptElements(once, 'layers.0.query.weight')), 512)
  t.is(removedCount(keptElements(once, 'layers.1.query.weight')), share(0.2, 1024))
})

test('random scores follow the seed and the step, whatever the pattern', async (t) => {
  const base = await open({ layers: 3, heads: 8 })
  for (const step of [
    { pattern: 'unstructured', fraction: 0.5 },
    { pattern: '2:4' },
    { pattern: 'heads', remove: 7 },
    { pattern: 'neurons', remove: 31 },
  ] as const) {
    const of = async (seed: number) => (await pruned(base, [{ ...step, score: 'random' }], seed)).decision
    const first = await of(1)
    t.deepEqual((await of(1))?.masks, first?.masks)
    t.deepEqual((await of(1))?.heads, first?.heads)
    t.deepEqual((await of(1))?.neurons, first?.neurons)
    t.notDeepEqual({ ...(await of(2)), history: undefined }, { ...first, history: undefined })
  }
})

test("headNorm is a head's share of its layer's L1 norm, magnitude the norm itself", async (t) => {
  const base = await open({ heads: 8, layers: 3 })
  const norms = await Promise.all([0, 1, 2].map((layer) => headNorms(base, layer)))
  for (const score of ['headNorm', 'magnitude'] as const) {
    const after = await pruned(base, [{ pattern: 'heads', score, remove: 9 }])
    const ranked = norms.flatMap((list, layer) => {
      const whole = score === 'headNorm' ? list.reduce((a, b) => a + b) : 1
      return list.map((norm, head) => ({ layer, head, score: norm / whole }))
    })
    const gone = ranked.sort((a, b) => a.score - b.score).slice(0, 9)
    const left = [0, 1, 2].map((layer) =>
      [0, 1, 2, 3, 4, 5, 6, 7].filter(
        (head) => !gone.some((one) => one.layer === layer && one.head === head),
      ),
    )
    t.deepEqual(
      after.spec.layers.map(({ heads }) => heads),
      left,
    )
  }
})

async function headNorms(base: Checkpoint, layer: number): Promise<number[]> {
  const { headSize, hidden, originalHeads } = base.spec
  const weights = await Promise.all(
    (['query', 'key', 'value', 'attentionOutput'] as const).map((slot) =>
      storedWeights(base, `layers.${layer}.${slot}.weight`),
    ),
  )
  const norms = new Array<number>(originalHeads).fill(0)
  for (const [at, list] of weights.entries()) {
    for (const [i, weight] of list.entries()) {
      const index = at === 3 ? i % hidden : Math.floor(i / hidden)
      norms[Math.floor(index / headSize)]! += Math.abs(weight)
    }
  }
  return norms
}

test('K heads go in all, and each layer keeps the minimum', async (t) => {
  const base = await open({ heads: 8, layers: 3 })
  for (const [remove, minimum] of [
    [5, 0],
    [24, 0],
    [21, 1],
    [14, 3],
  ] as const) {
    const counts = (await pruned(base, [{ pattern: 'heads', remove, minimum }])).spec.layers.map(
      ({ heads }) => heads.length,
    )
    t.is(
      counts.reduce((a, b) => a + b),
      24 - remove,
    )
    t.true(counts.every((count) => count >= minimum))
  }
  await t.throwsAsync(prune(base, { steps: [{ pattern: 'heads', remove: 22, minimum: 1 }] }), {
    instanceOf: RangeError,
    message: /at most 21, .* minimum of 1 each, got 22/,
  })
  await t.throwsAsync(prune(base, { steps: [{ pattern: 'heads', remove: 9, layers: [1] }] }), {
    message: /at most 8/,
  })
})

test('neurons go by count over all layers, or by fraction of each or of all', async (t) => {
  const base = await open({ layers: 3 })
  const left = async (step: object, earlier: object[] = []) => {
    const after = await pruned(base, [...earlier, { pattern: 'neurons', ...step }] as never)
    return after.spec.layers.map(({ inner }) => inner)
  }
  const sum = (counts: number[]) => counts.reduce((a, b) => a + b)
  t.deepEqual(await left({ fraction: 0.25 }), [36, 36, 36])
  t.deepEqual(await left({ fraction: 1, layers: [1] }), [48, 0, 48])
  t.is(sum(await left({ fraction: 0.3, per: 'global' })), 144 - share(0.3, 144))
  t.is(sum(await left({ remove: 17 })), 127)
  t.is(sum(await left({ remove: 17, score: 'random' })), 127)
  // A fraction is of the stored neurons; those gone before are among it. A count is of those that are left.
  t.deepEqual(await left({ fraction: 0.5 }, [{ pattern: 'neurons', fraction: 0.25 }]), [24, 24, 24])
  t.is(sum(await left({ remove: 10 }, [{ pattern: 'neurons', remove: 7 }])), 127)
  await t.throwsAsync(prune(base, { steps: [{ pattern: 'neurons', remove: 145 }] }), {
    message: /at most 144.*got 145/,
  })
})

test('the neurons that go have the lowest L1 norm of their two slices', async (t) => {
  const base = await open()
  const after = await pruned(base, [{ pattern: 'neurons', remove: 20, layers: [0] }])
  const rows = await storedWeights(base, 'layers.0.ffnIn.weight')
  const columns = await storedWeights(base, 'layers.0.ffnOut.weight')
  const norms = new Array<number>(48).fill(0)
  for (const [i, weight] of rows.entries()) norms[Math.floor(i / 32)]! += Math.abs(weight)
  for (const [i, weight] of columns.entries()) norms[i % 48]! += Math.abs(weight)
  const order = norms.map((norm, index) => ({ norm, index })).sort((a, b) => a.norm - b.norm)
  const kept = order.slice(20).map(({ index }) => index)
  t.deepEqual(
    [...after.decision!.neurons.get(0)!],
    kept.sort((a, b) => a - b),
  )
})

test('whole layers go, and with them what was decided about their weights', async (t) => {
  const base = await open({ layers: 4 })
  const after = await pruned(base, [
    { pattern: '2:4' },
    { pattern: 'heads', remove: 5 },
    { pattern: 'layers', list: [1, 2] },
  ])
  t.deepEqual(
    after.spec.layers.map(({ weights }) => weights),
    [0, 3],
  )
  t.true([...after.decision!.masks.keys()].every((slot) => /^layers\.[03]\./.test(slot)))
  t.true([...after.decision!.heads.keys()].every((set) => set === 0 || set === 3))
  t.is((await outputsOf(after)).length, 36 * 32)
  await t.throwsAsync(prune(base, { steps: [{ pattern: 'layers', list: [0, 1, 2, 3] }] }), {
    message: /leave at least one/,
  })
})

test('LayerNorms, biases, the pooler and task heads are never pruned', async (t) => {
  const base = await open({ head: 'ForSequenceClassification' })
  const after = await pruned(base, [{ pattern: 'unstructured', fraction: 0.9 }])
  t.deepEqual([...after.decision!.masks.keys()].sort(), linears.toSorted())
})

test('removing equals masking, in every family, down to nothing in a layer', async (t) => {
  for (const family of madeFamilies) {
    const base = await open({ family, layers: 2, groups: 2 })
    const after = await pruned(base, [
      { pattern: 'heads', list: { '0': [0, 1, 2, 3], '1': [1] } },
      { pattern: 'neurons', fraction: 1, layers: [1] },
      { pattern: 'neurons', fraction: 0.4, layers: [0] },
      { pattern: '2:4' },
    ])
    const removed = await outputsOf(after)
    const masked = await outputsOf(await savedAndOpened(after, 'masked'))
    const worst = difference(removed, masked)
    t.true(worst < 1e-5, `${family}: ${worst}`)
    t.true(difference(removed, await outputsOf(base)) > 1e-3, `${family}: something changed`)
  }
})

test('weights that layers share are pruned once', async (t) => {
  const base = await open({ family: 'albert', layers: 6, groups: 1 })
  const plan = await prune(base, {
    steps: [{ pattern: 'heads', remove: 3 }, { pattern: 'neurons', remove: 8 }, { pattern: '2:4' }],
  })
  const after = await plan.apply(base)
  t.deepEqual(new Set(after.spec.layers.map(({ heads }) => heads.length)), new Set([1]))
  t.deepEqual(new Set(after.spec.layers.map(({ inner }) => inner)), new Set([40]))
  t.is(after.decision!.masks.size, 6)
  t.like(plan.summary().steps, [
    { of: 4, removed: 3 },
    { of: 48, removed: 8 },
  ])
})

test('word embeddings are pruned only when named, and the tied decoder with them', async (t) => {
  const base = await open({ head: 'ForMaskedLM' })
  const after = await pruned(base, [{ pattern: '2:4', slots: ['wordEmbeddings'] }])
  t.deepEqual([...after.decision!.masks.keys()], ['wordEmbeddings'])
  t.is(removedCount(keptElements(after, 'wordEmbeddings')), 64 * 16)
  const masked = await savedAndOpened(after, 'masked')
  t.is(masked.slots.get('head.output.weight')!.name, masked.slots.get('wordEmbeddings')!.name)
  t.deepEqual(await outputsOf(after), await outputsOf(masked))
})

test('a checkpoint that is planned already is pruned further, relative to its base', async (t) => {
  const base = await open()
  const steps = [{ pattern: 'heads', remove: 2 }, { pattern: '2:4' }] as const
  const once = await pruned(base, steps)
  const first = await pruned(base, [steps[0]])
  const second = await prune(first, { steps: [steps[1]] })
  const twice = await second.apply(base)
  t.deepEqual({ ...twice.decision, history: undefined }, { ...once.decision, history: undefined })
  t.is(second.earlier.length, 1)
  t.is(twice.decision!.history!.passes.length, 2)
})

test('progress is told step by step, and pruning stops with the reason of its signal', async (t) => {
  const base = await open()
  const stages = new Set<string>()
  await prune(
    base,
    { steps: [{ pattern: '2:4' }, { pattern: 'heads', remove: 1 }] },
    { onProgress: ({ stage }) => stages.add(stage) },
  )
  t.true(stages.has('step 1 of 2: 2:4'))
  const stop = new AbortController()
  const reason = new Error('enough')
  const promise = prune(base, { steps: [{ pattern: '2:4' }] }, { signal: stop.signal })
  stop.abort(reason)
  t.is(await t.throwsAsync(promise), reason)
})

test('what cannot be ranked is refused', async (t) => {
  const directory = await makeCheckpoint()
  const file = await Safetensors.open(join(directory, 'model.safetensors'))
  const tensors = await Promise.all(
    [...file.tensors].map(async ([name, { dtype, shape }]) => ({
      name,
      dtype,
      shape,
      data: await file.read(name),
    })),
  )
  const broken = tensors.find(({ name }) => name === 'encoder.layer.1.attention.self.value.weight')!
  new DataView(broken.data.buffer, broken.data.byteOffset).setFloat32(40, Number.NaN, true)
  await saveSafetensors(file.file, tensors)
  const base = await Checkpoint.open(directory)
  for (const step of [{ pattern: '2:4' }, { pattern: 'heads', remove: 1 }] as const) {
    await t.throwsAsync(prune(base, { steps: [step] }), {
      code: 'PRUNE_NOT_FINITE',
      message: /self\.value\.weight/,
    })
  }
})
