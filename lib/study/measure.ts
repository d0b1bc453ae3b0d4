import type { Calibration } from '../calibration/calibration.js'
import type { Checkpoint } from '../checkpoint/checkpoint.js'
import { Encoder } from '../encoder/encoder.js'
import {
  compareEvaluations,
  type EvaluateOptions,
  type Evaluation,
  evaluate,
} from '../evaluation/evaluate.js'
import { prune } from '../pruning/prune.js'
import type { CurveOptions, CurvePoint, Difference } from './curve-types.js'
import type { PlannedPoint } from './planned.js'

/** How every model of a study is run and evaluated. */
export type Measuring = {
  readonly evaluation: EvaluateOptions
  readonly load: Pick<CurveOptions, 'device' | 'dtype' | 'threads' | 'maxLength'>
  readonly calibration: Calibration | undefined
  readonly signal: AbortSignal | undefined
}

export type Measured = { readonly evaluation: Evaluation; readonly seconds: number }

/** Loads a model, evaluates it, and gives its memory back. */
export async function measure(
  checkpoint: Checkpoint,
  { evaluation, load, signal }: Measuring,
): Promise<Measured> {
  const start = performance.now()
  // Which form of a matrix is faster is found by measuring, and forms round differently.
  const encoder = await Encoder.load(checkpoint, { ...load, sparsity: 'off', signal })
  try {
    const result = await evaluate(encoder, evaluation)
    return { evaluation: result, seconds: secondsSince(start) }
  } finally {
    encoder.dispose()
  }
}

/** Prunes by the point's recipe, and evaluates what is left. */
export async function measurePruned(checkpoint: Checkpoint, point: PlannedPoint, measuring: Measuring) {
  const { calibration, load, signal } = measuring
  const start = performance.now()
  const given = point.readsCalibration ? { calibration, threads: load.threads } : {}
  const plan = await prune(checkpoint, point.recipe, { ...given, signal })
  const pruned = await plan.apply(checkpoint, signal === undefined ? {} : { signal })
  const prunedIn = secondsSince(start)
  const { evaluation, seconds } = await measure(pruned, measuring)
  const { prunable, all } = plan.summary()
  return { evaluation, density: { prunable, all }, seconds: { prune: prunedIn, evaluate: seconds } }
}

/** A measured point as it is published. */
export function describePoint(
  { unit, method, level, share, seed, recipe }: PlannedPoint,
  { evaluation, density, seconds }: Awaited<ReturnType<typeof measurePruned>>,
  differences: Pick<CurvePoint, 'toDense' | 'toOrder' | 'toRandom'>,
): CurvePoint {
  const { value, interval, intervalMethod, metrics } = evaluation
  return {
    unit,
    method,
    level,
    share,
    seed,
    recipe,
    value,
    interval,
    intervalMethod,
    metrics,
    ...differences,
    density,
    seconds,
  }
}

/** The first model minus the second, on the same examples. */
export function differenceOf(first: Evaluation, second: Evaluation): Difference {
  const { difference, interval, intervalMethod, pValue, test } = compareEvaluations(first, second)
  return { difference, interval, intervalMethod, pValue, test }
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000
}
