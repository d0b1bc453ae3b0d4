import { Calibration } from '../calibration/calibration.js'
import { expected } from '../check.js'
import { Checkpoint } from '../checkpoint/checkpoint.js'
import type { Evaluation } from '../evaluation/evaluate.js'
import { besideRandom } from './beside-random.js'
import { type CheckedCurve, checkCurveOptions } from './curve-options.js'
import type { CurveOptions, CurvePoint, Curves } from './curve-types.js'
import { describeStudy } from './describe-study.js'
import { checkEarlier, curvesFormat, type Earlier } from './earlier.js'
import { judge } from './evidence.js'
import { describePoint, differenceOf, type Measured, measure, measurePruned } from './measure.js'
import {
  inMeasuringOrder,
  keyOf,
  levelKey,
  orderKey,
  type PlannedPoint,
  plannedPoints,
  randomBeside,
} from './planned.js'
import { pointOf } from './points.js'
import { reachOf, spreadsOf } from './summary.js'

/**
 * Accuracy over what is pruned: every method at every level, each against the dense model on the same examples. The
 * dense model is evaluated once; equal arguments give equal figures, but for the seconds.
 * @throws TypeError, RangeError on misuse, also where the evaluated data was calibrated on; as `prune`, `Encoder.load`
 *   and `evaluate`
 */
export async function curve(checkpoint: Checkpoint, options: CurveOptions): Promise<Curves> {
  if (!(checkpoint instanceof Checkpoint))
    throw new TypeError(expected('checkpoint', 'an open Checkpoint', checkpoint))
  const { methods, scope, measuring } = checkCurveOptions(checkpoint, options)
  const planned = plannedPoints(methods, scope, checkpoint.base)
  checkCalibration(planned, options.calibration)
  const study = await describeStudy(checkpoint, options, planned)
  const earlier = checkEarlier(options.earlier, study, planned)

  return run(checkpoint, planned, { measuring, options, study, earlier })
}

type Work = {
  readonly measuring: CheckedCurve['measuring']
  readonly options: CurveOptions
  readonly study: Curves['study']
  readonly earlier: Earlier | undefined
}

async function run(checkpoint: Checkpoint, planned: readonly PlannedPoint[], work: Work): Promise<Curves> {
  const { measuring, options, earlier } = work
  const { onPoint, onProgress, signal } = options
  const total = planned.length
  const points: CurvePoint[] = planned.flatMap((point) => earlier?.points.get(keyOf(point)) ?? [])
  const tell = (stage: string) => onProgress?.({ stage, done: points.length, total, unit: 'points' })

  tell('dense')
  const dense = await measure(checkpoint, measuring)
  checkSameDense(dense, earlier)
  const soFar = () => gathered(work, dense, inOrder(points, planned), total)
  await onPoint?.(soFar())
  const runPoint = pointRunner(checkpoint, planned, dense, work)
  for (const point of inMeasuringOrder(planned)) {
    if (earlier?.points.has(keyOf(point)) === true) continue
    signal?.throwIfAborted()
    tell(
      [point.unit, point.method, point.level, ...(point.seed === null ? [] : [`seed ${point.seed}`])].join(
        ' ',
      ),
    )
    points.push(await runPoint(point))
    await onPoint?.(soFar())
  }
  tell('done')
  return soFar()
}

/** Measures points, and keeps the evaluations of a level, which orders are compared with. */
function pointRunner(
  checkpoint: Checkpoint,
  planned: readonly PlannedPoint[],
  dense: Measured,
  { measuring }: Work,
): (point: PlannedPoint) => Promise<CurvePoint> {
  const byKey = new Map(planned.map((point) => [keyOf(point), point]))
  const kept = new Map<string, Evaluation>()
  let level = ''
  const run = async (point: PlannedPoint) => {
    const measured = await measurePruned(checkpoint, point, measuring)
    kept.set(keyOf(point), measured.evaluation)
    return measured
  }
  // After a pause evaluations are gone, and their figures alone cannot be paired.
  const evaluationOf = async (point: PlannedPoint) => kept.get(keyOf(point)) ?? (await run(point)).evaluation

  return async (point) => {
    if (levelKey(point) !== level) kept.clear()
    level = levelKey(point)
    const order = byKey.get(orderKey(point) ?? '')
    const ordered = order && (await evaluationOf(order))
    const random: Evaluation[] = []
    for (const other of randomBeside(point, planned)) random.push(await evaluationOf(other))
    const measured = await run(point)
    const { evaluation } = measured
    return describePoint(point, measured, {
      toDense: differenceOf(evaluation, dense.evaluation),
      ...(ordered && { toOrder: differenceOf(evaluation, ordered) }),
      ...(random.length > 0 && { toRandom: besideRandom(evaluation, random) }),
    })
  }
}

function gathered(
  { study, options }: Work,
  dense: Measured,
  points: readonly CurvePoint[],
  total: number,
): Curves {
  const { metric, value, interval, intervalMethod, n, metrics, truncated, notes } = dense.evaluation
  const seconds = dense.seconds
  const base = { metric, value, interval, intervalMethod, n, metrics, truncated, notes, seconds }
  const measured = { dense: base, points }
  return {
    format: curvesFormat,
    study,
    dense: base,
    point: pointOf(base),
    points,
    spreads: spreadsOf(points),
    reach: reachOf(measured),
    evidence: judge(measured),
    notes: options.calibration?.notes ?? [],
    complete: points.length === total,
  }
}

function inOrder(points: readonly CurvePoint[], planned: readonly PlannedPoint[]): CurvePoint[] {
  const found = new Map(points.map((point) => [keyOf(point), point]))
  return planned.flatMap((point) => found.get(keyOf(point)) ?? [])
}

function checkSameDense({ evaluation }: Measured, earlier: Earlier | undefined): void {
  if (earlier === undefined || earlier.value === evaluation.value) return
  throw new RangeError(
    `Expected \`earlier\` to be measured where its dense model came to ${evaluation.value}, got one with ${earlier.value}: points of two machines do not go together. Begin anew elsewhere.`,
  )
}

function checkCalibration(planned: readonly PlannedPoint[], calibration: unknown): void {
  const reader = planned.find(({ readsCalibration }) => readsCalibration)
  if (calibration === undefined) {
    if (reader === undefined) return
    throw new TypeError(
      `Method \`${reader.method}\` needs calibration data, and there is none. Pass \`calibration\`: \`Calibration.open\` makes one of a file.`,
    )
  }
  if (!(calibration instanceof Calibration))
    throw new TypeError(expected('calibration', 'a Calibration', calibration))
  if (reader !== undefined) return
  throw new TypeError('Expected `calibration` to be absent, for none of the methods reads it. Leave it out.')
}
