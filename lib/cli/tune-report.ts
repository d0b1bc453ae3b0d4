import type { Encoder } from '../index.js'
import { percent, several } from './amounts.js'
import { alignedTable, type Cell } from './table.js'

type Matrix = ReturnType<Encoder['explain']>[number]

/** What was measured, matrix by matrix and bucket by bucket, and what of it runs. */
export function tuneReport(result: {
  readonly device: string
  readonly seconds: number
  readonly matrices: readonly Matrix[]
}): string {
  const { device, seconds, matrices } = result
  const rows = matrices.flatMap(rowsOf)
  const plain = matrices.filter(({ buckets }) => !buckets.some(isMeasured)).length
  const left = plain === 0 ? [] : [`${several(plain, 'matrix', 'matrices')} had nothing to measure.`]
  const header = ['matrix', 'size', 'zeros', 'tokens up to', 'dense µs', 'sparse µs', 'runs', 'why']
  const table = rows.length === 0 ? [] : [alignedTable(header, rows), '']
  const scaled = matrices.flatMap(scalesOf)
  const scales = scaled.length === 0 ? [] : [alignedTable(scalesHeader, scaled), '']
  return [...table, ...scales, ...left, `${device}: loaded and measured in ${seconds.toFixed(1)} s.`].join(
    '\n',
  )
}

function rowsOf({ name, rows, columns, nonzeros, buckets }: Matrix): Cell[][] {
  const zeros = percent(1 - nonzeros / (rows * columns))
  return buckets.filter(isMeasured).map(({ tokens, form, denseMicroseconds, sparseMicroseconds, reason }) => {
    const upTo = tokens === null ? 'more' : `${tokens}`
    const times = [denseMicroseconds, sparseMicroseconds].map((time) => time?.toFixed(1) ?? '–')
    return [name, `${rows} × ${columns}`, zeros, upTo, ...times, form, reason]
  })
}

const scalesHeader = ['matrix', 'tokens up to', 'µs by token', 'µs by one scale', 'errors', 'runs', 'why']

/** Of what was calibrated: both times and both errors. */
function scalesOf({ name, scales }: Matrix): Cell[][] {
  if (scales === undefined) return []
  const { tokenError, tensorError, reason, buckets } = scales
  const errors = [tokenError, tensorError].map((error) => (error === null ? '–' : percent(error))).join(', ')
  if (reason !== '') return [[name, 'any', '–', '–', errors, 'a scale a token', reason]]
  return buckets.map(({ tokens, chosen, tokenMicroseconds, tensorMicroseconds, reason: why }) => {
    const times = [tokenMicroseconds, tensorMicroseconds].map((time) => time?.toFixed(1) ?? '–')
    const runs = chosen === 'tensor' ? 'one scale' : 'a scale a token'
    return [name, tokens === null ? 'more' : `${tokens}`, ...times, errors, runs, why]
  })
}

function isMeasured({ denseMicroseconds, sparseMicroseconds }: Matrix['buckets'][number]): boolean {
  return denseMicroseconds !== null || sparseMicroseconds !== null
}
