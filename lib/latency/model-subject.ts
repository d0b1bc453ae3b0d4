import type { Checkpoint } from '../checkpoint/checkpoint.js'
import { packBatch } from '../encoder/batch.js'
import { Encoder } from '../encoder/encoder.js'
import { blankRequest } from '../encoder/run.js'
import type { LatencySettings } from './options.js'
import type { Subject } from './timing.js'

/** A checkpoint as it is used: to its logits where it has a head, else to sentence vectors. */
export async function modelSubject(
  checkpoint: Checkpoint,
  { batch, length, load }: LatencySettings,
): Promise<Subject> {
  const { dtype, threads, signal } = load
  const encoder = await Encoder.load(checkpoint, {
    ...{ device: load.backend, dtype, signal, maxTokens: load.maxTokens },
    tuning: { budget: Number.POSITIVE_INFINITY },
    ...(threads > 0 && { threads }),
  })
  const { spec } = checkpoint
  const sequence = Array.from({ length }, (_, at) => at % spec.vocab)
  const request = blankRequest(
    packBatch(
      Array.from({ length: batch }, () => sequence),
      spec,
    ),
  )
  if (spec.head === null) request.sentence = { poolings: ['mean'], normalize: false, skip: 0 }
  else request.logits = true
  return {
    run: async () => (await encoder.submit({ ...request }, signal)).nanoseconds / 1e6,
    dispose: () => encoder.dispose(),
  }
}
