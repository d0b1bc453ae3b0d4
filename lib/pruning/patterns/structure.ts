import { checkInteger, checkKeys, checkNumber, checkOneOf, expected } from '../../check.js'
import type { Pattern, RecipeBase } from '../pattern.js'
import type { Budget, StructureStep } from '../recipe-types.js'
import { runStructure } from '../structure/run.js'
import { checkUpdate, updateKeys } from '../updates.js'

type Fields = Readonly<Record<string, unknown>>

const searching = ['budget', 'tokens', 'heads', 'loss', 'estimator', 'batch', 'rearrange']

/** Heads and neurons together, as many as a budget of operations, bytes or milliseconds asks for. */
export const structure: Pattern = {
  form: 'structure',
  matches: (name) => name === 'structure',

  prepare(step, at, base) {
    checkKeys(at, step, ['pattern', 'score', ...searching, ...updateKeys])
    const budget = checkBudget(`${at}.budget`, step.budget)
    const tokens = checkTokens(at, step, budget)
    const explicit: StructureStep = {
      pattern: 'structure',
      score: checkOneOf(`${at}.score`, step.score ?? 'fisher', ['fisher']),
      budget,
      ...(tokens !== undefined && { tokens }),
      ...(step.heads !== undefined && { heads: checkHeads(at, step, base) }),
      loss: checkOneOf(`${at}.loss`, step.loss ?? 'auto', ['auto', 'labels', 'pseudo', 'fisher']),
      ...checkEstimator(at, step),
      rearrange: checkRearrange(at, step.rearrange),
      ...checkUpdate(at, { ...step, update: step.update ?? 'refit' }, 'fisher', base),
    }
    return { explicit, run: (context) => runStructure(context, explicit, at) }
  },
}

function checkBudget(what: string, value: unknown): Budget {
  if (value === undefined) {
    throw new TypeError(`Expected \`${what}\` to have one of operations, bytes and milliseconds, got none.`)
  }
  checkKeys(what, value, ['operations', 'bytes', 'milliseconds'])
  const kinds = Object.keys(value)
  if (kinds.length !== 1) {
    const got = kinds.length === 0 ? 'none' : kinds.join(' and ')
    throw new TypeError(`Expected \`${what}\` to have one of operations, bytes and milliseconds, got ${got}.`)
  }
  const { operations, bytes, milliseconds } = value
  if (operations !== undefined) return { operations: checkNumber(`${what}.operations`, operations, 0, 1) }
  if (bytes !== undefined) return { bytes: checkNumber(`${what}.bytes`, bytes, 0, 1) }
  return { milliseconds: checkNumber(`${what}.milliseconds`, milliseconds, 0, 1e9) }
}

function checkTokens(at: string, { tokens }: Fields, budget: Budget): number | undefined {
  if (tokens === undefined) return undefined
  if ('operations' in budget) return checkNumber(`${at}.tokens`, tokens, 1, 65_536)
  const why = 'Operations alone are counted for a length; milliseconds are of the one that was measured.'
  throw new TypeError(expected(`${at}.tokens`, 'absent', tokens, why))
}

function checkEstimator(
  at: string,
  { estimator, batch }: Fields,
): Pick<StructureStep, 'estimator' | 'batch'> {
  const name = checkOneOf(`${at}.estimator`, estimator ?? 'example', ['example', 'batch'])
  if (name === 'batch') return { estimator: name, batch: checkInteger(`${at}.batch`, batch ?? 32, 1, 65_536) }
  if (batch === undefined) return { estimator: name }
  throw new TypeError(expected(`${at}.batch`, "absent but with the estimator 'batch'", batch))
}

function checkHeads(at: string, { heads }: Fields, { layers }: RecipeBase): number {
  const sets = new Map(layers.map((layer) => [layer.weights, layer.heads.length]))
  const most = [...sets.values()].reduce((sum, count) => sum + count, 0)
  return checkInteger(`${at}.heads`, heads, 0, most)
}

function checkRearrange(at: string, value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? true
  throw new TypeError(expected(`${at}.rearrange`, 'true or false', value))
}
