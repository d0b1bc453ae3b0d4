import { checkKeys } from '../../check.js'
import type { Pattern, StepContext, StepOutcome } from '../pattern.js'
import type { NmStep } from '../recipe-types.js'
import { checkLayers, checkSlots, weightsInScope } from '../scope.js'
import { checkScore } from '../scores.js'
import { selectInScope, withMasks } from '../selection.js'

const form = /^(\d{1,3}):(\d{1,3})$/
const keys = ['pattern', 'score', 'slots', 'layers']

/** N of every M consecutive inputs of a row stay: 2:4 is what sparse tensor cores read. */
export const nm: Pattern = {
  form: 'N:M',
  matches: (name) => form.test(name),

  prepare(step, at, base) {
    checkKeys(at, step, keys)
    const { n, m } = checkForm(`${at}.pattern`, String(step.pattern))
    const explicit: NmStep = {
      pattern: `${n}:${m}`,
      score: checkScore(`${at}.score`, step.score ?? 'magnitude', 'weights'),
      slots: checkSlots(at, step.slots),
      layers: checkLayers(at, step.layers, base),
    }
    return { explicit, run: (context) => run(context, explicit, n, m) }
  },
}

async function run(context: StepContext, step: NmStep, n: number, m: number): Promise<StepOutcome> {
  const scope = weightsInScope(context, step.slots, step.layers)
  const chosen = await selectInScope(context, scope, step.score, { kind: 'nm', n, m })
  const { decision, report } = withMasks(context, scope, chosen, step.pattern)

  const tails = scope.map(({ slot }, index) => ({ slot, columns: chosen.tails[index]! }))
  return { decision, report: { ...report, tails: tails.filter(({ columns }) => columns > 0) } }
}

function checkForm(what: string, pattern: string): { n: number; m: number } {
  const [n, m] = pattern.split(':').map(Number) as [number, number]
  if (n >= 1 && n < m) return { n, m }
  throw new RangeError(
    `Expected \`${what}\` to keep N of M with 1 ≤ N < M, got '${pattern}'. Usual is '2:4'.`,
  )
}
