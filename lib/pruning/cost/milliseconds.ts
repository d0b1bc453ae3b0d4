import { type LatencyTable, timeOf } from '../../latency/table.js'
import type { Cost } from './cost.js'

/** Milliseconds of one batch, as a measured table has them. @param applied weight set → layers that apply it */
export function millisecondsCost(table: LatencyTable, applied: ReadonlyMap<number, number>): Cost {
  return {
    kind: 'milliseconds',
    fixed: table.fixed,
    linear: false,
    of: ({ kind, set }, count) => (applied.get(set) ?? 0) * timeOf(table[kind], count),
  }
}
