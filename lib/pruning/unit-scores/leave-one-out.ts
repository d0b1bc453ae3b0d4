import type { RecipeBase } from '../pattern.js'
import type { UnitKind } from '../units.js'
import type { Asked, GatedEncoder } from './gated-encoder.js'

/** @throws TypeError for neurons: each unit is a pass over the data */
export function refuseNeurons(at: string, name: string, kind: UnitKind, { layers }: RecipeBase): void {
  if (kind === 'heads') return
  const sets = new Map(layers.map(({ weights, inner }) => [weights, inner]))
  const passes = [...sets.values()].reduce((sum, inner) => sum + inner, 0)
  throw new TypeError(
    `Expected \`${at}.score\` to be another than '${name}' for neurons, which would take ${passes} passes over the data, one for each. Use 'gradient' or 'fisher'.`,
  )
}

/**
 * What the loss gains when one unit goes, for each that is there.
 * @returns [units]: the mean over examples
 */
export async function rises(encoder: GatedEncoder, asked: Asked): Promise<Float64Array> {
  const { gates } = asked
  const { onProgress } = encoder.ranked.context
  const whole = await meanLoss(encoder, asked)
  const there = [...gates.keys()].filter((unit) => gates[unit] !== 0)
  const found = new Float64Array(gates.length)
  for (const [done, unit] of there.entries()) {
    onProgress?.(done, there.length, 'passes')
    const without = gates.with(unit, 0)
    found[unit] = (await meanLoss(encoder, { ...asked, gates: without })) - whole
  }
  return found
}

async function meanLoss(encoder: GatedEncoder, asked: Asked): Promise<number> {
  const losses = await encoder.losses({ ...asked, quiet: true })
  return losses.reduce((sum, loss) => sum + loss, 0) / Math.max(1, losses.length)
}
