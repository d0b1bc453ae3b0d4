import type { GateGradients, Loss } from '../../../binding.js'
import { keptWeightSets } from '../../checkpoint/structure.js'
import { TwofourError } from '../../errors.js'
import type { StepContext } from '../pattern.js'
import type { StructureStep } from '../recipe-types.js'
import { type Block, indicesOf } from './block.js'
import { GatedModel, type Range } from './gated-model.js'
import { hasLabels, LabelledLoss } from './labelled-loss.js'
import { SampledLoss } from './sampled-loss.js'

/** What derivatives are taken of, for sequences that follow one another. */
type Objective = {
  readonly of: string
  readonly perExample: 1 | 2
  readonly loss: (range: Range) => Promise<Loss>
}

type Settings = Pick<StructureStep, 'loss' | 'estimator' | 'minibatch'>

/** Rows of derivatives, [rows, units of a kind]. */
type Rows = { readonly heads: Float32Array[]; readonly neurons: Float32Array[] }

/** Examples of one native call: rows of so many are in memory twice. */
const examplesAtOnce = 256

/**
 * Derivatives of the loss by a gate at every head and neuron that is there, as a diagonal of the empirical Fisher
 * information: by minibatch of examples, as Kwon et al. 2022 do it, or by example.
 * @throws TypeError or RangeError for labels that do not fit; TwofourError PRUNE_NOT_FINITE
 */
export async function fisherBlocks(
  context: StepContext,
  step: Settings,
  at: string,
): Promise<{ blocks: Block[]; of: string }> {
  const model = await GatedModel.open(context)
  try {
    const objective = objectiveOf(model, context, step, at)
    const rows = await collect(model, objective, context, step)
    return { blocks: blocksOf(context, rows), of: objective.of }
  } finally {
    model.dispose()
  }
}

function objectiveOf(model: GatedModel, context: StepContext, { loss }: Settings, at: string): Objective {
  const { labels } = context.calibration!
  const labelled = loss === 'labels' || (loss === 'auto' && hasLabels(labels, model.spec))
  if (labelled) return new LabelledLoss(model, labels, at)
  return new SampledLoss(model, context.seed, context.stream)
}

async function collect(
  model: GatedModel,
  objective: Objective,
  { calibration, onProgress }: StepContext,
  { estimator, minibatch }: Settings,
): Promise<Rows> {
  const { sequences } = calibration!
  const batch = minibatch * objective.perExample
  const atOnce = batch * Math.max(1, Math.floor(examplesAtOnce / minibatch))
  const rows: Rows = { heads: [], neurons: [] }
  for (let from = 0; from < sequences; from += atOnce) {
    const to = Math.min(sequences, from + atOnce)
    const count = Math.ceil((to - from) / batch)
    const batches = Int32Array.from({ length: count + 1 }, (_, at) => Math.min(at * batch, to - from))
    const result = await model.gradients([from, to], await objective.loss([from, to]), batches)
    const wanted = estimator === 'batch' ? 'batches' : 'examples'
    const number = estimator === 'batch' ? count : (to - from) / objective.perExample
    for (const kind of ['heads', 'neurons'] as const) rows[kind].push(...split(result[kind]!, wanted, number))
    onProgress?.(to, sequences)
  }
  return rows
}

function split(gates: GateGradients, wanted: 'batches' | 'examples', number: number): Float32Array[] {
  const all = gates[wanted]!
  const width = all.length / number
  return Array.from({ length: number }, (_, row) => all.subarray(row * width, (row + 1) * width))
}

function blocksOf(context: StepContext, rows: Rows): Block[] {
  const { base, decision } = context
  const sets = [...keptWeightSets(base, decision)]
  return (['heads', 'neurons'] as const).flatMap((kind) => {
    let first = 0
    return sets.map((set) => {
      const indices = indicesOf(context, { kind, set })
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
