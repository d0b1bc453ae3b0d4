import { addon } from '../addon.js'
import { keptInner, layerOfSet } from '../checkpoint/structure.js'
import { complement } from './bits.js'
import { currentNorms } from './norms.js'
import type { StepContext, StepOutcome } from './pattern.js'
import { bySet, type Candidate, goingFirst, share, take } from './ranking.js'
import type { NeuronCountStep, NeuronFractionStep } from './recipe-types.js'
import { setsInScope } from './scope.js'

/**
 * Removes exactly `remove` neurons of those that are there, or as many more as it takes until `round(fraction × n)`
 * of a layer's n stored ones (or of all) are gone.
 * @throws RangeError when there are fewer than `remove`
 */
export async function removeLowestNeurons(
  context: StepContext,
  step: NeuronCountStep | NeuronFractionStep,
  at: string,
): Promise<StepOutcome> {
  const sets = setsInScope(context, step.layers)
  const candidates = await scored(context, sets, step.score)
  return withoutNeurons(context, bySet(choose(context, step, at, sets, candidates)), sets)
}

function choose(
  context: StepContext,
  step: NeuronCountStep | NeuronFractionStep,
  at: string,
  sets: readonly number[],
  candidates: readonly Candidate[],
): Candidate[] {
  const order = goingFirst(candidates, step.reverse)
  const there = new Map(sets.map((set) => [set, keptInner(context.base, context.decision, set)]))
  if ('remove' in step) {
    if (step.remove <= order.length) return take(order, step.remove, there)
    throw new RangeError(
      `Expected \`${at}.remove\` to be at most ${order.length}, as many neurons as the ${sets.length} weight sets in scope have, got ${step.remove}.`,
    )
  }
  const stored = (set: number) => layerOfSet(context.base, set).inner
  const more = (count: number, kept: number) => Math.max(0, share(step.fraction, count) - (count - kept))
  if (step.per === 'global') return take(order, more(sum(sets.map(stored)), order.length), there)
  return take(order, order.length, new Map(sets.map((set) => [set, more(stored(set), there.get(set)!)])))
}

/** Neurons that are there, by weight set and then by index. */
async function scored(
  context: StepContext,
  sets: readonly number[],
  score: NeuronCountStep['score'],
): Promise<Candidate[]> {
  const present = sets.flatMap((set) => keptIndices(context, set).map((index) => ({ set, index })))
  if (score === 'random') {
    const numbers = addon().randomScores(context.seed, context.stream, present.length)
    return present.map((neuron, place) => ({ ...neuron, score: numbers[place]! }))
  }
  const rows = await currentNorms(
    context,
    sets.map((set) => `layers.${set}.ffnIn.weight`),
    'rows',
    1,
  )
  const columns = await currentNorms(
    context,
    sets.map((set) => `layers.${set}.ffnOut.weight`),
    'columns',
    1,
  )
  return present.map(({ set, index }) => {
    const at = sets.indexOf(set)
    return { set, index, score: rows[at]![index]! + columns[at]![index]! }
  })
}

function keptIndices({ base, decision }: StepContext, set: number): number[] {
  const kept = decision.neurons.get(set)
  return kept === undefined ? complement([], layerOfSet(base, set).inner) : Array.from(kept)
}

function withoutNeurons(
  context: StepContext,
  gone: ReadonlyMap<number, ReadonlySet<number>>,
  sets: readonly number[],
): StepOutcome {
  const { base, decision } = context
  const neurons = new Map(decision.neurons)
  for (const [set, indices] of gone) {
    neurons.set(set, Int32Array.from(keptIndices(context, set).filter((index) => !indices.has(index))))
  }
  const of = sum(sets.map((set) => layerOfSet(base, set).inner))
  const removed = sum([...gone.values()].map(({ size }) => size))
  return { decision: { ...decision, neurons }, report: { pattern: 'neurons', unit: 'neurons', of, removed } }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
