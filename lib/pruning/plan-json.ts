import type { Slot } from '../architecture/spec.js'
import { checkInteger, checkKeys, checkOneOf, expected } from '../check.js'
import { type Decision, nothingDecided } from '../checkpoint/decision.js'
import { keptWeightSets, layerOfSet } from '../checkpoint/structure.js'
import { changeableSlots, type PlanBase, prunableSlots } from './base.js'
import { checkAscending, checkEntries, checkList } from './json-lists.js'
import { blockOf, inputsMove } from './orders.js'
import type { PruningPass } from './pattern.js'
import { checkBase } from './plan-base-json.js'
import { checkReport } from './plan-report-json.js'
import { prepareRecipe } from './recipe.js'

/** A plan's JSON, checked: everything but bits and new numbers. `masks` and `values` name the slots that have some. */
export type PlanJson = {
  readonly base: PlanBase
  readonly pass: PruningPass
  readonly earlier: readonly PruningPass[]
  readonly structure: Omit<Decision, 'masks' | 'values'>
  readonly masks: readonly Slot[]
  readonly values: readonly Slot[]
}

const keys = ['version', 'base', 'recipe', 'seed', 'steps', 'earlier', 'layers', 'heads', 'neurons', 'masks']

/**
 * Checks the JSON of a plan file against itself: its indices are within its own base.
 * @throws TypeError, RangeError, SyntaxError
 */
export function checkPlanJson(text: string): PlanJson {
  const plan: unknown = JSON.parse(text)
  const version = checkVersion(plan)
  checkKeys('plan', plan, version === 1 ? keys : [...keys, 'values', 'orders'])
  const base = checkBase(plan.base, version)
  const pass = checkPass('plan', { recipe: plan.recipe, steps: plan.steps }, base)
  if (plan.seed !== pass.recipe.seed) throw new RangeError(expected('plan.seed', `the recipe's`, plan.seed))
  const earlier = checkList('plan.earlier', plan.earlier).map((value, at) =>
    checkPass(`plan.earlier[${at}]`, value, base),
  )

  const layers = checkAscending('plan.layers', plan.layers, base.layers.length - 1)
  if (layers.length === 0) throw new RangeError(expected('plan.layers', 'at least one layer', layers))
  const read = keptWeightSets(base, { ...nothingDecided(base), layers })
  const heads = checkSets('plan.heads', plan.heads, read, (what, value, set) =>
    checkHeads(what, value, base, set),
  )
  const neurons = checkSets('plan.neurons', plan.neurons, read, (what, value, set) =>
    checkRanges(what, value, layerOfSet(base, set).inner),
  )
  const values = version === 1 ? [] : checkSlotList('plan.values', plan.values, changeableSlots(base))
  const orders = plan.orders === undefined ? {} : { orders: checkOrders('plan.orders', plan.orders, base) }
  return {
    base,
    pass,
    earlier,
    structure: { layers, heads, neurons, ...orders },
    masks: checkSlotList('plan.masks', plan.masks, prunableSlots(base)),
    values,
  }
}

/** Before the keys, which are others in another version. */
function checkVersion(plan: unknown): 1 | 2 {
  const version = typeof plan === 'object' && plan !== null && 'version' in plan ? plan.version : undefined
  if (version === 1 || version === 2) return version
  throw new RangeError(expected('plan.version', '1 or 2', version, 'Install a newer twofour.'))
}

function checkPass(what: string, value: unknown, base: PlanBase): PruningPass {
  checkKeys(what, value, ['recipe', 'steps'])
  const { recipe } = prepareRecipe(value.recipe, base)
  const steps = checkList(`${what}.steps`, value.steps).map((step, at) =>
    checkReport(`${what}.steps[${at}]`, step),
  )
  if (steps.length === recipe.steps.length) return { recipe, steps }
  throw new RangeError(expected(`${what}.steps`, `${recipe.steps.length} long, as the recipe`, steps.length))
}

function checkHeads(what: string, value: unknown, base: PlanBase, set: number): readonly number[] {
  const { heads } = layerOfSet(base, set)
  const kept = checkAscending(what, value, base.originalHeads - 1)
  const absent = kept.find((head) => !heads.includes(head))
  if (absent === undefined) return kept
  throw new RangeError(expected(what, `of heads that the base has: ${heads.join(', ')}`, absent))
}

function checkRanges(what: string, value: unknown, inner: number): Int32Array {
  let least = 0
  const kept: number[] = []
  for (const [at, range] of checkList(what, value).entries()) {
    const [begin, end] = checkList(`${what}[${at}]`, range)
    const from = checkInteger(`${what}[${at}][0]`, begin, least, inner)
    least = checkInteger(`${what}[${at}][1]`, end, from + 1, inner)
    for (let index = from; index < least; index++) kept.push(index)
  }
  return Int32Array.from(kept)
}

/** Each a permutation of its matrix' columns, of attention within heads. */
function checkOrders(what: string, value: unknown, base: PlanBase): ReadonlyMap<Slot, Int32Array> {
  const slots = changeableSlots(base).filter((slot) => inputsMove(slot))
  return new Map(
    checkEntries(what, value).map(([key, entry]) => {
      const slot = checkOneOf(what, key, slots)
      const columns = base.slots.get(slot)!.shape[1]!
      const block = blockOf(base, slot)
      const list = checkList(`${what}[${slot}]`, entry)
      const order = list.map((place, at) => checkInteger(`${what}[${slot}][${at}]`, place, 0, columns - 1))
      const inside = order.every((place, at) => Math.floor(place / block) === Math.floor(at / block))
      if (order.length === columns && new Set(order).size === columns && inside)
        return [slot, Int32Array.from(order)]
      throw new RangeError(expected(`${what}[${slot}]`, `an order of ${columns} inputs`, order))
    }),
  )
}

function checkSlotList(what: string, value: unknown, allowed: readonly Slot[]): Slot[] {
  const slots = checkList(what, value).map((slot, at) => checkOneOf(`${what}[${at}]`, slot, allowed))
  if (new Set(slots).size === slots.length) return slots
  throw new RangeError(expected(what, 'of different slots', slots))
}

function checkSets<T>(
  what: string,
  value: unknown,
  sets: ReadonlySet<number>,
  check: (what: string, value: unknown, set: number) => T,
): Map<number, T> {
  return new Map(
    checkEntries(what, value).map(([key, entry]) => {
      const set = /^(0|[1-9]\d*)$/.test(key) ? Number(key) : -1
      if (!sets.has(set)) throw new RangeError(expected(what, 'of weight sets that kept layers read', key))
      return [set, check(`${what}[${key}]`, entry, set)]
    }),
  )
}
