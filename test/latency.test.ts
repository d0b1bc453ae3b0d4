import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { Checkpoint, type LatencyTable, measureLatency, prune, timeCheckpoints } from 'twofour'
import { json } from './command-line.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'

const options = { length: 8, batch: 2, device: 'cpu', threads: 1 } as const

/** Under a cache of its own: the tests that set it run serially. */
async function withCache<T>(body: (file: string) => Promise<T>): Promise<T> {
  const before = process.env.XDG_CACHE_HOME
  const cache = temporaryDirectory()
  process.env.XDG_CACHE_HOME = cache
  try {
    return await body(join(cache, 'twofour', 'latency.json'))
  } finally {
    if (before === undefined) delete process.env.XDG_CACHE_HOME
    else process.env.XDG_CACHE_HOME = before
  }
}

function checkTimes(t: { true(value: boolean): void }, { heads, neurons, matrices }: LatencyTable) {
  for (const times of [heads, neurons]) {
    t.true(times[0]!.count === 0 && times[0]!.milliseconds === 0)
    for (const [at, { count, milliseconds }] of times.slice(1).entries())
      t.true(count > times[at]!.count && milliseconds >= times[at]!.milliseconds)
  }
  for (const { dense, sparse } of Object.values(matrices.times))
    t.true(dense > 0 && sparse > 0 && sparse <= dense)
}

test.serial('times of heads and neurons rise, add up to the model, and are kept', async (t) => {
  const base = await Checkpoint.open(await makeCheckpoint({ hidden: 64, inner: 128 }))
  await withCache(async (file) => {
    const table = await measureLatency(base, options)
    const { batch, length, dtype, threads, fixed, dense, heads, neurons } = table
    t.deepEqual({ batch, length, dtype, threads }, { batch: 2, length: 8, dtype: 'float32', threads: 1 })
    checkTimes(t, table)
    t.is(heads.at(-1)!.count, 4)
    t.deepEqual(
      neurons.map(({ count }) => count),
      [0, 16, 32, 48, 64, 80, 96, 112, 128],
    )
    const layers = 2 * (heads.at(-1)!.milliseconds + neurons.at(-1)!.milliseconds)
    t.true(dense <= fixed || Math.abs(fixed + layers - dense) < 1e-9 * dense)

    const again = await measureLatency(base, options)
    const kept = JSON.parse(await readFile(file, 'utf8')) as Record<string, LatencyTable>
    const [times] = Object.values(kept)
    const { matrices } = again
    const ratio = matrices.times.ffnIn.dense / times!.matrices.times.ffnIn.dense
    t.true(Math.abs(matrices.times.ffnOut.dense / times!.matrices.times.ffnOut.dense / ratio - 1) < 1e-9)
    await measureLatency(base, { ...options, length: 9 })
    t.is(Object.keys(JSON.parse(await readFile(file, 'utf8')) as object).length, 2)
    await writeFile(file, '[1')
    checkTimes(t, await measureLatency(base, options))
  })
})

test.serial('a measured table is a budget, and what is left is measured', async (t) => {
  const base = await Checkpoint.open(await makeCheckpoint({ hidden: 64, inner: 128 }))
  await withCache(async () => {
    const latency = await measureLatency(base, options)
    const ids = join(temporaryDirectory(), 'ids.json')
    await writeFile(ids, JSON.stringify(Array.from({ length: 12 }, (_, at) => [2, 3 + at, 40 - at, 5, 6, 7])))
    const out = join(temporaryDirectory(), 'out')
    const words = [
      '--pattern',
      'structure',
      '--calibration',
      ids,
      '--target-latency',
      '1e6',
      '--threads',
      '1',
    ]
    type Result = {
      steps: LatencySteps
      latency: { batch: number; length: number; before: number; after: number }
    }
    type LatencySteps = { budget: { after: number; limit: number } }[]
    const result = await json<Result>(['prune', base.directory, '--out', out, ...words, '--device', 'cpu'])
    t.is(result.latency.length, 6)
    t.is(result.latency.batch, 1)
    t.true(result.latency.before > 0 && result.latency.after > 0)
    t.true(result.steps[0]!.budget.after <= result.steps[0]!.budget.limit)
    t.is(latency.batch, 2)
  })
})

test.serial('checkpoints are timed one beside the other', async (t) => {
  const base = await Checkpoint.open(await makeCheckpoint({ head: 'ForSequenceClassification' }))
  const fewer = await (await prune(base, { steps: [{ pattern: 'layers', list: [0] }] })).apply(base)
  const times = await timeCheckpoints([base, fewer], options)
  t.is(times.length, 2)
  t.true(times.every((time) => Number.isFinite(time) && time > 0))
})

test.serial('measuring refuses misuse by name, and stops with its reason', async (t) => {
  const base = await Checkpoint.open(await makeCheckpoint())
  const refused = async (more: object, message: RegExp) =>
    t.throwsAsync(measureLatency(base, { ...options, ...more }), { message })
  await refused({ length: 41 }, /`length` to be a whole number from 1 to 40, got 41/)
  await refused({ length: undefined }, /`length` to be a whole number/)
  await refused({ batch: 0 }, /`batch` to be a whole number from 1/)
  await refused({ pattern: '3:4' }, /`pattern` to be one of '1:2'/)
  await refused({ lenght: 3 }, /Unknown key `lenght` in `options`\. Did you mean `length`/)
  await refused({ device: 'tpu' }, /`device`/)
  await refused({ signal: AbortSignal.abort(new Error('enough')) }, /enough/)
  await t.throwsAsync(timeCheckpoints([], options), { message: /`checkpoints` to be a list/ })
})
