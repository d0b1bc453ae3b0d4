import { rmSync, statSync, truncateSync } from 'node:fs'
import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'ava'
import { Checkpoint, Encoder, type EncoderOptions } from 'twofour'
import { equalExactly } from './equal.js'
import { longLength, longRun, manyLayers } from './long-run.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { onDevice } from './test-device.js'

const small = makeCheckpoint({ head: 'ForSequenceClassification', seed: 6 })
const large = manyLayers()
const short = [[5, 9, 13], [7]]

async function load(path: Promise<string>, options: EncoderOptions = {}): Promise<Encoder> {
  return Encoder.load(await path, { ...onDevice, ...options })
}

/** Settles a promise into what became of it. */
async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'resolved',
    (error) => error,
  )
}

const disposed = { name: 'TwofourError', code: 'ENCODER_DISPOSED' }

test.serial('runs that were started at once each get their own numbers', async (t) => {
  const encoder = await load(small)
  const batches = Array.from({ length: 50 }, (_, i) => [[i, (i * 7) % 64], [i]])
  const together = await Promise.all(batches.map((batch) => encoder.run(batch)))
  for (const [i, batch] of batches.entries())
    equalExactly(t, together[i]!.logits, (await encoder.run(batch)).logits!, `run ${i}`)
})

test.serial('the event loop turns while runs are computed', async (t) => {
  const encoder = await load(large)
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  histogram.enable()
  let ticks = 0
  const timer = setInterval(() => ticks++, 1)
  await Promise.all(Array.from({ length: 16 }, () => encoder.run(longRun(4))))
  clearInterval(timer)
  histogram.disable()
  t.true(ticks > 5, `${ticks} ticks`)
  t.log(`${ticks} ticks, longest delay ${(histogram.max / 1e6).toFixed(0)} ms`)
})

test.serial('one run more than maxQueue is refused by name; the others are not disturbed', async (t) => {
  const encoder = await load(large, { maxQueue: 3 })
  const waiting = [encoder.run(longRun(10)), encoder.run(short), encoder.run(short)]
  await t.throwsAsync(() => encoder.run(short), {
    name: 'TwofourError',
    code: 'QUEUE_FULL',
    message: /3 runs.*maxQueue/,
  })
  const [, second, third] = await Promise.all(waiting)
  equalExactly(t, second!.lastHiddenState, third!.lastHiddenState!, 'the last two')
  await t.notThrowsAsync(() => encoder.run(short))
})

test.serial('an aborted signal rejects a run before it starts, with its reason', async (t) => {
  const encoder = await load(small)
  const reason = new Error('no longer wanted')
  t.is(await t.throwsAsync(() => encoder.run(short, { signal: AbortSignal.abort(reason) })), reason)
  t.is(await outcome(load(small, { signal: AbortSignal.abort(reason) })), reason)
})

test.serial('a queued run is rejected as soon as its signal fires', async (t) => {
  const encoder = await load(large)
  const controller = new AbortController()
  const order: string[] = []
  const first = encoder.run(longRun()).then(() => order.push('first'))
  const queued = encoder.run(longRun(), { signal: controller.signal })
  const last = encoder.run(short)
  const reason = { not: 'even an error' }
  setImmediate(() => controller.abort(reason))
  t.is(await outcome(queued.finally(() => order.push('queued'))), reason)
  await first
  t.deepEqual(order, ['queued', 'first'])
  equalExactly(t, (await last).lastHiddenState, (await encoder.run(short)).lastHiddenState!, 'the last')
})

test.serial('a run that is being computed is rejected when its signal fires', async (t) => {
  const encoder = await load(large)
  const controller = new AbortController()
  const running = encoder.run(longRun(400), { signal: controller.signal })
  const next = encoder.run(short)
  await delay(20)
  const reason = new Error('stop')
  controller.abort(reason)
  t.is(await outcome(running), reason)
  equalExactly(t, (await next).lastHiddenState, (await encoder.run(short)).lastHiddenState!, 'the next')
})

test.serial('a signal that fires after its run has ended changes nothing', async (t) => {
  const encoder = await load(small)
  const controller = new AbortController()
  const { logits } = await encoder.run(short, { signal: controller.signal })
  controller.abort()
  equalExactly(t, (await encoder.run(short)).logits, logits!, 'logits')
})

test.serial('one signal rejects every run that has it, and a timeout is a signal', async (t) => {
  const encoder = await load(large)
  const warnings: string[] = []
  const listen = ({ name }: Error) => warnings.push(name)
  process.on('warning', listen)
  const signal = AbortSignal.timeout(10)
  const runs = Array.from({ length: 30 }, () => outcome(encoder.run(longRun(50), { signal })))
  t.deepEqual(new Set(await Promise.all(runs)), new Set([signal.reason]))
  t.is(signal.reason.name, 'TimeoutError')
  await delay(1)
  process.off('warning', listen)
  t.deepEqual(warnings, [])
})

test.serial('an error in one run leaves the others alone', async (t) => {
  const encoder = await load(small)
  const { logits } = await encoder.run(short)
  const controller = new AbortController()
  const outcomes = [
    encoder.run(short),
    encoder.run([[99]]),
    encoder.run(short, { signal: controller.signal }),
    encoder.run(short, { outputs: ['hiddenStates'], logitRows: [0] }),
    encoder.run(short),
  ].map((run) => run.catch((error: Error) => error.name))
  controller.abort()
  const [first, ...rest] = await Promise.all(outcomes)
  const last = rest.pop()!
  t.deepEqual(rest, ['RangeError', 'AbortError', 'TypeError'])
  for (const outputs of [first!, last])
    equalExactly(t, typeof outputs === 'string' ? [] : outputs.logits, logits!, 'logits')
})

test.serial('a load is aborted while it reads, with the reason', async (t) => {
  const controller = new AbortController()
  const reason = new Error('enough')
  const onProgress = () => controller.abort(reason)
  t.is(await outcome(load(large, { signal: controller.signal, onProgress })), reason)
})

test.serial('after dispose everything is refused by name', async (t) => {
  const encoder = await load(small)
  encoder.dispose()
  encoder.dispose()
  await t.throwsAsync(() => encoder.run(short), disposed)
  await t.throwsAsync(() => encoder.run([]), disposed)
  await t.throwsAsync(() => encoder.embed([]), disposed)
  await t.throwsAsync(() => encoder.classify([]), disposed)
  await t.throwsAsync(() => encoder.fillMask([]), disposed)
  t.throws(() => encoder.explain(), disposed)
  t.throws(() => encoder.memory(), disposed)
  t.is(encoder.spec.hidden, 32)
})

test.serial('runs in flight at dispose end as if nothing had happened', async (t) => {
  const encoder = await load(large)
  const { lastHiddenState } = await encoder.run(short)
  const runs = [encoder.run(longRun(20)), encoder.run(short), encoder.run(short)]
  encoder.dispose()
  await t.throwsAsync(() => encoder.run(short), disposed)
  const [long, ...others] = await Promise.all(runs)
  t.is(long!.dims.lastHiddenState![0], 20 * longLength)
  for (const outputs of others) equalExactly(t, outputs.lastHiddenState, lastHiddenState!, 'in flight')
})

test.serial('asyncDispose disposes', async (t) => {
  const encoder = await load(small)
  const run = encoder.run(short)
  await encoder[Symbol.asyncDispose]()
  await encoder[Symbol.asyncDispose]()
  await t.throwsAsync(() => encoder.run(short), disposed)
  t.is((await run).dims.logits![0], 2)
})

test.serial('a file that changes between open and load is refused by name', async (t) => {
  const changes: [code: string, change: (file: string) => void | Promise<void>][] = [
    ['FILE_CHANGED', (file) => truncateSync(file, statSync(file).size - 4)],
    ['FILE_CHANGED', (file) => truncateSync(file, 0)],
    ['FILE_CHANGED', (file) => appendFile(file, 'more')],
    ['FILE_NOT_FOUND', (file) => rmSync(file)],
    ['FILE_CHANGED', (file) => writeFile(file, new Uint8Array(statSync(file).size))],
    [
      'FILE_UNREADABLE',
      async (file) => {
        await rm(file)
        await mkdir(file)
      },
    ],
  ]
  for (const [code, change] of changes) {
    const directory = await makeCheckpoint({ seed: 7 })
    const file = join(directory, 'model.safetensors')
    const checkpoint = await Checkpoint.open(directory)
    await change(file)
    const error = await t.throwsAsync(() => Encoder.load(checkpoint, onDevice), {
      name: 'TwofourError',
      code,
    })
    t.true(error!.message.includes(file))
  }
})
