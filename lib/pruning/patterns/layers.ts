import type { Slot } from '../../architecture/spec.js'
import { checkKeys } from '../../check.js'
import type { Decision } from '../../checkpoint/decision.js'
import { keptWeightSets, parseLayerSlot } from '../../checkpoint/structure.js'
import type { Pattern, StepContext, StepOutcome } from '../pattern.js'
import { checkIndices } from '../scope.js'

/** Whole layers. What was decided about weight sets that no kept layer reads any more is forgotten with them. */
export const layers: Pattern = {
  form: 'layers',
  matches: (name) => name === 'layers',

  prepare(step, at, base) {
    checkKeys(at, step, ['pattern', 'list'])
    const list = checkIndices(`${at}.list`, step.list, base.layers.length)
    return { explicit: { pattern: 'layers', list }, run: async (context) => remove(context, list, at) }
  },
}

function remove({ base, decision }: StepContext, list: readonly number[], at: string): StepOutcome {
  const kept = decision.layers.filter((layer) => !list.includes(layer))
  if (kept.length === 0) {
    throw new RangeError(`Expected \`${at}.list\` to leave at least one layer, got all that there are.`)
  }
  const removed = decision.layers.length - kept.length
  const next = forgetUnread(
    { ...decision, layers: kept },
    keptWeightSets(base, { ...decision, layers: kept }),
  )
  return { decision: next, report: { pattern: 'layers', unit: 'layers', of: base.layers.length, removed } }
}

function forgetUnread(decision: Decision, read: ReadonlySet<number>): Decision {
  const isRead = ([slot]: readonly [Slot, unknown]) => {
    const place = parseLayerSlot(slot)
    return place === null || read.has(place.weights)
  }
  return {
    ...decision,
    heads: new Map([...decision.heads].filter(([weights]) => read.has(weights))),
    neurons: new Map([...decision.neurons].filter(([weights]) => read.has(weights))),
    masks: new Map([...decision.masks].filter(isRead)),
    values: new Map([...decision.values].filter(isRead)),
    ...(decision.orders && { orders: new Map([...decision.orders].filter(isRead)) }),
  }
}
