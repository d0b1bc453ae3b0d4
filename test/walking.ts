import type {
  CollectRequest,
  MomentsHandle,
  WalkHandle,
  WalkRequest,
  WalkStage,
  WeightSource,
} from '../binding.js'
import { addon, type NativeOptions, native } from '../lib/addon.js'
import type { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { specOf, weightSources } from '../lib/checkpoint/decision.js'
import type { Sequence } from '../lib/encoder/batch.js'
import { packBatch } from '../lib/encoder/batch.js'

export const stages = ['attention', 'attentionOutput', 'ffnIn', 'ffnOut'] as const satisfies WalkStage[]

export type Described = ReturnType<ReturnType<typeof addon>['describeMoments']>

export type WalkOptions = {
  /** The base's weights beside those of the checkpoint's decision. @default false */
  readonly dense?: boolean
  /** @default 1000 */
  readonly chunkTokens?: number
  readonly counted?: Uint8Array
  readonly threads?: number
}

export type CollectOptions = Partial<Pick<CollectRequest, 'full' | 'target' | 'into'>> & NativeOptions

type Stored = Pick<Checkpoint, 'slots' | 'base' | 'decision'>
type Sources = Record<string, WeightSource>

/** What openWalk wants. */
export function walkRequest(
  { slots, base, decision }: Stored,
  sequences: readonly Sequence[],
  { dense = false, chunkTokens = 1000, counted, threads = 0 }: WalkOptions,
): WalkRequest {
  const spec = specOf(base, decision, 'mask')
  const layers = spec.layers.map((layer) => ({ ...layer, heads: [...layer.heads] }))
  const { ids, types, sequenceOffsets: offsets } = packBatch(sequences, spec)
  const weights = Object.fromEntries(weightSources(slots, base, decision, 'mask'))
  const request = { spec: { ...spec, layers }, weights, ids, types, offsets, dense, chunkTokens, threads }
  return counted === undefined ? request : { ...request, counted }
}

/** What its steps want: more slots than those of one layer do no harm. */
export function stepWeights(
  { slots, base, decision }: Stored,
  { dense = false }: WalkOptions,
): { weights: Sources; denseWeights?: Sources } {
  const weights = Object.fromEntries(weightSources(slots, base, decision, 'mask'))
  if (!dense) return { weights }
  return { weights, denseWeights: Object.fromEntries(weightSources(slots, base, null, 'mask')) }
}

/** A walk with the weights of one checkpoint, through the addon. */
export class Walking {
  readonly #walk: WalkHandle
  readonly #weights: ReturnType<typeof stepWeights>

  private constructor(walk: WalkHandle, weights: ReturnType<typeof stepWeights>) {
    this.#walk = walk
    this.#weights = weights
  }

  static async open(
    checkpoint: Stored,
    sequences: readonly Sequence[],
    options: WalkOptions = {},
  ): Promise<Walking> {
    const request = walkRequest(checkpoint, sequences, options)
    const walk = await native((control) => addon().openWalk(request, control))
    return new Walking(walk, stepWeights(checkpoint, options))
  }

  /** By default full and without a target. */
  async handle(layer: number, stage: WalkStage, options: CollectOptions = {}): Promise<MomentsHandle> {
    const { full = true, target = 'own', into, ...others } = options
    const request = { layer, stage, full, target, ...this.#weights, ...(into && { into }) }
    return native((control) => addon().collectMoments(this.#walk, request, control), others)
  }
  async collect(layer: number, stage: WalkStage, options: CollectOptions = {}): Promise<Described> {
    return addon().describeMoments(await this.handle(layer, stage, options))
  }
  advance(layer: number, options: NativeOptions = {}): Promise<void> {
    return native((control) => addon().advanceWalk(this.#walk, { layer, ...this.#weights }, control), options)
  }
  restart(): Promise<void> {
    return native((control) => addon().restartWalk(this.#walk, control))
  }
  dispose(): void {
    addon().disposeWalk(this.#walk)
  }
}
