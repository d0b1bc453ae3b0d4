import { weightShapes } from '../architecture/shapes.js'
import type { EncoderSpec, Slot } from '../architecture/spec.js'
import type { Checkpoint } from './checkpoint.js'
import type { StoredTensor } from './stored.js'

export type CheckpointSummary = {
  readonly architecture: string
  readonly head: null | { readonly kind: string; readonly labels: number }
  readonly vocab: number
  readonly hidden: number
  readonly headSize: number
  /** One entry for each application of a layer. */
  readonly layers: readonly { readonly weights: number; readonly heads: number; readonly neurons: number }[]
  /** Numbers in the weights that run, shared ones counted once, masked ones counted. */
  readonly parameters: number
  /** Bytes of the tensors that are used, as stored. */
  readonly bytes: number
  /** dtype → how many of the used tensors have it. */
  readonly dtypes: Readonly<Record<string, number>>
  readonly files: readonly { readonly file: string; readonly bytes: number }[]
  readonly ignored: readonly string[]
  readonly notes: readonly string[]
}

/** What is known of a checkpoint without reading weights: plain data, for `inspect`. */
export function summarise(
  checkpoint: Checkpoint,
  files: readonly { file: string; size: number }[],
): CheckpointSummary {
  const { architecture, spec, slots, ignored, notes } = checkpoint
  const used = [...new Map([...slots.values()].map((tensor) => [tensor.name, tensor])).values()]
  return {
    architecture,
    head: spec.head && { kind: spec.head.kind, labels: spec.head.labels },
    vocab: spec.vocab,
    hidden: spec.hidden,
    headSize: spec.headSize,
    layers: spec.layers.map(({ weights, heads, inner }) => ({
      weights,
      heads: heads.length,
      neurons: inner,
    })),
    parameters: countParameters(spec, slots),
    bytes: used.reduce((sum, { begin, end }) => sum + end - begin, 0),
    dtypes: countDtypes(used),
    files: files.map(({ file, size }) => ({ file, bytes: size })),
    ignored,
    notes,
  }
}

function countParameters(spec: EncoderSpec, slots: ReadonlyMap<Slot, StoredTensor>): number {
  const sizes = new Map<string | undefined, number>()
  for (const [slot, shape] of weightShapes(spec)) {
    sizes.set(
      slots.get(slot)?.name,
      shape.reduce((product, size) => product * size, 1),
    )
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0)
}

function countDtypes(tensors: readonly StoredTensor[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { dtype } of tensors) counts[dtype] = (counts[dtype] ?? 0) + 1
  return counts
}
