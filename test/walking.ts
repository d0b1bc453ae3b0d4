import type { CollectRequest, MomentsHandle, WalkHandle, WalkStage } from '../binding.js'
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

/** A walk with the weights of one checkpoint, through the addon. */
export class Walking {
  readonly #weights: Record<string, object>
  readonly #dense: Record<string, object> | undefined
  readonly #walk: WalkHandle

  private constructor(walk: WalkHandle, weights: Record<string, object>, dense?: Record<string, object>) {
    this.#walk = walk
    this.#weights = weights
    this.#dense = dense
  }

  static async open(
    checkpoint: Pick<Checkpoint, 'slots' | 'base' | 'decision'>,
    sequences: readonly Sequence[],
    options: WalkOptions = {},
  ): Promise<Walking> {
    const { dense = false, chunkTokens = 1000, counted, threads = 0 } = options
    const { slots, base, decision } = checkpoint
    const spec = specOf(base, decision, 'mask')
    const { ids, types, sequenceOffsets: offsets } = packBatch(sequences, spec)
    const weights = Object.fromEntries(weightSources(slots, base, decision, 'mask'))
    const layers = spec.layers.map((layer) => ({ ...layer, heads: [...layer.heads] }))
    const request = { spec: { ...spec, layers }, weights, ids, types, offsets, dense, chunkTokens, threads }
    const walk = await native((control) =>
      addon().openWalk(counted === undefined ? request : { ...request, counted }, control),
    )
    const before = dense ? Object.fromEntries(weightSources(slots, base, null, 'mask')) : undefined
    return new Walking(walk, weights, before)
  }

  /** By default full and without a target. */
  async handle(layer: number, stage: WalkStage, options: CollectOptions = {}): Promise<MomentsHandle> {
    const { full = true, target = 'own', into, ...others } = options
    const request = {
      layer,
      stage,
      full,
      target,
      ...this.#sources(),
      ...(into && { into }),
    } as CollectRequest
    return native((control) => addon().collectMoments(this.#walk, request, control), others)
  }
  async collect(layer: number, stage: WalkStage, options: CollectOptions = {}): Promise<Described> {
    return addon().describeMoments(await this.handle(layer, stage, options))
  }
  advance(layer: number, options: NativeOptions = {}): Promise<void> {
    type Request = Parameters<ReturnType<typeof addon>['advanceWalk']>[1]
    const request = { layer, ...this.#sources() } as Request
    return native((control) => addon().advanceWalk(this.#walk, request, control), options)
  }
  restart(): Promise<void> {
    return native((control) => addon().restartWalk(this.#walk, control))
  }
  dispose(): void {
    addon().disposeWalk(this.#walk)
  }

  #sources() {
    return { weights: this.#weights, ...(this.#dense && { denseWeights: this.#dense }) }
  }
}
