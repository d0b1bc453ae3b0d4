/** onnxruntime-node as a subject: what bench/peers/onnxruntime.ts opens, in a process of its own. */
import type { Facts, IdBatch, OpenRunner } from '../dist/bench/subject.js'
import { openPeer, type PeerOutput } from './peers/onnxruntime.js'

export type PeerSettings = { readonly model: string; readonly threads: number }

const outputs = ['last_hidden_state']

export const open: OpenRunner<PeerSettings> = async (settings) => {
  const start = performance.now()
  const { model, threads } = settings
  const peer = await openPeer(model, { threads })
  const facts: Facts = {
    loadSeconds: (performance.now() - start) / 1000,
    memoryBytes: null,
    device: `onnxruntime-node, CPU, threads ${threads}`,
  }
  return {
    facts,
    pass: (batch) => peer.run(batch, { outputs }),
    output: async (batch) => {
      const { last_hidden_state: states } = await peer.run(batch, { outputs })
      return withoutPadding(states!, batch)
    },
    dispose: () => void peer.dispose(),
  }
}

/** [sequences, longest, hidden] as [tokens, hidden]. */
function withoutPadding({ data, dims }: PeerOutput, batch: IdBatch): Float32Array {
  const [, longest = 0, hidden = 0] = dims
  const tokens = batch.reduce((sum, { length }) => sum + length, 0)
  const packed = new Float32Array(tokens * hidden)
  let at = 0
  for (const [sequence, { length }] of batch.entries()) {
    const begin = sequence * longest * hidden
    packed.set(data.subarray(begin, begin + length * hidden), at)
    at += length * hidden
  }
  return packed
}
