// The public evaluation takes our encoders only: its own parts score the peer's vectors in the same way.
import { cosineOfRows } from '../dist/evaluation/metrics/cosine.js'
import { similarity } from '../dist/evaluation/similarity.js'
import { summarise } from '../dist/evaluation/summarise.js'
import type { PeerSettings } from './onnxruntime-subject.js'
import { openPeer } from './peers/onnxruntime.js'

export type Score = {
  readonly value: number
  readonly interval: readonly [number, number]
  readonly n: number
}

const outputs = ['sentence_embedding']

/**
 * Spearman of the peer's sentence vectors. Dynamic int8 depends on what stands in a batch: `batches` are those that
 * are timed, both sentences of a pair beside each other.
 */
export async function scorePeer(
  { model, threads }: PeerSettings,
  batches: readonly (readonly (readonly number[])[])[],
  scores: Float64Array,
): Promise<Score> {
  const peer = await openPeer(model, { threads })
  const cosines: number[] = []
  try {
    for (const batch of batches) {
      const { sentence_embedding: vectors } = await peer.run(batch, { outputs })
      const [, hidden = 0] = vectors!.dims
      for (let at = 0; at < batch.length; at += 2) {
        cosines.push(cosineOfRows(vectors!.data, hidden, at, at + 1))
      }
    }
  } finally {
    await peer.dispose()
  }
  const { value, interval, n } = summarise(similarity(cosines, scores))
  return { value, interval, n }
}
