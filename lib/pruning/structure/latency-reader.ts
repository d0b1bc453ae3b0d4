import type { EncoderSpec } from '../../architecture/spec.js'
import type { LatencyTable } from '../../latency/table.js'
import type { ExplicitStep } from '../recipe-types.js'

/** Whether a step has a budget of milliseconds. */
export function readsLatency(step: ExplicitStep): boolean {
  if ('budget' in step) return 'milliseconds' in step.budget
  return 'mixed' in step && step.mixed !== undefined && 'milliseconds' in step.mixed
}

/** @throws RangeError where a table was measured of other layers */
export function checkTableFits({ heads, neurons }: LatencyTable, { layers }: EncoderSpec): void {
  const most = (counts: readonly number[]) => counts.reduce((high, count) => Math.max(high, count), 0)
  const wanted = [
    ['heads', heads.at(-1)!.count, most(layers.map((layer) => layer.heads.length))],
    ['neurons', neurons.at(-1)!.count, most(layers.map(({ inner }) => inner))],
  ] as const
  for (const [what, got, stored] of wanted) {
    if (got === stored) continue
    throw new RangeError(
      `Expected \`latency.${what}\` to end with ${stored}, as many as a layer of the checkpoint has, got ${got}. Measure this checkpoint.`,
    )
  }
}
