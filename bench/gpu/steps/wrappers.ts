import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Tally } from '../compare.js'
import type { Row, StepSettings } from '../results.js'
import { compareWords, type WrapperWords } from '../wrapper-words.js'

/**
 * What this card makes of each name of native/cuda/device/device.h, which the emulator replaces and so no other check
 * without a card runs: numbers, copies, matrix loads, products, shuffles. Compared with what the emulator gave when the
 * archive was made.
 */
export async function wrappers({ scale }: StepSettings, emit: (row: Row) => void): Promise<void> {
  const checks = dirname(process.argv[1]!)
  const program = scale === 'emulated' ? join(checks, '..', 'emulated', 'wrappers') : join(checks, 'wrappers')
  const expected = wordsIn(readFileSync(join(checks, 'wrappers.jsonl'), 'utf8'))
  const actual = new Map(
    wordsIn(execFileSync(program, { encoding: 'utf8', maxBuffer: 2 ** 26 })).map((each) => [
      each.wrapper,
      each,
    ]),
  )
  const tally = new Tally()
  for (const each of expected) {
    const { wrapper } = each
    const found = compareWords(each, actual.get(wrapper)?.words ?? '')
    emit({ wrapper, ...found, right: tally.add(found.wrong === 0) })
  }
  tally.close()
}

/** Of a program's lines those that are a wrapper's. */
function wordsIn(text: string): WrapperWords[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{"wrapper"'))
    .map((line) => JSON.parse(line) as WrapperWords)
}
