import type { EncoderSpec } from '../architecture/spec.js'
import { tokenIndices } from './embeddings.js'
import type { GraphBuilder, Value } from './graph-builder.js'

/** What is added to the scores of the heads of a layer [1, heads, sequence, sequence]; null where nothing is. */
export type PositionBias = (heads: readonly number[]) => Value | null

/**
 * MPNet's bias by distance, for any length. A distance's bucket is looked up: runtimes may differ in the last bit of a
 * logarithm, and that bit chooses between two buckets.
 */
export function positionBias(graph: GraphBuilder, spec: EncoderSpec, ids: Value): PositionBias {
  const { relative, originalHeads } = spec
  if (relative === null) return () => null
  const { buckets, maxDistance } = relative
  const table = graph.weight('relativeBias', [buckets, originalHeads])
  const distances = Array.from({ length: 2 * maxDistance + 1 }, (_, i) => i - maxDistance)
  const bucketOf = graph.whole(
    distances.map((distance) => relativeBucket(distance, buckets, maxDistance)),
    'bucket of distance',
  )
  const byDistance = graph.node('Gather', [table, bucketOf])
  const index = distanceIndices(graph, maxDistance, ids)

  const made = new Map<string, Value>()
  return (heads) => {
    const known = made.get(heads.join())
    if (known !== undefined) return known
    const all = heads.length === originalHeads
    const ours = all ? byDistance : graph.node('Gather', [byDistance, graph.whole([...heads])], { axis: 1 })
    const pairs = graph.node('Gather', [ours, index])
    const byHead = graph.node('Transpose', [pairs], { perm: [2, 0, 1] })
    const bias = graph.node('Unsqueeze', [byHead, graph.whole([0])])
    made.set(heads.join(), bias)
    return bias
  }
}

/** The bucket of a key's place minus the query's: near ones have a bucket each, the others share by logarithm. */
export function relativeBucket(distance: number, buckets: number, maxDistance: number): number {
  const half = buckets / 2
  const exact = half / 2
  const side = distance > 0 ? half : 0
  const away = Math.abs(distance)
  if (away < exact) return side + away
  const steps = (Math.log2(away / exact) / Math.log2(maxDistance / exact)) * (half - exact)
  return side + Math.min(exact + Math.floor(steps), half - 1)
}

/** Rows of a table that begins at −maxDistance, for each query and key [sequence, sequence]. */
function distanceIndices(graph: GraphBuilder, maxDistance: number, ids: Value): Value {
  const indices = tokenIndices(graph, ids)
  const keys = graph.node('Unsqueeze', [indices, graph.whole([0])])
  const queries = graph.node('Unsqueeze', [indices, graph.whole([1])])
  const distance = graph.node('Sub', [keys, queries])
  const near = graph.node('Clip', [distance, graph.whole(-maxDistance), graph.whole(maxDistance)])
  return graph.node('Add', [near, graph.whole(maxDistance)])
}
