import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { Calibration } from '../calibration/calibration.js'
import type { Checkpoint } from '../checkpoint/checkpoint.js'
import { describeBase } from '../pruning/base.js'
import type { CurveCalibration, CurveOptions, Study } from './curve-types.js'
import type { PlannedPoint } from './planned.js'

/**
 * What the figures of a study depend on.
 * @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE or DATA_INVALID of the labelled file; RangeError where it and
 *   the calibration data overlap
 */
export async function describeStudy(
  checkpoint: Checkpoint,
  options: CurveOptions,
  planned: readonly PlannedPoint[],
): Promise<Study> {
  const { name, hash, architecture } = await describeBase(checkpoint, options.signal)
  const calibration = await describeCalibration(checkpoint, options)
  const digest = createHash('sha256')
    .update(await readFile(options.data))
    .digest('hex')
  return {
    base: { name, hash, architecture },
    task: options.task,
    data: { name: basename(options.data), digest },
    evaluation: {
      columns: options.columns ?? null,
      format: options.format ?? null,
      limit: options.limit ?? null,
      resamples: options.resamples ?? null,
      seed: options.seed ?? null,
      pooling: options.pooling ?? null,
      maxLength: options.maxLength ?? null,
      device: options.device ?? null,
      dtype: options.dtype ?? null,
    },
    calibration,
    planned: planned.map(({ method, recipe }) => ({ method, recipe })),
  }
}

async function describeCalibration(
  checkpoint: Checkpoint,
  options: CurveOptions,
): Promise<CurveCalibration | null> {
  const { calibration, task, data, columns, format, signal } = options
  if (calibration === undefined) return null
  const limit = Number.POSITIVE_INFINITY
  const evaluated = await Calibration.open(checkpoint, data, { task, columns, format, limit, signal })
  const overlap = calibration.overlap(evaluated)
  checkOverlap(overlap, options.allowOverlap ?? false)
  const { examples, sequences, tokens, digest } = calibration
  return { examples, sequences, tokens, digest, overlap }
}

function checkOverlap({ examples, sequences }: CurveCalibration['overlap'], allowed: boolean): void {
  if (allowed || (examples === 0 && sequences === 0)) return
  throw new RangeError(
    `Expected \`calibration\` to share nothing with the data that is evaluated, got ${examples} examples and ${sequences} single sequences of it. Make it with \`exclude\`, or pass \`allowOverlap\` to go on and have it reported.`,
  )
}
