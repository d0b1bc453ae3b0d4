import { type LinearSlot, linearSlots, type Slot } from '../architecture/spec.js'
import { Calibration } from '../calibration/calibration.js'
import { expected } from '../check.js'
import { Checkpoint } from '../checkpoint/checkpoint.js'

/**
 * That two checkpoints have the same linears, of which the first is as it is stored.
 * @throws TypeError, RangeError
 */
export function checkComparable(base: unknown, pruned: unknown): void {
  const open = (name: string, value: unknown): Checkpoint => {
    if (value instanceof Checkpoint) return value
    throw new TypeError(expected(name, 'an open Checkpoint', value))
  }
  const [dense, other] = [open('base', base), open('pruned', pruned)]
  if (dense.decision !== null) {
    throw new TypeError('Expected `base` to be as it is stored, got one that a plan was applied to.')
  }
  const [wanted, got] = [shapesOf(dense), shapesOf(other)]
  const odd = [...new Set([...wanted.keys(), ...got.keys()])].find(
    (slot) => wanted.get(slot) !== got.get(slot),
  )
  if (odd === undefined) return
  const shape = (shapes: ReadonlyMap<Slot, string>) => shapes.get(odd) ?? 'absent'
  throw new RangeError(
    `Expected \`pruned\` to have the linears of \`base\`, with ${odd} ${shape(wanted)}, got ${shape(got)}. Apply the plan to \`base\`: what was removed from a saved checkpoint leaves nothing to compare.`,
  )
}

/** Of every linear that a layer applies; which layers apply it is said as well. */
function shapesOf({ slots, base }: Checkpoint): Map<Slot, string> {
  const shapes = new Map<Slot, string>()
  for (const [layer, { weights }] of base.layers.entries()) {
    for (const linear of linearSlots as readonly LinearSlot[]) {
      const { shape } = slots.get(`layers.${weights}.${linear}.weight`)!
      shapes.set(`layers.${layer}.${linear}.weight`, `[${shape.join(', ')}]`)
    }
  }
  return shapes
}

/** @throws TypeError; RangeError where the examples are another model's */
export function checkExamples(calibration: unknown, { spec }: Checkpoint): void {
  if (!(calibration instanceof Calibration))
    throw new TypeError(
      expected('calibration', 'a Calibration', calibration, 'Make one with `Calibration.fromTexts`.'),
    )
  calibration.checkFits(spec)
}
