import { checkKeys } from '../check.js'
import type { RecipeBase } from './pattern.js'
import type { UnitScoreName, UnitScoring, WeightUpdate } from './recipe-types.js'
import { checkReverse, checkUnitScore } from './scores.js'
import { unitScore } from './unit-scores.js'
import type { UnitKind } from './units.js'
import { checkUpdate, updateKeys } from './updates.js'

/**
 * What every step that ranks heads or neurons says of its score and of its update, with defaults.
 * @param keys the pattern's own
 * @throws TypeError, RangeError
 */
export function checkUnitFields(
  at: string,
  step: Readonly<Record<string, unknown>>,
  kind: UnitKind,
  base: RecipeBase,
  { usual, keys }: { readonly usual: UnitScoreName; readonly keys: readonly string[] },
): UnitScoring & WeightUpdate {
  const score = checkUnitScore(`${at}.score`, step.score ?? usual, kind)
  const { keys: own = [], check, update = 'none' } = unitScore(score)
  checkKeys(at, step, ['pattern', 'score', 'reverse', ...own, ...updateKeys, ...keys])
  const reverse = checkReverse(at, step.reverse)
  return {
    score,
    reverse,
    ...check?.(at, step, kind, base),
    ...checkUpdate(at, { update, ...step }, score, base),
  }
}
