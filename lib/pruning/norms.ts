import { addon, native } from '../addon.js'
import type { Slot } from '../architecture/spec.js'
import { weightSources } from '../checkpoint/decision.js'
import { TwofourError } from '../errors.js'
import type { StepContext } from './pattern.js'

/**
 * L1 norms of consecutive groups of rows or columns of weights as they are now, earlier steps applied.
 * @returns for each slot one number per stored group
 * @throws TwofourError PRUNE_NOT_FINITE
 */
export async function currentNorms(
  { slots, base, decision, signal, onProgress }: StepContext,
  names: readonly Slot[],
  axis: 'rows' | 'columns',
  group: number,
): Promise<Float64Array[]> {
  const sources = weightSources(slots, base, decision, 'mask')
  const request = { weights: names.map((slot) => sources.get(slot)!), axis, group }
  const norms = await native((control) => addon().groupNorms(request, control), { signal, onProgress })

  for (const [index, slot] of names.entries()) {
    if (norms[index]!.every(Number.isFinite)) continue
    const { name } = slots.get(slot)!
    const message = `${name} holds numbers that are not finite, so nothing can be ranked. Repair the checkpoint.`
    throw new TwofourError('PRUNE_NOT_FINITE', message, { tensor: name, slot })
  }
  return norms
}
