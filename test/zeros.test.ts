import test from 'ava'
import { Checkpoint, inspectWeights, type Progress, prune } from 'twofour'
import { makeCheckpoint } from './make-checkpoint.js'

test('zeros are counted as the decision leaves them, and only 2:4 matrices are called so', async (t) => {
  const checkpoint = await Checkpoint.open(await makeCheckpoint())
  t.true((await inspectWeights(checkpoint)).every(({ zeros, twoOfFour }) => zeros === 0 && !twoOfFour))

  const plan = await prune(checkpoint, { steps: [{ pattern: '2:4', slots: ['query'], layers: [1] }] })
  for (const matrix of await inspectWeights(await plan.apply(checkpoint))) {
    const pruned = matrix.slot === 'layers.1.query.weight'
    t.is(matrix.twoOfFour, pruned, matrix.slot)
    t.is(matrix.zeros, pruned ? matrix.elements / 2 : 0)
    t.is(matrix.firstOffendingRow, pruned ? -1 : 0)
    t.is(matrix.elements, matrix.shape[0]! * matrix.shape[1]!)
  }
})

test('tied and shared matrices are inspected once, and layers that are gone not at all', async (t) => {
  const albert = await Checkpoint.open(await makeCheckpoint({ family: 'albert', layers: 3 }))
  const slots = (await inspectWeights(albert)).map(({ slot }) => slot)
  t.is(slots.filter((slot) => slot.endsWith('.query.weight')).length, 1)

  const tied = await Checkpoint.open(await makeCheckpoint({ head: 'ForMaskedLM' }))
  const names = (await inspectWeights(tied)).map(({ name }) => name)
  t.is(new Set(names).size, names.length)

  const plan = await prune(tied, { steps: [{ pattern: 'layers', list: [0] }] })
  const left = await inspectWeights(await plan.apply(tied))
  t.false(left.some(({ slot }) => slot.startsWith('layers.0.')))
  t.true(left.some(({ slot }) => slot.startsWith('layers.1.')))
})

test('progress counts matrices, and a signal stops it', async (t) => {
  const checkpoint = await Checkpoint.open(await makeCheckpoint())
  const seen: Progress[] = []
  const found = await inspectWeights(checkpoint, { onProgress: (progress) => seen.push(progress) })
  // Short work may end before anything is told.
  for (const { stage, done, total, unit } of seen) {
    t.like({ stage, total, unit }, { stage: 'inspect', total: found.length, unit: 'matrices' })
    t.true(done <= total)
  }
  const reason = new Error('enough')
  await t.throwsAsync(() => inspectWeights(checkpoint, { signal: AbortSignal.abort(reason) }), { is: reason })
})

test('misuse is refused by name', async (t) => {
  const checkpoint = await Checkpoint.open(await makeCheckpoint())
  await t.throwsAsync(() => inspectWeights(checkpoint, { sginal: 1 } as never), {
    instanceOf: TypeError,
    message: /Unknown key `sginal`.*`signal`/,
  })
  await t.throwsAsync(() => inspectWeights(checkpoint, { onProgress: 1 } as never), {
    instanceOf: TypeError,
    message: /Expected `onProgress` to be a function, got 1/,
  })
})
