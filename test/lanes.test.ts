/**
 * Each device of an environment has a queue and a thread of its own, and encoders on one device share what is open of
 * it: on the emulated plugin, in processes of their own. `abort=1` ends a process that breaks a rule of CUDA.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import anyTest, { type ExecutionContext } from 'ava'
import { runChild, twofourUrl } from './child.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'

const built = join(import.meta.dirname, '..', 'build', 'Release', 'libtwofour_cuda_emulated.so')
/** Skipped, and counted so, where the emulated plugin was not built. */
const test = existsSync(built) ? anyTest.serial : anyTest.serial.skip

const small = makeCheckpoint({ hidden: 64, heads: 2, inner: 128, layers: 2, pooler: false, seed: 91 })
const other = makeCheckpoint({ hidden: 96, heads: 3, inner: 160, layers: 3, pooler: false, seed: 92 })

/** `long` is many passes: it takes half a minute anywhere, and a cancelled one ends with its pass. */
const prelude = `
  import { Worker } from 'node:worker_threads'
  const [directory, another] = process.argv.slice(1)
  const load = (device, options = {}, path = directory) =>
    Encoder.load(path, { device, dtype: 'float32', sparsity: 'off', maxTokens: 32, ...options })
  const batch = (seed = 0) => Array.from({ length: 3 }, (_, text) =>
    Array.from({ length: 5 + text }, (_, i) => (seed + 7 * i + 3 * text) % 60))
  const long = Array.from({ length: 200_000 }, (_, i) => new Int32Array(32).fill(i % 60))
  const ask = async (encoder, seed) =>
    (await encoder.run(batch(seed), { outputs: ['lastHiddenState'] })).lastHiddenState
  const equal = (a, b) => Buffer.compare(Buffer.from(a.buffer), Buffer.from(b.buffer)) === 0
  const failure = (promise) => promise.then(() => 'none', ({ code, message }) => code + ' ' + message)
  const tell = (value) => process.stdout.write(JSON.stringify(value))
`

async function emulated(t: ExecutionContext, settings: string, body: string): Promise<unknown> {
  const environment = {
    TWOFOUR_CUDA_PLUGIN: built,
    TWOFOUR_EMULATION: settings,
    XDG_CACHE_HOME: temporaryDirectory('cache'),
  }
  const { code, signal, stdout, stderr } = await runChild(
    prelude + body,
    [await small, await other],
    [],
    environment,
  )
  t.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' })
  return JSON.parse(stdout)
}

for (const [busy, free] of [
  ['cpu', 'cuda:0'],
  ['cuda:0', 'cpu'],
  ['cuda:0', 'cuda:1'],
] as const) {
  test(`while ${busy} computes, ${free} does not wait, and a cancel there leaves it alone`, async (t) => {
    const body = `
      const [one, two] = [await load('${busy}'), await load('${free}')]
      const expected = await ask(two)
      const ends = []
      const controller = new AbortController()
      const running = one.run(long, { signal: controller.signal, outputs: [] }).catch((reason) => ends.push(reason))
      for (let i = 0; i < 3; i++) ends.push(equal(await ask(two), expected))
      const cancelled = new AbortController()
      const waiting = two.run(batch(), { signal: cancelled.signal }).catch((reason) => ends.push(reason))
      cancelled.abort('stop')
      await waiting
      const third = await load('${free}')
      ends.push(equal(await ask(third), expected))
      third.dispose()
      controller.abort('stop the long one')
      await running
      tell(ends)`
    const ends = await emulated(t, 'devices=2,abort=1', body)
    t.deepEqual(ends, [true, true, true, 'stop', true, 'stop the long one'])
  })
}

test('what is started on one device ends in that order, and runs of one encoder that wait are merged', async (t) => {
  const body = `
    const devices = ['cpu', 'cuda:0']
    const encoders = await Promise.all(devices.flatMap((device) => [load(device), load(device, {}, another)]))
    const batches = encoders.map((encoder) => {
      const seen = []
      const submit = encoder.submit.bind(encoder)
      encoder.submit = async (...args) => {
        const result = await submit(...args)
        seen.push(result.batch)
        return result
      }
      return seen
    })
    const ends = [[], []]
    const run = (which, name, batch) =>
      encoders[which].run(batch, { outputs: [] }).then(() => ends[which >> 1].push(name))
    const running = []
    for (const lane of [0, 2]) {
      running.push(run(lane, 'first', long.slice(0, 60)), run(lane + 1, 'second', long.slice(0, 2)))
      for (const word of [1, 2, 3, 4]) running.push(run(lane, 'merged ' + word, [[word]]))
      running.push(run(lane + 1, 'last', [[1]]))
    }
    await Promise.all(running)
    tell([ends, batches.map((seen) => new Set(seen).size)])`
  const order = ['first', 'second', 'merged 1', 'merged 2', 'merged 3', 'merged 4', 'last']
  const [ends, batches] = (await emulated(t, 'abort=1', body)) as [string[][], number[]]
  // Those that are merged may overtake others of their lane, never one another.
  for (const lane of ends) {
    t.deepEqual([...lane].sort(), [...order].sort())
    t.is(lane[0], 'first')
    t.deepEqual(
      lane.filter((name) => name.startsWith('merged')),
      order.filter((name) => name.startsWith('merged')),
    )
    t.true(lane.indexOf('second') < lane.indexOf('last'))
  }
  t.deepEqual([batches[0], batches[2]], [2, 2])
})

test('encoders on one device have one context, those on another device their own', async (t) => {
  const body = `
    const first = await load('cuda:0')
    const second = await load('cuda:0', {}, another)
    const elsewhere = await failure(load('cuda:1'))
    const [mine, yours] = [await ask(first), await ask(second)]
    first.dispose()
    const third = await load('cuda:0')
    second.dispose()
    tell([elsewhere, equal(await ask(third), mine), mine.length !== yours.length])`
  // Of 45 MiB a workspace is 32.
  const settings = 'devices=2,memory=45,abort=1,fail=cublasLtCreate:2:1'
  const [elsewhere, same, different] = (await emulated(t, settings, body)) as [string, boolean, boolean]
  t.regex(elsewhere, /^CUDA_LIBRARY_FAILED .*opening cuBLASLt/)
  t.true(same)
  t.true(different)
})

const sharing = `
  const [first, second] = [await load('cuda:0'), await load('cuda:0', {}, another)]
  const encoders = [first, second]
  const expected = []
  for (const encoder of encoders) for (let seed = 0; seed < 4; seed++) expected.push(await ask(encoder, seed))`

test('recorded passes of two encoders take turns with equal numbers, and outlive loads and disposes', async (t) => {
  const body = `${sharing}
    const right = []
    const check = async (which) => {
      for (let seed = 0; seed < 4; seed++)
        right.push(equal(await ask(encoders[which], seed), expected[which * 4 + seed]))
    }
    for (const which of [0, 1, 0, 1]) await check(which)
    const { length } = right
    // A recorded pass goes on writing where it wrote: what is loaded meanwhile must not lie there.
    for (let i = 0; i < 4; i++) {
      const third = await load('cuda:0', {}, i < 2 ? directory : another)
      const before = await ask(third, 1)
      await check(1)
      right.push(equal(await ask(third, 1), before))
      if (i === 1) first.dispose()
      third.dispose()
    }
    tell([length, right.length, right.every(Boolean)])`
  t.deepEqual(await emulated(t, 'abort=1', body), [16, 36, true])
})

test('a load or dispose of one encoder does not void what another has recorded', async (t) => {
  // Four runs are one as it is, one that records, and three launches.
  const body = `${sharing}
    const { Checkpoint, prune } = await import(${JSON.stringify(twofourUrl)})
    const checkpoint = await Checkpoint.open(directory)
    const pruned = await (await prune(checkpoint, { steps: [{ pattern: '2:4' }] })).apply(checkpoint)
    const third = await load('cuda:0', { dtype: 'bfloat16', sparsity: 'auto', tuning: { budget: 1 } }, pruned)
    first.dispose()
    third.dispose()
    tell(await failure(ask(second, 0)))`
  t.regex(
    (await emulated(t, 'sparse_gain=150,fail=cudaGraphLaunch:7:999', body)) as string,
    /^(DEVICE_FAILED|CUDA_DEVICE_LOST) While repeating a pass/,
  )
})

test('an encoder may be disposed while another on its device computes', async (t) => {
  const body = `${sharing}
    const right = []
    for (let i = 0; i < 30; i++) {
      const third = await load('cuda:0', {}, i % 2 ? directory : another)
      const running = ask(second, i % 4)
      void ask(third, 0)
      third.dispose()
      right.push(equal(await running, expected[4 + i % 4]))
    }
    tell(right.every(Boolean))`
  t.true(await emulated(t, 'abort=1', body))
})

test('a worker may be terminated, and a process end, with work in flight on every device', async (t) => {
  const body = `
    const source = \`
      const { parentPort, workerData } = require('node:worker_threads')
      import(workerData.url).then(async ({ Encoder }) => {
        const run = async (device) => {
          for (let i = 0; ; i++) {
            const encoder = await Encoder.load(workerData.directory, { device, onProgress() {} })
            const runs = [1, 2, 3].map((word) => encoder.run(Array.from({ length: 30 }, () => [word])))
            encoder.dispose()
            await Promise.all(runs)
            if (i === 0) parentPort.postMessage(device)
          }
        }
        await Promise.all(['cpu', 'cuda:0', 'cuda:1'].map(run))
      })\`
    const workerData = { directory, url: ${JSON.stringify(twofourUrl)} }
    const workers = [1, 2].map(() => new Worker(source, { eval: true, workerData, execArgv: [] }))
    await Promise.all(workers.map((worker) => new Promise((resolve) => {
      let messages = 0
      worker.on('message', () => ++messages === 3 && resolve())
    })))
    const codes = await Promise.all(workers.map((worker) => worker.terminate()))
    const encoders = await Promise.all(['cpu', 'cuda:0', 'cuda:1'].map((device) => load(device)))
    for (const encoder of encoders) encoder.run(long)
    tell(codes)
    setTimeout(() => process.exit(0), 20)`
  t.deepEqual(await emulated(t, 'devices=2,abort=1', body), [1, 1])
})
