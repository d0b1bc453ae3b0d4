import { checkKeys } from '../../check.js'
import type { Pattern } from '../pattern.js'
import { checkPermute } from '../permute.js'
import type { NmStep } from '../recipe-types.js'
import { checkWeightStep, runWeightStep, weightKeys } from '../weight-step.js'

const form = /^(\d{1,3}):(\d{1,3})$/
const keys = ['pattern', 'permute', ...weightKeys]

/** N of every M consecutive inputs of a row stay: 2:4 is what sparse tensor cores read. */
export const nm: Pattern = {
  form: 'N:M',
  matches: (name) => form.test(name),

  prepare(step, at, base) {
    checkKeys(at, step, keys)
    const { n, m } = checkForm(`${at}.pattern`, String(step.pattern))
    const shared = checkWeightStep(at, step, base)
    const explicit: NmStep = { pattern: `${n}:${m}`, ...shared, ...checkPermute(at, step, shared) }
    if (explicit.score === 'lamp') throw lampElsewhere(at)
    return { explicit, run: (context) => runWeightStep(context, explicit, { kind: 'nm', n, m }) }
  },
}

function lampElsewhere(at: string): TypeError {
  const message = `Expected \`${at}.score\` to be another than 'lamp', which compares matrices: within a group it is 'magnitude'. Use that, or pattern 'unstructured'.`
  return new TypeError(message)
}

function checkForm(what: string, pattern: string): { n: number; m: number } {
  const [n, m] = pattern.split(':').map(Number) as [number, number]
  if (n >= 1 && n < m) return { n, m }
  throw new RangeError(
    `Expected \`${what}\` to keep N of M with 1 ≤ N < M, got '${pattern}'. Usual is '2:4'.`,
  )
}
