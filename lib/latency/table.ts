import { checkInteger, checkKeys, checkNumber, checkString, expected } from '../check.js'

/** What so many heads of a layer cost, or so many neurons. */
export type CountTime = { readonly count: number; readonly milliseconds: number }

/** What a layer's matrix costs dense, and with zeros of a pattern. */
export type MatrixTime = { readonly dense: number; readonly sparse: number }

export const matrixNames = ['attention', 'attentionOutput', 'ffnIn', 'ffnOut'] as const
/** Matrices of a layer as they are multiplied: 'attention' is query, key and value in one. */
export type MatrixName = (typeof matrixNames)[number]

/**
 * What a model's parts cost on one machine, for one batch: measured by `measureLatency`, and plain data, so that it can
 * be kept as JSON. Milliseconds.
 */
export type LatencyTable = {
  /** What it was measured on. */
  readonly device: string
  readonly dtype: string
  readonly threads: number
  /** Sequences of a batch, and tokens of each. */
  readonly batch: number
  readonly length: number
  /** The model without any heads and neurons. */
  readonly fixed: number
  /** The model as it was measured with. */
  readonly dense: number
  /** Of one layer, ascending from no heads (no neurons) to all that are stored; times never fall. */
  readonly heads: readonly CountTime[]
  readonly neurons: readonly CountTime[]
  /** Of one layer with all heads and neurons. */
  readonly matrices: {
    readonly pattern: string
    readonly times: Readonly<Record<MatrixName, MatrixTime>>
  }
}

const keys = [
  'device',
  'dtype',
  'threads',
  'batch',
  'length',
  'fixed',
  'dense',
  'heads',
  'neurons',
  'matrices',
]

/** Between measured counts on a straight line. */
export function timeOf(times: readonly CountTime[], count: number): number {
  const above = times.findIndex((time) => time.count >= count)
  const high = times[above] ?? times.at(-1)!
  const low = times[Math.max(0, above - 1)]!
  if (high.count <= low.count) return high.milliseconds
  const share = (Math.min(count, high.count) - low.count) / (high.count - low.count)
  return low.milliseconds + share * (high.milliseconds - low.milliseconds)
}

/** The nearest times that do not fall with the count, by least squares: what falls is noise, and levelled out. */
export function rising(times: readonly CountTime[]): CountTime[] {
  const pools: { sum: number; counts: number[] }[] = []
  const mean = ({ sum, counts }: { sum: number; counts: number[] }) => sum / counts.length
  for (const { count, milliseconds } of times) {
    let pool = { sum: milliseconds, counts: [count] }
    for (let last = pools.at(-1); last !== undefined && mean(last) > mean(pool); last = pools.at(-1)) {
      pool = { sum: last.sum + pool.sum, counts: [...last.counts, ...pool.counts] }
      pools.pop()
    }
    pools.push(pool)
  }
  return pools.flatMap((pool) => pool.counts.map((count) => ({ count, milliseconds: mean(pool) })))
}

/** @throws TypeError, RangeError where it is not what `measureLatency` makes */
export function checkTable(what: string, value: unknown): LatencyTable {
  checkKeys(what, value, keys)
  const time = (name: string, from: unknown) => checkNumber(`${what}.${name}`, from, 0, Number.MAX_VALUE)
  return {
    device: checkString(`${what}.device`, value.device),
    dtype: checkString(`${what}.dtype`, value.dtype),
    threads: checkInteger(`${what}.threads`, value.threads, 0),
    batch: checkInteger(`${what}.batch`, value.batch, 1),
    length: checkInteger(`${what}.length`, value.length, 1),
    fixed: time('fixed', value.fixed),
    dense: time('dense', value.dense),
    heads: checkTimes(`${what}.heads`, value.heads),
    neurons: checkTimes(`${what}.neurons`, value.neurons),
    matrices: checkMatrices(`${what}.matrices`, value.matrices),
  }
}

function checkTimes(what: string, value: unknown): CountTime[] {
  if (!Array.isArray(value) || value.length < 2) {
    throw new TypeError(expected(what, 'a list of times from no units to all', value))
  }
  let [least, fastest] = [0, 0]
  return value.map((entry: unknown, at) => {
    const place = `${what}[${at}]`
    checkKeys(place, entry, ['count', 'milliseconds'])
    const count = checkInteger(`${place}.count`, entry.count, least, at === 0 ? 0 : Number.MAX_SAFE_INTEGER)
    fastest = checkNumber(
      `${place}.milliseconds`,
      entry.milliseconds,
      fastest,
      at === 0 ? 0 : Number.MAX_VALUE,
    )
    least = count + 1
    return { count, milliseconds: fastest }
  })
}

function checkMatrices(what: string, value: unknown): LatencyTable['matrices'] {
  checkKeys(what, value, ['pattern', 'times'])
  const { times } = value
  checkKeys(`${what}.times`, times, matrixNames)
  const read = (name: MatrixName): MatrixTime => {
    const place = `${what}.times.${name}`
    const time = times[name]
    checkKeys(place, time, ['dense', 'sparse'])
    return {
      dense: checkNumber(`${place}.dense`, time.dense, 0, Number.MAX_VALUE),
      sparse: checkNumber(`${place}.sparse`, time.sparse, 0, Number.MAX_VALUE),
    }
  }
  return {
    pattern: checkString(`${what}.pattern`, value.pattern),
    times: {
      attention: read('attention'),
      attentionOutput: read('attentionOutput'),
      ffnIn: read('ffnIn'),
      ffnOut: read('ffnOut'),
    },
  }
}
