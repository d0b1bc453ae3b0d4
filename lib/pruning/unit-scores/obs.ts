import { addon, native } from '../../addon.js'
import type { Slot } from '../../architecture/spec.js'
import { weightSources } from '../../checkpoint/decision.js'
import { layerOfSet, parseLayerSlot } from '../../checkpoint/structure.js'
import { dampingFor } from '../change-linear.js'
import { layerStops, type Stop } from '../layer-stops.js'
import { outputSlot } from '../unit-update.js'
import type { Ranked, UnitScore } from './unit-score.js'

/**
 * What least squares lose (Kurtic, Frantar & Alistarh 2023, "ZipLM"): of each layer units are taken out one by one, each
 * time the one that the linear behind them can spare best when its other weights make up for it. A unit's number is the
 * squared error of that linear's output when it and all before it are gone, as a share of the output's energy: so in a
 * layer they go in that order, and layers are compared by what each of them has lost by then.
 */
export const obs: UnitScore = {
  name: 'obs',
  units: ['heads', 'neurons'],
  calibrated: true,
  update: 'refit',

  async open(ranked) {
    const scores = await errorsWhenGone(ranked)
    return { scores: async () => scores }
  },
}

async function errorsWhenGone(ranked: Ranked): Promise<Float64Array> {
  const { context, kind, sets, units } = ranked
  const slots = sets.map((set) => outputSlot(kind, set))
  const scope = slots.map((slot) => ({ slot, stored: context.slots.get(slot)! }))
  const found = new Map<string, number>()
  if (units.length > 0) {
    // Nothing changes on the way, and a layer's sums need not wait for the others'.
    const stopping = { full: true, target: 'own', prefix: 'pruned' } as const
    for await (const stop of layerStops(context, scope, stopping, () => context.decision)) {
      for (const { slot } of stop.weights) await addErrors(ranked, slot, stop, found)
    }
  }
  return Float64Array.from(units, ({ set, index }) => found.get(`${set} ${index}`)!)
}

async function addErrors(
  { context, kind, units }: Ranked,
  slot: Slot,
  stop: Stop,
  found: Map<string, number>,
): Promise<void> {
  const { base, slots, decision, threads, signal } = context
  const { weights: set } = parseLayerSlot(slot)!
  const { heads } = layerOfSet(base, set)
  const own = units.filter((unit) => unit.set === set).map(({ index }) => index)
  if (own.length === 0) return
  const sources = weightSources(slots, base, decision, 'mask')
  const request = {
    weight: sources.get(slot)!,
    bias: sources.get(slot.replace(/weight$/, 'bias'))!,
    moments: stop.moments,
    group: kind === 'heads' ? base.headSize : 1,
    present: Int32Array.from(own, (index) => (kind === 'heads' ? heads.indexOf(index) : index)),
    damping: dampingFor(stop.tokens / (own.length * (kind === 'heads' ? base.headSize : 1))),
    threads,
  }
  const { order, errors } = await native((control) => addon().structuredObs(request, control), { signal })
  for (const [at, place] of order.entries()) {
    found.set(`${set} ${kind === 'heads' ? heads[place]! : place}`, errors[at]!)
  }
}
