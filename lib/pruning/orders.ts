import { addon, native } from '../addon.js'
import type { LayerSpec, Slot } from '../architecture/spec.js'
import { type Decision, weightSources } from '../checkpoint/decision.js'
import { parseLayerSlot } from '../checkpoint/structure.js'
import type { StepContext } from './pattern.js'

/** Slot of a weight → the order of its inputs: place i takes what stands at order[i]. */
export type Orders = ReadonlyMap<Slot, Int32Array>

/** The linears whose inputs may change places, and the one whose rows make these inputs. */
const makers: Readonly<Record<string, string>> = { attentionOutput: 'value', ffnOut: 'ffnIn' }

/** Whether the inputs of a weight may change places without any other matrix noticing but the one that makes them. */
export function inputsMove(slot: Slot): boolean {
  const place = parseLayerSlot(slot)
  return place !== null && place.part === 'weight' && place.linear in makers
}

/** Within so many consecutive ones: values inside a head, neurons anywhere. */
export function blockOf(
  { headSize, layers }: { readonly headSize: number; readonly layers: readonly LayerSpec[] },
  slot: Slot,
): number {
  const { weights, linear } = parseLayerSlot(slot)!
  if (linear === 'attentionOutput') return headSize
  return Math.max(1, layers.find((layer) => layer.weights === weights)!.inner)
}

/** A decision whose inputs stand in these orders, and so do the rows that make them: the same model. */
export async function inOrders(
  context: Pick<StepContext, 'slots' | 'base' | 'signal' | 'threads'>,
  decision: Decision,
  orders: Orders | undefined,
): Promise<Decision> {
  let next = decision
  for (const [slot, order] of orders ?? []) {
    const { weights, linear } = parseLayerSlot(slot)!
    const maker = `layers.${weights}.${makers[linear]!}`
    next = await rewritten(context, next, slot, { columns: order })
    next = await rewritten(context, next, `${maker}.weight`, { rows: order })
    next = await rewritten(context, next, `${maker}.bias`, { rows: order })
    const before = next.orders?.get(slot)
    const whole = before === undefined ? order : order.map((place) => before[place]!)
    next = { ...next, orders: new Map(next.orders).set(slot, whole) }
  }
  return next
}

/** A decision in which rows or columns of a weight or a bias stand in another order, bits among them. */
export async function rewritten(
  { slots, base, signal, threads }: Pick<StepContext, 'slots' | 'base' | 'signal' | 'threads'>,
  decision: Decision,
  slot: Slot,
  lines: { readonly rows?: Int32Array; readonly columns?: Int32Array },
): Promise<Decision> {
  const weight = weightSources(slots, base, decision, 'mask').get(slot)!
  const request = { weight, ...lines, threads }
  const { data, bits } = await native((control) => addon().rewriteWeights(request, control), { signal })
  const values = new Map(decision.values).set(slot, data)
  if (bits === undefined) return { ...decision, values }
  return { ...decision, values, masks: new Map(decision.masks).set(slot, bits) }
}

/** What undoes an order. */
export function inverse(order: Int32Array): Int32Array {
  const back = new Int32Array(order.length)
  for (const [place, from] of order.entries()) back[from] = place
  return back
}
