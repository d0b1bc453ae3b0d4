import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Judged, Outcome, Request } from './judged-child.js'

/**
 * Compares verdicts and ids of tokenizer.json mutants, which `mutants.py` made and judged, with the product's, or with
 * those of the npm package `tokenizers` alone:
 *
 *     python test/differential/mutants.py --seed 1 --count 3000 --out DIR --real tokenizer.json
 *     npx tsx test/differential/mutants.ts --mutants DIR [--by product|package] [--all]
 *
 * Every mutant is judged in a child process, so that an abort ends that child alone and is attributed.
 */

type Expected = {
  id: number
  source: string
  class: string
  json: string
  verdict: string
  message?: string
  asFiled?: Outcome[]
  plain?: Outcome[]
}
type Difference = { kind: string; expected: Expected; detail: string }

class Judges {
  readonly #who: string
  #child: Promise<ChildProcess> | undefined

  constructor(who: string) {
    this.#who = who
  }

  /** The child's verdict, or `abort` or `hang` where it gave none; then the next mutant gets a new child. */
  async judge(request: Request): Promise<Judged> {
    this.#child ??= this.#start()
    const child = await this.#child
    const judged = await new Promise<Judged>((resolve) => {
      const timer = setTimeout(() => finish({ verdict: 'hang' }), 20_000)
      const onMessage = (message: Judged): void => finish(message)
      const onExit = (code: number | null, signal: string | null): void =>
        finish({ verdict: 'abort', message: `exit ${code ?? signal}` })
      const finish = (result: Judged): void => {
        clearTimeout(timer)
        child.off('message', onMessage).off('exit', onExit)
        resolve(result)
      }
      child.on('message', onMessage).on('exit', onExit)
      child.send(request)
    })
    if (judged.verdict === 'abort' || judged.verdict === 'hang') {
      child.kill('SIGKILL')
      this.#child = undefined
    }
    return judged
  }

  async end(): Promise<void> {
    const child = await this.#child
    child?.disconnect()
  }

  async #start(): Promise<ChildProcess> {
    const child = fork(join(import.meta.dirname, 'judged-child.ts'), [this.#who], {
      execArgv: ['--import=tsx'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    await new Promise((resolve, reject) => {
      child.once('message', resolve)
      child.once('exit', () => reject(new Error('the judging process did not start')))
    })
    return child
  }
}

/** The first thing that differs. A panic or an abort of the reference counts as a refusal. */
function compare(
  expected: Expected,
  judged: Judged,
  outcomes: readonly Outcome[] | undefined,
): Difference | undefined {
  const differs = (kind: string, detail: string): Difference => ({ kind, expected, detail })
  if (judged.verdict === 'abort' || judged.verdict === 'hang' || judged.verdict === 'fault') {
    return differs(judged.verdict, judged.message ?? '')
  }
  const accepted = expected.verdict === 'accept'
  if (accepted !== (judged.verdict === 'accept')) {
    return differs(
      accepted ? 'refused, expected ids' : 'accepted, expected a refusal',
      judged.message ?? expected.message ?? '',
    )
  }
  for (const [index, want] of (outcomes ?? []).entries()) {
    const got = judged.outcomes![index]!
    const text = `text ${index}`
    if ('refused' in got && got.refused === 'fault')
      return differs('fault in encode', `${text}: ${got.message}`)
    if ('refused' in want !== 'refused' in got) {
      const kind = 'refused' in got ? 'encode refused, expected ids' : 'encode gave ids, expected a refusal'
      return differs(
        kind,
        `${text}: ${'refused' in got ? got.message : (want as { message: string }).message}`,
      )
    }
    if ('ids' in want && 'ids' in got) {
      if (want.ids.join() !== got.ids.join()) return differs('ids', `${text}: ${want.ids} but got ${got.ids}`)
      if (want.types.join() !== got.types.join())
        return differs('types', `${text}: ${want.types} but got ${got.types}`)
    }
  }
  return undefined
}

const { values } = parseArgs({
  options: {
    mutants: { type: 'string' },
    by: { type: 'string', default: 'product' },
    all: { type: 'boolean' },
  },
})
const directory = values.mutants ?? '.'
const texts = JSON.parse(readFileSync(join(directory, 'texts.json'), 'utf8')) as string[][]
const mutants = readFileSync(join(directory, 'mutants.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Expected)

const judges = new Judges(values.by)
const found: Difference[] = []
for (const mutant of mutants) {
  const judged = await judges.judge({ index: mutant.id, json: mutant.json, texts })
  // The product truncates to the model's own limit and never pads, whatever the file says.
  const difference = compare(mutant, judged, values.by === 'product' ? mutant.plain : mutant.asFiled)
  if (difference !== undefined) found.push(difference)
}
await judges.end()

const groups = new Map<string, Difference[]>()
for (const difference of found) {
  const { kind, expected } = difference
  const name = `${kind} (class ${expected.class}, reference: ${expected.verdict})`
  groups.set(name, [...(groups.get(name) ?? []), difference])
}
for (const [group, list] of [...groups].sort()) {
  console.log(`${group}: ${list.length}`)
  for (const { expected, detail } of values.all ? list : list.slice(0, 3)) {
    console.log(`    ${expected.id} ${expected.source}: ${detail.slice(0, 300)}`)
  }
}
console.log(`${mutants.length - found.length} alike, ${found.length} different`)
process.exitCode = found.length === 0 ? 0 : 1
