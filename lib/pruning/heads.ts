import { addon } from '../addon.js'
import { keptHeads, layerOfSet } from '../checkpoint/structure.js'
import { currentNorms } from './norms.js'
import type { StepContext, StepOutcome } from './pattern.js'
import { bySet, type Candidate, goingFirst, take } from './ranking.js'
import type { HeadListStep, HeadScoreStep } from './recipe-types.js'
import { setsInScope } from './scope.js'
import { unitScoresOf } from './unit-report.js'

/** Removes named heads of layers that are still there; heads that are gone already stay gone. */
export function removeListedHeads(context: StepContext, { list }: HeadListStep): StepOutcome {
  const { base, decision } = context
  const named = new Map<number, Set<number>>()
  for (const [layer, heads] of Object.entries(list)) {
    if (!decision.layers.includes(Number(layer))) continue
    const { weights } = base.layers[Number(layer)]!
    named.set(weights, new Set([...(named.get(weights) ?? []), ...heads]))
  }
  return withoutHeads(context, named, [...named.keys()])
}

/** Removes exactly `remove` heads. @throws RangeError when fewer may go */
export async function removeLowestHeads(
  context: StepContext,
  step: HeadScoreStep,
  at: string,
): Promise<StepOutcome> {
  const { base, decision } = context
  const sets = setsInScope(context, step.layers)
  const spare = new Map(
    sets.map((set) => [set, Math.max(0, keptHeads(base, decision, set).length - step.minimum)]),
  )
  checkEnough(
    step,
    at,
    sets.length,
    [...spare.values()].reduce((sum, count) => sum + count, 0),
  )

  const candidates = await scored(context, sets, step.score)
  const taken = take(goingFirst(candidates, step.reverse), step.remove, spare)
  const { decision: after, report } = withoutHeads(context, bySet(taken), sets)
  return { decision: after, report: { ...report, scores: unitScoresOf(candidates) } }
}

function checkEnough({ remove, minimum }: HeadScoreStep, at: string, sets: number, possible: number): void {
  if (remove <= possible) return
  const why = minimum === 0 ? '' : ` beyond the minimum of ${minimum} each`
  throw new RangeError(
    `Expected \`${at}.remove\` to be at most ${possible}, as many heads as the ${sets} weight sets in scope have${why}, got ${remove}.`,
  )
}

/** Heads that are there, by weight set and then by index. */
async function scored(
  context: StepContext,
  sets: readonly number[],
  score: HeadScoreStep['score'],
): Promise<Candidate[]> {
  const present = sets.flatMap((set) =>
    keptHeads(context.base, context.decision, set).map((index) => ({ set, index })),
  )
  if (score === 'random') {
    const numbers = addon().randomScores(context.seed, context.stream, present.length)
    return present.map((head, place) => ({ ...head, score: numbers[place]! }))
  }
  const norms = await headNorms(context, sets)
  return present.map(({ set, index }) => {
    const own = norms.get(set)!
    const norm = own[layerOfSet(context.base, set).heads.indexOf(index)]!
    const whole = score === 'headNorm' ? own.reduce((sum, value) => sum + value, 0) : 1
    return { set, index, score: whole === 0 ? 0 : norm / whole }
  })
}

/** Weight set → L1 norm of each stored head over its query, key, value and output slices; biases not counted. */
async function headNorms(context: StepContext, sets: readonly number[]): Promise<Map<number, Float64Array>> {
  const { headSize } = context.base
  const inputs = sets.flatMap((set) =>
    ['query', 'key', 'value'].map((slot) => `layers.${set}.${slot}.weight`),
  )
  const outputs = sets.map((set) => `layers.${set}.attentionOutput.weight`)
  const rows = await currentNorms(context, inputs, 'rows', headSize)
  const columns = await currentNorms(context, outputs, 'columns', headSize)
  return new Map(
    sets.map((set, at) => {
      const [query, key, value] = rows.slice(3 * at, 3 * at + 3)
      return [set, columns[at]!.map((norm, head) => query![head]! + key![head]! + value![head]! + norm)]
    }),
  )
}

function withoutHeads(
  { base, decision }: StepContext,
  gone: ReadonlyMap<number, ReadonlySet<number>>,
  sets: readonly number[],
): StepOutcome {
  const heads = new Map(decision.heads)
  let removed = 0
  for (const [set, indices] of gone) {
    const before = keptHeads(base, decision, set)
    const after = before.filter((head) => !indices.has(head))
    removed += before.length - after.length
    heads.set(set, after)
  }
  const of = sets.reduce((sum, set) => sum + layerOfSet(base, set).heads.length, 0)
  return { decision: { ...decision, heads }, report: { pattern: 'heads', unit: 'heads', of, removed } }
}
