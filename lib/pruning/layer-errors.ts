import type { MomentsHandle } from '../../binding.js'
import { addon, native, type Progress } from '../addon.js'
import type { Slot } from '../architecture/spec.js'
import type { Calibration } from '../calibration/calibration.js'
import { checkInteger, checkKeys, checkSignal, expected } from '../check.js'
import type { Checkpoint } from '../checkpoint/checkpoint.js'
import { type Decision, nothingDecided, weightSources } from '../checkpoint/decision.js'
import { checkComparable, checkExamples } from './comparable.js'
import { LayerWalk, stages, type WalkContext } from './layer-walk.js'
import { inOrders } from './orders.js'

export type LayerErrorsOptions = {
  /** CPU threads. @default what cores, affinity and quota allow */
  readonly threads?: number | undefined
  /** Rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  /** Its unit are the layers. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** How far one linear's output is from what it was. */
export type LinearError = {
  /** Which of the base's layers applies it: layers may share a slot. */
  readonly layer: number
  readonly slot: Slot
  /** ‖(Ŵ − W) x + b̂ − b‖² / ‖W x‖² over all tokens, x being the dense model's; of outputs that are left. */
  readonly error: number
}

export type LayerErrors = {
  readonly tokens: number
  /** Of every layer that is left, in the order of the forward pass. */
  readonly linears: readonly LinearError[]
  /** Over `linears`; 0 where there are none. */
  readonly mean: number
}

/**
 * What pruning has done to every linear by itself: the relative squared error of its output where it reads what it
 * reads in the dense model. Examples that pruning has not seen tell what it is worth; its own flatter it.
 * @param base as stored, nothing decided
 * @param pruned what a plan made of it, or a checkpoint of the same shapes that was saved with zeros. One that was saved
 *   with its neurons in another order has other linears: apply the plan in its place.
 * @throws TypeError; RangeError where the two do not have the same linears, or the examples are another model's;
 *   TwofourError PRUNE_NOT_FINITE, FILE_CHANGED, OUT_OF_MEMORY; `signal.reason`
 */
export async function layerErrors(
  base: Checkpoint,
  pruned: Checkpoint,
  calibration: Calibration,
  options: LayerErrorsOptions = {},
): Promise<LayerErrors> {
  const { threads, signal, onProgress } = checkOptions(options)
  checkComparable(base, pruned)
  checkExamples(calibration, base)

  const { base: spec, slots } = base
  const ways = { base: spec, slots, signal, threads }
  const dense = await inOrders(ways, nothingDecided(spec), pruned.decision?.orders)
  const context: WalkContext = { ...ways, decision: dense, calibration }
  const linears = await errorsOf(context, pruned, onProgress)
  const sum = linears.reduce((total, { error }) => total + error, 0)
  return { tokens: calibration.tokens, linears, mean: sum / Math.max(1, linears.length) }
}

async function errorsOf(
  context: WalkContext,
  pruned: Checkpoint,
  onProgress: LayerErrorsOptions['onProgress'],
): Promise<LinearError[]> {
  const { base, decision } = context
  const { layers: kept } = decisionOf(pruned)
  const total = (kept.at(-1) ?? -1) + 1
  const errors: LinearError[] = []
  const walk = await LayerWalk.open(context, false)
  try {
    for (const [layer, { weights }] of base.layers.slice(0, total).entries()) {
      onProgress?.({ stage: 'layer errors', done: layer, total, unit: 'layers' })
      for (const [stage, linears] of kept.includes(layer) ? stages : []) {
        const moments = await walk.collect(layer, stage, decision, { full: true, target: 'own' })
        for (const linear of linears) {
          const slot = `layers.${weights}.${linear}.weight`
          errors.push({ layer, slot, error: await errorOf(context, pruned, slot, moments) })
        }
      }
      if (layer + 1 < total) await walk.advance(layer, decision)
    }
  } finally {
    walk.dispose()
  }
  return errors
}

/** Outputs that are gone are left out of both: nothing reads them any more. */
async function errorOf(
  { base, slots, decision, signal, threads }: WalkContext,
  pruned: Checkpoint,
  slot: Slot,
  moments: MomentsHandle,
): Promise<number> {
  const bias = slot.replace(/weight$/, 'bias')
  const sources = weightSources(slots, base, decision, 'mask')
  const others = weightSources(pruned.slots, pruned.base, decisionOf(pruned), 'mask')
  const [after, afterBias] = [others.get(slot)!, others.get(bias)!]
  const rows = after.rows && { rows: after.rows }
  const before = { ...sources.get(slot)!, ...rows }
  const beforeBias = { ...sources.get(bias)!, ...rows }
  const request = { before, beforeBias, after, afterBias, moments, threads }
  return native((control) => addon().relativeError(request, control), { signal })
}

function decisionOf({ base, decision }: Checkpoint): Decision {
  return decision ?? nothingDecided(base)
}

function checkOptions(options: LayerErrorsOptions) {
  checkKeys('options', options, ['threads', 'signal', 'onProgress'])
  const { onProgress } = options
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new TypeError(expected('onProgress', 'a function', onProgress))
  const threads = checkInteger('threads', options.threads ?? 0, options.threads === undefined ? 0 : 1, 1024)
  return { threads, signal: checkSignal(options.signal), onProgress }
}
