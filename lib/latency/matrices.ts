import type { LinearReport } from '../../binding.js'
import { addon } from '../addon.js'
import type { EncoderSpec } from '../architecture/spec.js'
import { type LayerSize, loadLayers } from './layer-subject.js'
import type { LatencySettings } from './options.js'
import { type LatencyTable, type MatrixTime, matrixNames } from './table.js'

/**
 * What each matrix of a layer costs dense and with zeros of an N:M pattern: as an encoder measures it when it is loaded,
 * for its bucket of tokens, and in proportion to them. Where the encoder would not choose a sparse form it costs the
 * same.
 */
export async function matrixTimes(
  base: EncoderSpec,
  size: LayerSize,
  pattern: string,
  settings: LatencySettings,
): Promise<LatencyTable['matrices']> {
  const [n, m] = pattern.split(':').map(Number) as [number, number]
  const handle = await loadLayers(base, size, 1, settings, (row, column) => (row + column) % m < n)
  const reports = addon().explainEncoder(handle)
  addon().disposeEncoder(handle)
  const tokens = settings.batch * settings.length
  const times = matrixNames.map((_, at) => timesOf(reports[at], tokens))
  const [attention, attentionOutput, ffnIn, ffnOut] = times as [
    MatrixTime,
    MatrixTime,
    MatrixTime,
    MatrixTime,
  ]
  return { pattern, times: { attention, attentionOutput, ffnIn, ffnOut } }
}

function timesOf(report: LinearReport | undefined, tokens: number): MatrixTime {
  const buckets = report?.buckets ?? []
  const at = buckets.findIndex((bucket) => bucket.tokens === null || bucket.tokens >= tokens)
  const { denseMicroseconds: dense, sparseMicroseconds: sparse, form } = buckets[at] ?? {}
  if (dense == null || sparse == null) return { dense: 0, sparse: 0 }
  const measuredAt = (buckets[at - 1]?.tokens ?? 0) + 1
  const scale = tokens / measuredAt / 1000
  return { dense: dense * scale, sparse: (form?.startsWith('sparse') === true ? sparse : dense) * scale }
}
