import {
  type Calibration,
  type Checkpoint,
  Encoder,
  type EvaluateOptions,
  evaluate,
  type LinearSensitivity,
  sensitivity as measure,
  prune,
  type RecipeStep,
  recipeFromFlags,
} from '../index.js'
import { linearTable } from './budget-report.js'
import { calibrationOptions, checkCalibrationOptions, readCalibration } from './calibration.js'
import { columnsOption } from './columns-option.js'
import type { Command, Invocation } from './command.js'
import { checkDevice } from './devices.js'
import { headOption, openCheckpoint } from './open-checkpoint.js'
import { inFlagWords } from './prune.js'

/** Of a linear, with what the model scores when it alone is pruned. */
type Scored = LinearSensitivity & { readonly value?: number }

type Metric = { readonly name: string; readonly dense: number }

export const sensitivity: Command = {
  name: 'sensitivity',
  summary: 'tells what each linear costs if it alone is pruned',
  usage: 'sensitivity MODEL --calibration FILE [--pattern 2:4] [--data FILE --task NAME]',
  example:
    'twofour sensitivity models/demo/model --calibration models/demo/eval.tsv --task similarity --score wanda --update refit',
  options: {
    pattern: { value: 'NAME', help: 'N:M or unstructured (default 2:4)' },
    score: { value: 'NAME', help: 'magnitude (default), random, wanda, ria, sparsegpt, obs' },
    update: { value: 'NAME', help: "'none' (default), 'bias' or 'refit'" },
    damping: { value: 'D', help: 'as for prune' },
    fraction: { value: 'F', help: 'of unstructured: share of weights that goes' },
    per: { value: 'NAME', help: 'of unstructured: matrix or row' },
    slots: { value: 'A,B', help: 'only these linears' },
    layers: { value: 'A,B', help: 'only these layers' },
    seed: { value: 'N', help: 'of the random score (default 0)' },
    ...calibrationOptions,
    data: { value: 'FILE', help: 'also evaluates the model once for each linear on this file, by --task' },
    limit: { value: 'N', help: 'only the first N examples of --data' },
    threads: { value: 'N', help: 'CPU threads (default: what cores, affinity and quota allow)' },
    ...headOption,
  },
  arguments: { name: 'MODEL', least: 1, most: 1 },
  async run(invocation) {
    const [model] = invocation.args as [string]
    const { options, output, signal, onProgress } = invocation
    checkDevice(options.text('device'))
    checkCalibrationOptions(options)
    options.required('calibration', 'Name a file of examples.')
    const step = stepOf(invocation)

    const checkpoint = await openCheckpoint(model, invocation)
    const calibration = (await readCalibration(checkpoint, invocation))!
    const seed = options.whole('seed')
    const threads = options.whole('threads', 1)
    const linears = await measure(checkpoint, { step, calibration, seed, threads, signal, onProgress }).catch(
      (error: unknown) => {
        throw inFlagWords(error)
      },
    )
    const scored = await scoredOf(checkpoint, { step, calibration, linears }, invocation)
    const result = { model, pattern: step.pattern, ...scored }
    await output.result(result, () => report(result))
  },
}

function stepOf({ options }: Invocation): RecipeStep {
  const names = ['score', 'update', 'damping', 'fraction', 'per', 'slots', 'layers']
  const texts = names.flatMap((name) => (options.has(name) ? [[name, options.text(name)]] : []))
  const pattern = options.text('pattern') ?? '2:4'
  return recipeFromFlags({ pattern, ...Object.fromEntries(texts) }).steps[0]!
}

/** Evaluates the model with each linear pruned alone, where there is --data. */
async function scoredOf(
  checkpoint: Checkpoint,
  work: {
    readonly step: RecipeStep
    readonly calibration: Calibration
    readonly linears: readonly LinearSensitivity[]
  },
  invocation: Invocation,
): Promise<{ linears: readonly Scored[]; metric?: Metric }> {
  const { step, calibration, linears } = work
  const { options, signal, onProgress } = invocation
  const data = options.text('data')
  if (data === undefined) return { linears }
  const task = options.required('task', 'Name what --data is to be evaluated for.')
  const settings: EvaluateOptions = {
    // The library names what it refuses.
    ...{ task: task as EvaluateOptions['task'], data, columns: columnsOption(options), signal },
    ...{ limit: options.whole('limit', 1), resamples: 1 },
  }
  const dense = await evaluated(checkpoint, settings, invocation)
  const scored: Scored[] = []
  for (const linear of linears) {
    onProgress({ stage: 'evaluate', done: scored.length, total: linears.length, unit: 'linears' })
    const layer = checkpoint.base.layers.findIndex(({ weights }) => weights === linear.weights)
    const alone = { ...step, slots: [linear.linear], layers: [layer] } as RecipeStep
    const reads = 'score' in alone && ['wanda', 'ria', 'sparsegpt', 'obs'].includes(alone.score ?? '')
    const updates = 'update' in alone && alone.update !== 'none' && alone.update !== undefined
    const plan = await prune(
      checkpoint,
      { steps: [alone], seed: options.whole('seed') ?? 0 },
      { signal, ...((reads || updates) && { calibration }) },
    )
    const { value } = await evaluated(await plan.apply(checkpoint), settings, invocation)
    scored.push({ ...linear, value })
  }
  return { linears: scored, metric: { name: dense.metric, dense: dense.value } }
}

async function evaluated(checkpoint: Checkpoint, settings: EvaluateOptions, { options, signal }: Invocation) {
  const threads = options.whole('threads', 1)
  const encoder = await Encoder.load(checkpoint, { device: 'cpu', sparsity: 'off', threads, signal })
  try {
    return await evaluate(encoder, settings)
  } finally {
    encoder.dispose()
  }
}

function report({
  model,
  pattern,
  linears,
  metric,
}: {
  readonly model: string
  readonly pattern: string
  readonly linears: readonly Scored[]
  readonly metric?: Metric
}): string {
  const errors = linears.map(({ slot, error }) => [slot, error === 0 ? '0' : error.toPrecision(3)] as const)
  const table = `${model}: relative error of outputs on examples that were kept apart, each linear pruned alone to ${pattern}:\n${linearTable(errors)}`
  if (metric === undefined) return table
  const values = linears.map(({ slot, value }) => [slot, (value! - metric.dense).toFixed(4)] as const)
  return `${table}\n\nDifference of ${metric.name} from the dense model's ${metric.dense.toFixed(4)}:\n${linearTable(values)}`
}
