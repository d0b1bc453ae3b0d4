import type { Slot } from '../../architecture/spec.js'
import { parseLayerSlot } from '../../checkpoint/structure.js'
import { type LatencyTable, type MatrixName, matrixNames } from '../../latency/table.js'
import { applications } from '../cost/cost.js'
import type { BudgetReport, MixedChoice, StepContext } from '../pattern.js'
import { chooseOneOfEach } from '../structure/one-of-each.js'
import type { LinearError } from './errors.js'

export type Choosing = { readonly choices: readonly MixedChoice[]; readonly budget?: BudgetReport }

/** The so many whose outputs err the most stay dense; of equal ones the earlier. @throws RangeError */
export function costliestDense(errors: readonly LinearError[], count: number): Choosing {
  if (count > errors.length) {
    throw new RangeError(
      `Expected \`mixed.dense\` to be at most ${errors.length}, as many linears as the step has, got ${count}.`,
    )
  }
  const order = [...errors.keys()].sort((a, b) => errors[b]!.error - errors[a]!.error || a - b)
  const dense = new Set(order.slice(0, count))
  return { choices: errors.map((error, at) => ({ ...error, dense: dense.has(at) })) }
}

/** A matrix as it is multiplied, with the linears in it: query, key and value are one. */
type Matrix = {
  readonly slots: readonly Slot[]
  readonly error: number
  /** In all layers that apply it; what is partly dense is not faster. */
  readonly dense: number
  readonly sparse: number
}

/**
 * The least sum of errors within the time: which matrices run sparse is a knapsack of saved times and errors. Those that
 * are not faster stay dense. Times are those of matrices with all heads and neurons.
 * @throws RangeError where all that can be sparse is not enough
 */
export function denseWithin(
  errors: readonly LinearError[],
  milliseconds: number,
  table: LatencyTable,
  context: StepContext,
): Choosing {
  const matrices = matricesOf(errors, table, context)
  const others = table.dense - sum(matrices.map(({ dense }) => dense))
  const options = matrices.map(({ dense, sparse, error }) => [
    { cost: dense, value: 0 },
    ...(sparse < dense ? [{ cost: sparse, value: -error }] : []),
  ])
  const chosen = chooseOneOfEach(options, milliseconds - others)
  if (chosen === undefined) throw tooShort(table, matrices, milliseconds)

  const place = new Map(matrices.flatMap(({ slots }, at) => slots.map((slot) => [slot, at] as const)))
  const choices = errors.map((error): MixedChoice => {
    const at = place.get(error.slot)!
    const { dense, sparse } = matrices[at]!
    return { ...error, dense: chosen[at] === 0, milliseconds: dense - sparse }
  })
  const after = others + sum(matrices.map(({ dense, sparse }, at) => (chosen[at] === 0 ? dense : sparse)))
  const { dense: stored, batch, length: tokens } = table
  const limit = milliseconds
  return {
    choices,
    budget: { kind: 'milliseconds', limit, stored, before: stored, after, batch, tokens },
  }
}

const linearsOf: Readonly<Record<MatrixName, readonly string[]>> = {
  attention: ['query', 'key', 'value'],
  attentionOutput: ['attentionOutput'],
  ffnIn: ['ffnIn'],
  ffnOut: ['ffnOut'],
}

function matricesOf(
  errors: readonly LinearError[],
  { matrices }: LatencyTable,
  { base, decision }: StepContext,
): Matrix[] {
  const applied = applications(decision.layers.map((layer) => base.layers[layer]!))
  return [...applied].flatMap(([set, times]) =>
    matrixNames.flatMap((name): Matrix[] => {
      const own = errors.filter(({ slot }) => {
        const place = parseLayerSlot(slot)!
        return place.weights === set && linearsOf[name].includes(place.linear)
      })
      if (own.length === 0) return []
      const dense = times * matrices.times[name].dense
      const whole = own.length === linearsOf[name].length
      const sparse = whole ? Math.min(dense, times * matrices.times[name].sparse) : dense
      return [
        { slots: own.map(({ slot }) => slot), error: sum(own.map(({ error }) => error)), dense, sparse },
      ]
    }),
  )
}

function tooShort(table: LatencyTable, matrices: readonly Matrix[], got: number): RangeError {
  const least = table.dense - sum(matrices.map(({ dense, sparse }) => dense - sparse))
  return new RangeError(
    `Expected \`mixed.milliseconds\` to be at least ${least.toPrecision(4)}, what the model takes with all linears sparse that are faster so, got ${got}.`,
  )
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
