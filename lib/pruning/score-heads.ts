import { checkInteger, checkKeys } from '../check.js'
import type { Checkpoint } from '../checkpoint/checkpoint.js'
import { type PruneOptions, prune } from './prune.js'
import { prepareRecipe } from './recipe.js'
import type { HeadScoreStep, RecipeStep } from './recipe-types.js'
import type { UnitScores } from './unit-report.js'
import { readsCalibration } from './updates.js'

/** A head, by the first layer that reads its weights and its original index, and its score: the lowest goes first. */
export type HeadRow = readonly [layer: number, head: number, score: number]

/** How heads are ranked: the fields of a `heads` step, and the recipe's seed. */
export type HeadScoring = Pick<HeadScoreStep, 'score'> &
  Partial<Omit<HeadScoreStep, 'pattern' | 'score' | 'reverse'>> & { readonly seed?: number }

export type HeadRanking = {
  readonly score: string
  readonly seed: number
  readonly heads: readonly HeadRow[]
  /** Sentences on what was not obvious. */
  readonly notes: readonly string[]
}

/**
 * Ranks the heads of a checkpoint, and prunes nothing. `remove` is for scores that ask how many go, `calibration` for
 * those that read it.
 * @throws as `prune`
 */
export async function scoreHeads(
  checkpoint: Checkpoint,
  scoring: HeadScoring,
  options: PruneOptions = {},
): Promise<HeadRanking> {
  checkKeys('scoring', scoring, Object.keys(scoring ?? {}))
  const { seed: given, remove = 1, ...fields } = scoring
  const seed = checkInteger('seed', given ?? 0, 0, 2 ** 32 - 1)

  // The step's own check refuses what does not belong to it.
  const step = { pattern: 'heads', remove, ...fields } as RecipeStep
  const recipe = { steps: [step], seed }
  const reads = prepareRecipe(recipe, checkpoint.base).recipe.steps.some(readsCalibration)
  const plan = await prune(checkpoint, recipe, reads ? options : { ...options, calibration: undefined })

  const [report] = plan.summary().steps
  const layerOf = (set: number) => checkpoint.base.layers.findIndex(({ weights }) => weights === set)
  return {
    score: scoring.score,
    seed,
    heads: headRows(report?.scores ?? [], layerOf),
    notes: report?.notes ?? [],
  }
}

/**
 * A step's report as rows. Where heads went in several rounds, an earlier one is below every later one, and the rows
 * have places for scores.
 */
export function headRows(scores: readonly UnitScores[], layerOf: (set: number) => number): HeadRow[] {
  const rows = scores.flatMap(({ weights, units, scores: values, rounds }) =>
    units.map((head, at) => {
      const round = rounds?.[at]
      return { layer: layerOf(weights), head, score: values[at]!, round: round || Number.POSITIVE_INFINITY }
    }),
  )
  if (scores.every(({ rounds }) => rounds === undefined)) {
    return rows.map(({ layer, head, score }) => [layer, head, score])
  }
  const below = (a: (typeof rows)[number], b: (typeof rows)[number]) =>
    a.round < b.round || (a.round === b.round && a.score < b.score)
  return rows.map((row) => [row.layer, row.head, rows.filter((other) => below(other, row)).length])
}
