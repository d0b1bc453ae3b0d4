import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import { Encoder } from 'twofour'
import { type ChildEnd, runChild, twofourUrl } from './child.js'
import { equalExactly } from './equal.js'
import { longLength, longRun, manyLayers } from './long-run.js'
import { onDevice } from './test-device.js'

const model = manyLayers()
/** For programs that are given as text. */
const options = JSON.stringify(onDevice)
const demo = join(import.meta.dirname, '..', 'models', 'demo', 'model')

/** Gets the model's directory and sequences as `workerData`, and posts what `body` returns. */
function startWorker(body: string, workerData: unknown): Worker {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(${JSON.stringify(twofourUrl)}).then(async ({ Encoder }) => { ${body} })`
  return new Worker(source, { eval: true, workerData, execArgv: [] })
}

function firstMessage(worker: Worker): Promise<Float32Array> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

test.serial('worker threads load and run encoders at once, with equal results', async (t) => {
  const sequences = longRun(6)
  const encoder = await Encoder.load(await model, onDevice)
  const body = `
    const encoder = await Encoder.load(workerData.directory, ${options})
    const runs = await Promise.all([1, 2, 3].map(() => encoder.run(workerData.sequences)))
    const { lastHiddenState } = runs[2]
    parentPort.postMessage(lastHiddenState, [lastHiddenState.buffer])`
  const workers = [1, 2, 3, 4].map(() =>
    startWorker(body, { directory: encoder.checkpoint.directory, sequences }),
  )
  const [reference, ...results] = await Promise.all([encoder.run(sequences), ...workers.map(firstMessage)])
  await Promise.all(workers.map((worker) => worker.terminate()))
  for (const [i, result] of results.entries())
    equalExactly(t, result, reference.lastHiddenState!, `worker ${i}, after it has ended`)
})

test.serial('a worker may be terminated with loads and runs in flight', async (t) => {
  const directory = await model
  const encoder = await Encoder.load(directory, onDevice)
  const body = `
    parentPort.postMessage(new Float32Array(1))
    const onProgress = () => {}
    for (;;) {
      const encoder = await Encoder.load(workerData.directory, { ...${options}, onProgress })
      const runs = Array.from({ length: 20 }, () => encoder.run(workerData.sequences))
      encoder.dispose()
      await Promise.all(runs)
    }`
  for (let wait = 0; wait < 90; wait += 15) {
    const workers = [1, 2].map(() => startWorker(body, { directory, sequences: longRun(1) }))
    await Promise.all(workers.map(firstMessage))
    await delay(wait)
    t.deepEqual(await Promise.all(workers.map((worker) => worker.terminate())), [1, 1])
  }
  t.is((await encoder.run([[1]])).dims.lastHiddenState![0], 1)
})

function checkEnd(t: ExecutionContext, end: ChildEnd, stdout: string, code = 0): void {
  t.deepEqual({ ...end, stderr: code === 0 ? end.stderr : '' }, { code, signal: null, stdout, stderr: '' })
}

const started = `
  const [directory, wait] = process.argv.slice(1)
  const encoder = await Encoder.load(directory, ${options})
  const long = Array.from({ length: 10 }, (_, i) => new Int32Array(${longLength}).fill(i))
  const runs = Array.from({ length: 5 }, () => encoder.run(long))
  await new Promise((resolve) => setTimeout(resolve, Number(wait)))
  `

const exits: [how: string, source: string, stdout: string, code?: number][] = [
  ['process.exit()', `${started} process.exit(0)`, ''],
  [
    'process.exit() while it loads',
    `const [directory, wait] = process.argv.slice(1)
     for (let i = 0; i < 5; i++) Encoder.load(directory, { ...${options}, onProgress() {} })
     setTimeout(() => process.exit(0), Number(wait) + 20)`,
    '',
  ],
  [
    'process.exit() from onProgress',
    `await Encoder.load(process.argv[1], { ...${options}, onProgress() { process.exit(0) } })`,
    '',
  ],
  ['an uncaught error', `${started} throw new Error('mine')`, '', 1],
  [
    'nothing more to do, once its runs have ended',
    `${started} for (const run of runs) run.then(() => process.stdout.write('.'))`,
    '.....',
  ],
  [
    'process.exit() while workers run',
    `import { Worker } from 'node:worker_threads'
     const [directory, wait] = process.argv.slice(1)
     const body = \`const { workerData, parentPort } = require('node:worker_threads')
       import(workerData.url).then(async ({ Encoder }) => {
         const encoder = await Encoder.load(workerData.directory, ${options})
         for (let i = 0; i < 9; i++) encoder.run([new Int32Array(${longLength})])
         parentPort.postMessage(1)
       })\`
     const workerData = { directory, url: ${JSON.stringify(twofourUrl)} }
     const workers = [1, 2].map(() => new Worker(body, { eval: true, workerData, execArgv: [] }))
     await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))))
     setTimeout(() => process.exit(0), Number(wait))`,
    '',
  ],
]

for (const [how, source, stdout, code] of exits) {
  test.serial(`a process with work in flight ends cleanly by ${how}`, async (t) => {
    const directory = await model
    for (const wait of ['0', '25']) checkEnd(t, await runChild(source, [directory, wait]), stdout, code)
  })
}

const fewThreads = `
  import { execFileSync } from 'node:child_process'
  import { readFileSync } from 'node:fs'
  const kilobytes = Number(/VmSize:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1])
  execFileSync('prlimit', ['--pid', String(process.pid), '--as=' + (kilobytes * 1024 + 2 ** 30)])
  const load = (threads) => Encoder.load(process.argv[1], { device: 'cpu', threads })
  const error = await load(1024).catch((error) => error)
  const { dims } = await (await load(2)).run([[1]])
  process.stdout.write(error.code + ' ' + dims.lastHiddenState)`

test.serial('a number of threads that the system refuses is an error, not a crash', async (t) => {
  checkEnd(t, await runChild(fewThreads, [await model]), 'OUT_OF_MEMORY 1,32')
})

const growth = (dispose: boolean) => `
  const rss = async () => {
    for (let i = 0; i < 3; i++) {
      globalThis.gc()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    return process.memoryUsage.rss()
  }
  const loads = async (count) => {
    for (let i = 0; i < count; i++) {
      const encoder = await Encoder.load(process.argv[1], ${options})
      await encoder.run([[1, 2, 3]])
      if (${dispose}) encoder.dispose()
      else if (i % 5 === 4) await rss()
    }
  }
  await loads(10)
  const before = await rss()
  await loads(${dispose ? 50 : 15})
  process.stdout.write(String((await rss()) - before))`

// One encoder is 28 MiB: a leak would be far above the bound.
const bound = 100 * 2 ** 20

for (const [what, dispose] of [
  ['fifty loads and disposes', true],
  ['encoders that are dropped without dispose', false],
] as const) {
  test.serial(`${what} do not grow the process without bound`, async (t) => {
    const { code, stdout } = await runChild(growth(dispose), [demo], ['--expose-gc'])
    t.is(code, 0)
    t.true(Number(stdout) < bound, `grown by ${stdout} bytes`)
    t.log(`${(Number(stdout) / 2 ** 20).toFixed(1)} MiB`)
  })
}
