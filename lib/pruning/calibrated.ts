import type { MomentsHandle, SelectRequest } from '../../binding.js'
import type { Slot } from '../architecture/spec.js'
import { calibrationNotes } from './calibration-notes.js'
import { type Changed, type Linear, scoredLinear, solveLinear, updateLinear } from './change-linear.js'
import { layerStops, type Stop, type Stopping } from './layer-stops.js'
import { inOrders } from './orders.js'
import type { LinearOutcome, StepContext, StepOutcome } from './pattern.js'
import { checkUnmasked, withPermutations } from './permute.js'
import { decideInOrder, type Ordering } from './permute-stop.js'
import type { ScopedWeight } from './scope.js'
import { readsActivations, solvesAsItChooses } from './scores.js'
import { selectInScope, withMasks } from './selection.js'
import type { WeightStep } from './weight-step.js'

/** A step under way: what is to be done, what has been decided so far, and what was found on the way. */
type Work = Ordering & {
  readonly scope: readonly ScopedWeight[]
  removed: number
  readonly tails: Map<Slot, number>
  readonly outcomes: Map<Slot, LinearOutcome>
}

/**
 * A step over weights that looks at calibration data: layer by layer it collects what the weights read, chooses among
 * them and updates those that stay, so that later layers read what earlier ones have become.
 * @throws TwofourError PRUNE_NOT_FINITE, FILE_CHANGED, OUT_OF_MEMORY; `signal.reason`
 */
export async function runCalibrated(
  context: StepContext,
  step: WeightStep,
  pattern: SelectRequest['pattern'],
  scope: readonly ScopedWeight[],
): Promise<StepOutcome> {
  const { decision } = context
  const found = { decision, removed: 0, tails: new Map(), outcomes: new Map() }
  const moved = { orders: new Map(), permutations: [] }
  const work: Work = { context, step, pattern, scope, ...found, ...moved }
  if (scope.length > 0) await run(work)
  work.decision = await inOrders(context, work.decision, work.orders)
  return outcomeOf(work)
}

async function run(work: Work): Promise<void> {
  const { step, pattern, scope } = work
  const solves = solvesAsItChooses(step.score)
  const updates = step.update !== undefined && step.update !== 'none'
  const together = pattern.kind === 'unstructured' && pattern.per === 'global'
  const atOnce = together || !readsActivations(step.score)
  if (atOnce) await choose(work, scope, await momentsForAll(work))
  if (atOnce && !updates) return

  if (!atOnce) checkUnmasked(work.context, step, pattern, scope)
  const stopping = { full: updates || solves, target: step.target ?? 'own', prefix: 'pruned' } as const
  await visit(work, stopping, (stop) =>
    atOnce
      ? changeAll(work, stop, updates)
      : decideInOrder(work, stop, (at) => chooseAndChange(work, at, updates)),
  )
}

async function chooseAndChange(work: Work, stop: Stop, updates: boolean): Promise<void> {
  if (!solvesAsItChooses(work.step.score)) await choose(work, stop.weights, sameForAll(stop))
  await changeAll(work, stop, updates)
}

async function changeAll(work: Work, stop: Stop, updates: boolean): Promise<void> {
  for (const weight of stop.weights) await change(work, { weight, stop }, updates)
}

async function visit(work: Work, how: Stopping, at: (stop: Stop) => Promise<void>): Promise<void> {
  const { context, scope } = work
  for await (const stop of layerStops(context, scope, how, () => work.decision)) await at(stop)
}

/** For one choice among all weights: what each reads in the model as it is; nothing for scores of weights alone. */
async function momentsForAll(work: Work): Promise<MomentsHandle[] | undefined> {
  const { context, scope, step, outcomes } = work
  if (!readsActivations(step.score)) return undefined
  const moments = new Map<Slot, MomentsHandle>()
  await visit(work, { full: false, target: 'own', prefix: 'unchanged' }, async (stop) => {
    for (const weight of stop.weights) {
      moments.set(weight.slot, stop.moments)
      outcomes.set(weight.slot, scoredLinear(context, { weight, stop }))
    }
  })
  return scope.map(({ slot }) => moments.get(slot)!)
}

function sameForAll({ weights, moments }: Stop): MomentsHandle[] {
  return weights.map(() => moments)
}

async function choose(
  work: Work,
  weights: readonly ScopedWeight[],
  moments: readonly MomentsHandle[] | undefined,
): Promise<void> {
  const { context, step, pattern } = work
  const now = { ...context, decision: work.decision, onProgress: undefined }
  const { bits, removed, tails } = await selectInScope(now, weights, step, pattern, moments)
  const masks = new Map(work.decision.masks)
  for (const [index, { slot }] of weights.entries()) {
    masks.set(slot, bits[index]!)
    work.tails.set(slot, tails[index]!)
  }
  work.decision = { ...work.decision, masks }
  work.removed += removed
}

async function change(work: Work, linear: Linear, updates: boolean): Promise<void> {
  const { context, step, pattern, outcomes } = work
  if (solvesAsItChooses(step.score))
    keep(work, linear, await solveLinear(context, work.decision, step, pattern, linear))
  else outcomes.set(linear.weight.slot, scoredLinear(context, linear))
  if (updates) keep(work, linear, await updateLinear(context, work.decision, step, linear))
}

function keep(work: Work, { weight: { slot } }: Linear, changed: Changed): void {
  work.decision = changed.decision
  work.removed += changed.removed
  if (changed.tail !== undefined) work.tails.set(slot, changed.tail)
  work.outcomes.set(slot, changed.outcome)
}

function outcomeOf(work: Work): StepOutcome {
  const { context, step, scope, decision, removed, tails, outcomes, permutations } = work
  const { examples, sequences, tokens, digest } = context.calibration!
  const chosen = {
    bits: scope.map(({ slot }) => decision.masks.get(slot)!),
    removed,
    tails: scope.map(({ slot }) => tails.get(slot)!),
  }
  const { report } = withMasks(context, scope, chosen, step.pattern)
  const linears = scope.flatMap(({ slot }) => outcomes.get(slot) ?? [])
  const calibration = { examples, sequences, tokens, digest }
  const notes = calibrationNotes(context, step, linears)
  const outcome = { decision, report: { ...report, calibration, linears, notes } }
  return readsActivations(step.score)
    ? withPermutations(context, step, work.pattern, outcome, permutations)
    : outcome
}
