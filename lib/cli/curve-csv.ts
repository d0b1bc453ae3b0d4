import type { CurvePoint, Curves } from '../index.js'

type Cell = string | number | null | undefined

const header = [
  ...['unit', 'method', 'level', 'share', 'seed', 'metric', 'value', 'low', 'high', 'interval_method'],
  ...['difference', 'difference_low', 'difference_high', 'difference_method', 'p_value', 'test'],
  ...['reversed_difference', 'reversed_low', 'reversed_high', 'reversed_p_value'],
  ...[
    'random_difference',
    'random_low',
    'random_high',
    'random_p_value',
    'random_verdict',
    'random_seeds',
    'random_seeds_beaten',
  ],
  ...['prunable_density', 'all_density', 'prune_seconds', 'evaluate_seconds'],
]

/** The dense model and every point as RFC 4180 has it; the same numbers as in the JSON. */
export function curveCsv({ dense, points }: Curves): string {
  const { metric, value, interval, intervalMethod, seconds } = dense
  const known = new Map<string, Cell>(
    Object.entries({ method: 'dense', share: 0, metric, value, low: interval[0], high: interval[1] }),
  )
  known
    .set('interval_method', intervalMethod)
    .set('prunable_density', 1)
    .set('all_density', 1)
    .set('evaluate_seconds', seconds)
  const first = header.map((name) => known.get(name))
  const rows: Cell[][] = [header, first, ...points.map((point) => rowOf(point, metric))]
  return rows.map((row) => `${row.map(cellText).join(',')}\r\n`).join('')
}

function rowOf(point: CurvePoint, metric: string): Cell[] {
  const { toDense, toOrder, toRandom, density, seconds } = point
  return [
    ...[point.unit, point.method, point.level, point.share, point.seed],
    ...[metric, point.value, ...point.interval, point.intervalMethod],
    ...[toDense.difference, ...toDense.interval, toDense.intervalMethod, toDense.pValue, toDense.test],
    ...[toOrder?.difference, ...(toOrder?.interval ?? [null, null]), toOrder?.pValue],
    ...[toRandom?.difference, ...(toRandom?.interval ?? [null, null]), toRandom?.pValue],
    ...[toRandom?.verdict, toRandom?.seeds, toRandom?.better],
    ...[density.prunable.density, density.all.density, seconds.prune, seconds.evaluate],
  ]
}

function cellText(cell: Cell): string {
  // An interval without an end has an infinite one.
  if (cell === null || cell === undefined || (typeof cell === 'number' && !Number.isFinite(cell))) return ''
  const text = String(cell)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
