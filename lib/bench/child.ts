/** The process of one subject: does what `SubjectProcess` asks, one request after another. */
import { type Answer, type Answers, plainError, type Request } from './messages.js'
import { peakMemory, resetPeakMemory } from './peak-memory.js'
import { sampleSeconds } from './sample.js'
import type { OpenRunner, Runner, Work } from './subject.js'

let runner: Runner | undefined
let works: readonly Work[] = []

// A terminal sends Ctrl-C to every process that it started: the parent decides, and its end is this one's too.
process.on('SIGINT', () => {})
process.on('disconnect', () => process.exit())
process.on('message', (request: Request) => {
  answer(request).then(
    (value) => send({ value }),
    (error: unknown) => send({ error: plainError(error) }),
  )
})

function send(message: Answer): void {
  process.send!(message, () => {})
}

function answer(request: Request): Promise<Answers[Request['kind']]> {
  switch (request.kind) {
    case 'open':
      return open(request.module, request.settings)
    case 'tokenise':
      return tokenise(request.texts)
    case 'work':
      return take(request.works)
    case 'output':
      return output(works[request.work]!)
    case 'sample':
      return sample(works[request.work]!, request.seconds)
  }
}

async function open(module: string, settings: unknown): Promise<Answers['open']> {
  const { open: openRunner } = (await import(module)) as { open: OpenRunner<unknown> }
  resetPeakMemory()
  const restBytes = process.memoryUsage.rss()
  runner = await openRunner(settings, (progress) => send({ progress }))
  return { ...runner.facts, restBytes, peakBytes: peakMemory() }
}

async function tokenise(texts: readonly string[]): Promise<number[][]> {
  if (runner!.tokenise === undefined) throw new TypeError('This subject has no tokenizer.')
  return runner!.tokenise(texts)
}

async function take(taken: readonly Work[]): Promise<Answers['work']> {
  works = taken
  return works.map(({ batches }) => {
    // Of unequal batches the largest.
    const sizes = batches.map((batch) => batch.reduce((sum, sequence) => sum + sequence.length, 0))
    return runner!.ran?.(Math.max(...sizes)) ?? []
  })
}

async function output({ batches }: Work): Promise<Float32Array> {
  const parts: Float32Array[] = []
  for (const batch of batches) parts.push(await runner!.output(batch))
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

async function sample({ batches }: Work, seconds: number): Promise<number> {
  const pass = async () => {
    for (const batch of batches) await runner!.pass(batch)
  }
  return sampleSeconds(pass, seconds)
}
