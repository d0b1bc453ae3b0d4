import { checkInteger, checkKeys, checkNumber, expected } from '../../check.js'
import type { Mixed } from '../recipe-types.js'

/** @throws TypeError, RangeError */
export function checkMixed(at: string, step: Readonly<Record<string, unknown>>): Mixed {
  const what = `${at}.mixed`
  const { mixed } = step
  checkKeys(what, mixed, ['dense', 'milliseconds'])
  if (step.per === 'global' || step.score === 'lamp') {
    const why = "One choice among all matrices leaves none of them alone. Take `per` 'matrix' or 'row'."
    throw new TypeError(expected(what, 'absent with a choice among all matrices', mixed, why))
  }
  const { dense, milliseconds } = mixed
  if ((dense === undefined) === (milliseconds === undefined)) {
    throw new TypeError(expected(what, 'an object with one of dense and milliseconds', mixed))
  }
  if (dense !== undefined) return { dense: checkInteger(`${what}.dense`, dense, 0) }
  if (step.pattern === 'unstructured') {
    throw new TypeError(
      expected(`${what}.milliseconds`, 'absent', milliseconds, 'Times are known of N:M patterns alone.'),
    )
  }
  return { milliseconds: checkNumber(`${what}.milliseconds`, milliseconds, 0, 1e9) }
}
