import {
  type Calibration,
  type Checkpoint,
  type LatencyTable,
  type MeasureOptions,
  measureLatency,
  type Recipe,
  timeCheckpoints,
} from '../index.js'
import type { Invocation, OptionTable } from './command.js'

/** What the model may cost, as fields of a step. */
export const budgetOptions: OptionTable = {
  'target-operations': {
    value: 'F',
    help: 'structure (the default beside a target): share of the multiply-adds of heads and neurons that stays, from 0 to 1',
  },
  'target-bytes': { value: 'F', help: 'structure: share of the bytes of heads and neurons that stays' },
  'target-latency': {
    value: 'MS',
    help: 'structure: milliseconds of a batch, by a table measured here; N:M: linears stay dense where that leaves time',
  },
  tokens: { value: 'T', help: 'operations are of a sequence of T tokens (default: mean of --calibration)' },
  'keep-heads': { value: 'K', help: 'structure: exactly K heads stay' },
  'leave-dense': { value: 'N', help: 'weights: the N linears that would cost the most stay dense' },
}

/** Of which batch milliseconds are. */
export const latencyOptions: OptionTable = {
  'latency-batch': { value: 'B', help: 'sequences of the batch that --target-latency is of (default 1)' },
  'latency-length': { value: 'T', help: 'tokens of each of them (default: mean of --calibration)' },
}

/** What was measured after pruning, beside what was predicted. */
export type MeasuredLatency = {
  readonly device: string
  readonly batch: number
  readonly length: number
  /** Milliseconds; both from interleaved rounds. */
  readonly before: number
  readonly after: number
}

/** A table for a recipe with a budget of milliseconds; undefined for others. @throws TypeError */
export async function latencyFor(
  checkpoint: Checkpoint,
  recipe: Recipe,
  calibration: Calibration | undefined,
  { options, signal, onProgress }: Invocation,
): Promise<LatencyTable | undefined> {
  const step = recipe.steps.find(
    (each) =>
      isTimed('budget' in each ? each.budget : undefined) ||
      isTimed('mixed' in each ? each.mixed : undefined),
  )
  if (step === undefined) {
    const stray = Object.keys(latencyOptions).find((name) => options.has(name))
    if (stray === undefined) return undefined
    throw new TypeError(`--${stray} is for a budget of milliseconds, which is not there.`)
  }
  const mean = calibration === undefined ? 128 : Math.round(calibration.tokens / calibration.sequences)
  return measureLatency(checkpoint, {
    batch: options.whole('latency-batch', 1),
    length: options.whole('latency-length', 1) ?? mean,
    device: options.text('device'),
    threads: options.whole('threads', 1),
    ...(step.pattern.includes(':') && { pattern: step.pattern as NonNullable<MeasureOptions['pattern']> }),
    ...{ signal, onProgress },
  })
}

/** The model before and after, as it runs here now. */
export async function measuredAfter(
  before: Checkpoint,
  after: Checkpoint,
  { device, batch, length }: LatencyTable,
  { options, signal, onProgress }: Invocation,
): Promise<MeasuredLatency> {
  const [first, second] = await timeCheckpoints([before, after], {
    ...{ batch, length, device: options.text('device'), threads: options.whole('threads', 1) },
    ...{ signal, onProgress },
  })
  return { device, batch, length, before: first!, after: second! }
}

function isTimed(budget: object | undefined): boolean {
  return budget !== undefined && 'milliseconds' in budget
}

/** What the library says of budgets, in the words of the options. */
export function inBudgetWords(message: string): string {
  return message
    .replace(/`--budget\.operations`/, '`--target-operations`')
    .replace(/`--budget\.bytes`/, '`--target-bytes`')
    .replace(/`--(budget|mixed)\.milliseconds`/, '`--target-latency`')
    .replace(/`mixed\.milliseconds`/, '`--target-latency`')
    .replace(/`(--)?mixed\.dense`/, '`--leave-dense`')
    .replace(
      /`--budget` to have one of .*?, got/,
      'one of --target-operations, --target-bytes and --target-latency, got',
    )
    .replace(/^--budget does not/, '--target-operations, --target-bytes and --target-latency do not')
    .replace(/^--mixed does not/, '--leave-dense does not')
    .replace(/`--heads`/, '`--keep-heads`')
    .replace(/^--heads does not/, '--keep-heads does not')
}
