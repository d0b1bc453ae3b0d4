import { TwofourError } from '../errors.js'
import type { StepContext, StepOutcome } from './pattern.js'
import { bySet, type Candidate, goingFirst, type Quota, shareOf, take } from './ranking.js'
import type { UnitStep } from './recipe-types.js'
import { type UnitScores, unitScoresOf } from './unit-report.js'
import type { Ranked, Scorer } from './unit-scores/unit-score.js'
import { unitScore } from './unit-scores.js'
import { updateOutputs } from './unit-update.js'
import { presentUnits, storedUnits, withoutUnits } from './units.js'
import { readsCalibration } from './updates.js'

/** What went, in the order of its going, and how everything was ranked. */
type Choice = {
  readonly taken: readonly Candidate[]
  readonly scores: UnitScores[]
  readonly notes: readonly string[]
}

type Place = Pick<Ranked, 'kind' | 'at'> & { readonly context: StepContext }

/** Removes the units that a step's score ranks lowest, and updates what reads the others where the step says so. */
export async function removeLowest(
  place: Place,
  step: UnitStep,
  sets: readonly number[],
  quota: Quota,
): Promise<StepOutcome> {
  const { context, kind } = place
  const ranked: Ranked = { ...place, sets, units: presentUnits(context, kind, sets), count: quota.count }
  const { taken, scores, notes } = await choose(ranked, step, quota)
  const chosen = withoutUnits(context, kind, bySet(taken))
  const {
    decision,
    linears,
    notes: more,
  } = await updateOutputs({ context, kinds: [kind], sets }, step, chosen)

  const of = sets.reduce((sum, set) => sum + storedUnits(context, kind, set), 0)
  const report = { pattern: kind, unit: kind, of, removed: taken.length, scores }
  if (!readsCalibration(step)) return { decision, report }
  const { examples, sequences, tokens, digest } = context.calibration!
  const calibration = { examples, sequences, tokens, digest }
  return { decision, report: { ...report, calibration, linears, notes: [...notes, ...more] } }
}

async function choose(ranked: Ranked, step: UnitStep, quota: Quota): Promise<Choice> {
  if (ranked.units.length === 0) return { taken: [], scores: [], notes: [] }
  const scorer = await unitScore(step.score).open(ranked, step)
  try {
    return await rounds(ranked, scorer, step, quota)
  } finally {
    scorer.dispose?.()
  }
}

/** Scores again in each round, on the model without what went before. */
async function rounds(ranked: Ranked, scorer: Scorer, step: UnitStep, quota: Quota): Promise<Choice> {
  const { units } = ranked
  const count = step.rounds ?? 1
  const gates = new Float32Array(units.length).fill(1)
  const scores = new Float64Array(units.length)
  const wentIn = new Int32Array(units.length)
  const taken: (Candidate & { readonly at: number })[] = []
  for (let round = 1; round <= count; round++) {
    const until = shareOf(quota, round / count)
    // A round in which nothing goes is no work, but something has to be said of what stays.
    if (until.count === taken.length && round > 1) continue
    const found = await scorer.scores(gates)
    const left = units.flatMap((unit, at) => (gates[at] === 0 ? [] : [{ ...unit, at, score: found[at]! }]))
    for (const { at, score } of left) scores[at] = score
    checkFinite(ranked, step, left)
    const going = goingFirst(left, step.reverse)
    for (const unit of take(going, until.count - taken.length, spareAfter(until, taken))) {
      gates[unit.at] = 0
      wentIn[unit.at] = round
      taken.push(unit)
    }
  }
  const report = unitScoresOf(units, scores, count > 1 ? wentIn : undefined)
  return { taken, scores: report, notes: scorer.notes ?? [] }
}

function checkFinite({ kind }: Ranked, { score }: UnitStep, scored: readonly Candidate[]): void {
  if (scored.every((unit) => Number.isFinite(unit.score))) return
  const message = `The score '${score}' of ${kind} is not finite, so nothing can be ranked. Repair the checkpoint, or name another score.`
  throw new TwofourError('PRUNE_NOT_FINITE', message, { kind, score })
}

function spareAfter({ spare }: Quota, taken: readonly Candidate[]): Map<number, number> {
  const gone = bySet(taken)
  return new Map([...spare].map(([set, most]) => [set, most - (gone.get(set)?.size ?? 0)]))
}
