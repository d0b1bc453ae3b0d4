import type {
  DifferentiableHandle,
  GateGradients,
  GradientRequest,
  GradientResult,
  Loss,
  TapRequest,
} from '../binding.js'
import { addon, native } from '../lib/addon.js'
import type { EncoderSpec, Slot } from '../lib/architecture/spec.js'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { weightSources } from '../lib/checkpoint/decision.js'

export type Packed = Pick<GradientRequest, 'ids' | 'types' | 'offsets'>

/** Sequences of ids and token types that follow from a seed. */
export function packed(spec: EncoderSpec, lengths: readonly number[], next: () => number): Packed {
  const below = (count: number) => Math.floor(next() * count)
  const offsets = [0]
  for (const length of lengths) offsets.push(offsets.at(-1)! + length)
  const tokens = Array.from({ length: offsets.at(-1)! })
  return {
    ids: Int32Array.from(tokens, () => below(spec.vocab)),
    types: Int32Array.from(tokens, () => below(Math.max(spec.tokenTypes, 1))),
    offsets: Int32Array.from(offsets),
  }
}

/** What a gradient is asked of: everything in one minibatch and nothing wanted, but for what is given. */
export type Asked = Packed & { loss: Loss } & Partial<GradientRequest>

export function loadRequest(checkpoint: Checkpoint, changes: ReadonlyMap<Slot, Float32Array> = new Map()) {
  const { spec } = checkpoint
  const weights = weightSources(checkpoint.slots, checkpoint.base, checkpoint.decision, 'remove')
  for (const [slot, values] of changes) {
    const { name, shape } = weights.get(slot)!
    weights.set(slot, { name, dtype: 'F32', shape, data: new Uint8Array(values.slice().buffer) })
  }
  const layers = spec.layers.map((layer) => ({ ...layer, heads: [...layer.heads] }))
  return { spec: { ...spec, layers }, weights: Object.fromEntries(weights), threads: 0 }
}

/** The differentiable encoder of the binding, as tests use it. */
export class Differentiable {
  readonly spec: EncoderSpec
  readonly #handle: DifferentiableHandle

  private constructor(spec: EncoderSpec, handle: DifferentiableHandle) {
    this.spec = spec
    this.#handle = handle
  }

  /** With other numbers in place of the stored ones for the slots of `changes`. */
  static async load(
    from: Checkpoint | string,
    changes: ReadonlyMap<Slot, Float32Array> = new Map(),
  ): Promise<Differentiable> {
    const checkpoint = typeof from === 'string' ? await Checkpoint.open(from) : from
    const request = loadRequest(checkpoint, changes)
    return new Differentiable(
      checkpoint.spec,
      await native((control) => addon().loadDifferentiable(request, control)),
    )
  }

  gradients(asked: Asked, signal?: AbortSignal): Promise<GradientResult> {
    const batches = Int32Array.of(0, asked.offsets.length - 1)
    const request = { batches, heads: false, neurons: false, rows: false, weights: [], ...asked }
    return native((control) => addon().gradients(this.#handle, request, control), { signal })
  }

  /** The sum over examples. */
  async loss(asked: Asked): Promise<number> {
    return (await this.gradients(asked)).losses.reduce((total, loss) => total + loss, 0)
  }

  tap(request: TapRequest): Promise<Float32Array> {
    return native((control) => addon().tap(this.#handle, request, control))
  }

  dispose(): void {
    addon().disposeDifferentiable(this.#handle)
  }

  get heads(): number {
    return this.spec.layers.reduce((total, { heads }) => total + heads.length, 0)
  }
  get neurons(): number {
    return this.spec.layers.reduce((total, { inner }) => total + inner, 0)
  }
}

export const gateNames = [
  'perToken',
  'perExample',
  'perBatch',
  'sum',
  'exampleSquares',
  'batchSquares',
] as const
export type GateName = (typeof gateNames)[number] & keyof GateGradients

/** Losses that fit a model's outputs, of random targets: of the logits where it has a head, else of sentence vectors. */
export function lossesFor(spec: EncoderSpec, { offsets, ids }: Packed, next: () => number): Loss[] {
  const sequences = offsets.length - 1
  const numbers = (count: number) => Float32Array.from({ length: count }, () => (next() - 0.5) * 2)
  if (spec.head === null)
    return (['mean', 'cls', 'max', 'meanSqrtLength', 'lastToken'] as const).flatMap((pooling): Loss[] => [
      { kind: 'squares', of: 'sentence', targets: numbers(sequences * spec.hidden), pooling },
      { kind: 'cosine', targets: numbers(sequences / 2), pooling },
      { kind: 'similarity', vectors: numbers(sequences * spec.hidden), pooling, scale: 10 },
    ])
  const { labels, input, kind } = spec.head
  const rows = input === 'tokens' ? ids.length : sequences
  if (kind === 'questionAnswering') {
    const places = () =>
      Int32Array.from({ length: sequences }, (_, i) =>
        i === 1 ? -1 : Math.floor(next() * (offsets[i + 1]! - offsets[i]!)),
      )
    return [{ kind: 'span', starts: places(), ends: places() }]
  }
  const some = Int32Array.from({ length: rows }, (_, i) => (i % 3 === 1 ? -1 : Math.floor(next() * labels)))
  return [
    { kind: 'crossEntropy', labels: some },
    { kind: 'divergence', targets: numbers(rows * labels), temperature: 2 },
    { kind: 'squares', of: 'logits', targets: numbers(rows * labels) },
  ]
}
