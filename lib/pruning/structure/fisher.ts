import type { GateGradients } from '../../../binding.js'
import { keptWeightSets } from '../../checkpoint/structure.js'
import { TwofourError } from '../../errors.js'
import type { StepContext } from '../pattern.js'
import type { StructureStep } from '../recipe-types.js'
import { GatedEncoder } from '../unit-scores/gated-encoder.js'
import { examplesOf, type Objective, partOf, perExample } from '../unit-scores/objective.js'
import { objectiveOf } from '../unit-scores/objectives.js'
import { keptUnits, presentUnits } from '../units.js'
import type { Block } from './block.js'

type Settings = Pick<StructureStep, 'loss' | 'estimator' | 'batch'>

/** Rows of derivatives, [rows, units of a kind]. */
type Rows = { readonly heads: Float32Array[]; readonly neurons: Float32Array[] }

/** Examples of one native call, of which there is a row for each. */
const atOnce = 256

/**
 * Derivatives of the loss by a gate at every head and neuron that is there, and their squares: a diagonal of the
 * empirical Fisher information, by example, or by minibatch as Kwon et al. 2022 do it.
 * @throws TypeError or RangeError for labels that do not fit; TwofourError PRUNE_NOT_FINITE
 */
export function fisherBlocks(
  context: StepContext,
  step: Settings,
  at: string,
): Promise<{ blocks: Block[]; of: string }> {
  const sets = [...keptWeightSets(context.base, context.decision)]
  const units = presentUnits(context, 'heads', sets)
  return GatedEncoder.using({ context, kind: 'heads', at, sets, units, count: 0 }, async (encoder) => {
    const objective = await objectiveOf(encoder, step.loss, 'fisher')
    const rows = await collect(encoder, objective, context, step)
    return { blocks: blocksOf(context, sets, rows), of: objective.of }
  })
}

async function collect(
  encoder: GatedEncoder,
  objective: Objective,
  { onProgress, signal }: StepContext,
  { estimator, batch }: Settings,
): Promise<Rows> {
  const examples = examplesOf(objective)
  const size = batch ?? atOnce
  const step = size * Math.max(1, Math.floor(atOnce / size))
  const rows: Rows = { heads: [], neurons: [] }
  for (let from = 0; from < examples; from += step) {
    signal?.throwIfAborted()
    const count = Math.min(step, examples - from)
    const some = Array.from({ length: count }, (_, index) => from + index)
    const part = partOf(objective, encoder.spec, some)
    const batches = boundariesOf(count, size, perExample(part.loss))
    const result = await encoder.rows(part, batches)
    for (const kind of ['heads', 'neurons'] as const) {
      if (estimator === 'batch') rows[kind].push(...split(result[kind]!, 'batches', batches.length - 1))
      else rows[kind].push(...split(result[kind]!, 'examples', count))
    }
    onProgress?.(from + count, examples, 'examples')
  }
  return rows
}

function boundariesOf(examples: number, size: number, group: number): Int32Array {
  const count = Math.ceil(examples / size)
  return Int32Array.from({ length: count + 1 }, (_, at) => group * Math.min(at * size, examples))
}

function split(gates: GateGradients, rows: 'batches' | 'examples', number: number): Float32Array[] {
  const all = gates[rows]!
  const width = all.length / number
  return Array.from({ length: number }, (_, row) => all.subarray(row * width, (row + 1) * width))
}

function blocksOf(context: StepContext, sets: readonly number[], rows: Rows): Block[] {
  return (['heads', 'neurons'] as const).flatMap((kind) => {
    let first = 0
    return sets.map((set) => {
      const indices = keptUnits(context, kind, set)
      const gradients = byUnit(rows[kind], first, indices.length)
      first += indices.length
      return { kind, set, indices, gradients, importance: importanceOf(gradients, indices.length, kind) }
    })
  })
}

/** [rows, units] → [units, rows] of the units from `first`. */
function byUnit(rows: readonly Float32Array[], first: number, count: number): Float32Array {
  const gradients = new Float32Array(count * rows.length)
  for (const [row, numbers] of rows.entries())
    for (let unit = 0; unit < count; unit++) gradients[unit * rows.length + row] = numbers[first + unit]!
  return gradients
}

function importanceOf(gradients: Float32Array, count: number, kind: Block['kind']): Float64Array {
  const width = count === 0 ? 0 : gradients.length / count
  const importance = Float64Array.from({ length: count }, (_, unit) => {
    const own = gradients.subarray(unit * width, (unit + 1) * width)
    return own.reduce((sum, value) => sum + value * value, 0)
  })
  if (importance.every(Number.isFinite)) return importance
  const message = `Derivatives by ${kind} are not finite, so nothing can be ranked. Repair the checkpoint.`
  throw new TwofourError('PRUNE_NOT_FINITE', message, { kind })
}
