/** onnxruntime-node as a subject: what bench/peers/onnxruntime.ts opens, in a process of its own. */
import type { Facts, IdBatch, OpenRunner } from '../dist/bench/subject.js'

export type PeerSettings = { readonly model: string; readonly threads: number }

type Tensor = { readonly data: Float32Array; readonly dims: readonly number[] }
export type Peer = {
  run(ids: IdBatch, options: { readonly outputs: readonly string[] }): Promise<Record<string, Tensor>>
  dispose(): Promise<void> | void
}
type PeerModule = { openPeer(model: string, options: { readonly threads: number }): Promise<Peer> }

const outputs = ['last_hidden_state']

export async function openPeer({ model, threads }: PeerSettings): Promise<Peer> {
  const url = new URL('./peers/onnxruntime.ts', import.meta.url).href
  const { openPeer: open } = (await import(url)) as PeerModule
  return open(model, { threads })
}

export const open: OpenRunner<PeerSettings> = async (settings) => {
  const start = performance.now()
  const peer = await openPeer(settings)
  const facts: Facts = {
    loadSeconds: (performance.now() - start) / 1000,
    memoryBytes: null,
    device: `onnxruntime-node, CPU, threads ${settings.threads}`,
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
function withoutPadding({ data, dims }: Tensor, batch: IdBatch): Float32Array {
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
