import { checkNumber, checkOneOf, expected } from '../check.js'
import type { RecipeBase } from './pattern.js'
import type { ExplicitStep, WeightSlot, WeightUpdate } from './recipe-types.js'
import { readsActivations } from './scores.js'

/** Fields of a step over weights that say what happens to those that stay. */
export const updateKeys = ['update', 'damping', 'target']

const updates = ['none', 'bias', 'refit'] as const
const targets = ['own', 'dense'] as const

type Fields = Readonly<Record<string, unknown>>

/**
 * What happens to the weights that stay, with defaults: `update` none, `damping` auto, `target` dense unless layers
 * share weights. A score that updates as it chooses has no `update`.
 * @throws TypeError, RangeError
 */
export function checkUpdate(at: string, step: Fields, score: string, base: RecipeBase): WeightUpdate {
  if (score === 'sparsegpt') {
    refuse(at, step, ['update'], '`sparsegpt` updates weights as it chooses.')
    return { damping: checkDamping(at, step.damping), target: checkTarget(at, step.target, base) }
  }
  const update = checkOneOf(`${at}.update`, step.update ?? 'none', updates)
  if (update === 'none') {
    refuse(at, step, ['damping', 'target'], 'It is for an `update`, and nothing is updated.')
    return { update }
  }
  const target = checkTarget(at, step.target, base)
  if (update === 'refit') return { update, damping: checkDamping(at, step.damping), target }
  refuse(at, step, ['damping'], "Update 'bias' solves nothing that could be damped.")
  return { update, target }
}

/** Whether a step needs calibration data: its score does, what it does to the weights that stay, or which linears do. */
export function readsCalibration(step: ExplicitStep): boolean {
  const score = step.pattern === 'structure' || ('score' in step && readsActivations(step.score))
  const mixed = 'mixed' in step && step.mixed !== undefined
  return score || mixed || ('update' in step && step.update !== undefined && step.update !== 'none')
}

/** Whether several layers apply the same weights. */
export function sharesWeights({ layers }: Pick<RecipeBase, 'layers'>): boolean {
  return new Set(layers.map(({ weights }) => weights)).size < layers.length
}

/** @throws TypeError for word embeddings, which no linear multiplies */
export function checkCalibratedSlots(at: string, slots: readonly WeightSlot[]): void {
  if (!slots.includes('wordEmbeddings')) return
  throw new TypeError(
    expected(
      `${at}.slots`,
      'of linears in a calibrated step',
      'wordEmbeddings',
      'They have no inputs: prune them by magnitude in a step of their own.',
    ),
  )
}

function checkDamping(at: string, value: unknown): number | 'auto' {
  if (value === undefined || value === 'auto') return 'auto'
  if (typeof value === 'string') throw new TypeError(expected(`${at}.damping`, "a number or 'auto'", value))
  return checkNumber(`${at}.damping`, value, 0, 100)
}

function checkTarget(at: string, value: unknown, base: RecipeBase): 'own' | 'dense' {
  const shared = sharesWeights(base)
  const target = checkOneOf(`${at}.target`, value ?? (shared ? 'own' : 'dense'), targets)
  if (target === 'own' || !shared) return target
  throw new TypeError(expected(`${at}.target`, "'own' where layers share weights", target, 'Leave it out.'))
}

function refuse(at: string, step: Fields, keys: readonly string[], why: string): void {
  const key = keys.find((name) => step[name] !== undefined)
  if (key !== undefined)
    throw new TypeError(expected(`${at}.${key}`, 'absent', step[key], `${why} Leave it out.`))
}
