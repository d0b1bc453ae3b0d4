import type { Progress } from '../addon.js'
import { Calibration } from '../calibration/calibration.js'
import { checkInteger, checkKeys, checkSignal, expected } from '../check.js'
import { Checkpoint } from '../checkpoint/checkpoint.js'
import { type Decision, nothingDecided } from '../checkpoint/decision.js'
import { checkTable, type LatencyTable } from '../latency/table.js'
import { describeBase } from './base.js'
import type { StepContext, StepReport } from './pattern.js'
import { Plan } from './plan.js'
import { type PreparedRecipe, prepareRecipe } from './recipe.js'
import type { ExplicitStep, Recipe } from './recipe-types.js'
import { readsActivations } from './scores.js'
import { checkTableFits, readsLatency } from './structure/latency-reader.js'
import { readsCalibration } from './updates.js'

export type PruneOptions = {
  /** Rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  /** Stages are the steps, as `step 2 of 3: 2:4`, of calibrated ones with `, layer 3 of 12`; units differ. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Examples for the steps whose score or update reads them; made from the same checkpoint. */
  readonly calibration?: Calibration | undefined
  /** What the model's parts cost, for budgets of milliseconds: `measureLatency` makes one. */
  readonly latency?: LatencyTable | undefined
  /** CPU threads of calibrated steps. @default what cores, affinity and quota allow */
  readonly threads?: number | undefined
}

/**
 * Decides what of a checkpoint goes: runs the recipe's steps in order, each on what the steps before it left. A
 * checkpoint that carries a decision already starts from that, so a plan is always about the stored base.
 * @throws TypeError, RangeError for a wrong recipe; TwofourError PRUNE_NOT_FINITE, FILE_CHANGED
 */
export async function prune(
  checkpoint: Checkpoint,
  recipe: Recipe,
  options: PruneOptions = {},
): Promise<Plan> {
  if (!(checkpoint instanceof Checkpoint))
    throw new TypeError(expected('checkpoint', 'an open Checkpoint', checkpoint))
  checkKeys('options', options, ['signal', 'onProgress', 'calibration', 'latency', 'threads'])
  const signal = checkSignal(options.signal)
  const { onProgress } = options
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new TypeError(expected('onProgress', 'a function', onProgress))
  }
  const threads = checkInteger('threads', options.threads ?? 0, options.threads === undefined ? 0 : 1, 1024)
  const prepared = prepareRecipe(recipe, checkpoint.base)
  const calibration = checkCalibration(options.calibration, prepared, checkpoint)
  const latency = checkLatency(options.latency, prepared, checkpoint)

  const base = await describeBase(checkpoint, signal)
  const { decision, steps } = await runSteps(checkpoint, prepared, {
    ...{ signal, onProgress, calibration, latency, threads },
  })

  const earlier = checkpoint.decision?.history?.passes ?? []
  return new Plan({ base, decision, pass: { recipe: prepared.recipe, steps }, earlier })
}

async function runSteps(
  { root, base, slots, decision: start }: Checkpoint,
  { recipe, steps }: PreparedRecipe,
  {
    signal,
    onProgress,
    calibration,
    latency,
    threads,
  }: Pick<StepContext, 'signal' | 'calibration' | 'latency' | 'threads'> & Pick<PruneOptions, 'onProgress'>,
): Promise<{ decision: Decision; steps: StepReport[] }> {
  let decision = start ?? nothingDecided(base)
  const reports: StepReport[] = []
  for (const [stream, { explicit, run }] of steps.entries()) {
    signal?.throwIfAborted()
    const stage = `step ${stream + 1} of ${steps.length}: ${explicit.pattern}`
    const tell =
      onProgress &&
      ((done: number, total: number, unit = 'matrices') => onProgress({ stage, done, total, unit }))
    // Native progress may come too late for a step that is over at once.
    onProgress?.({ stage, done: stream, total: steps.length, unit: 'steps' })
    const outcome = await run({
      ...{ root, base, slots, decision, seed: recipe.seed, stream },
      ...{ signal, calibration, latency, threads },
      onProgress: tell,
      onLayer: (layer, total) =>
        onProgress?.({
          stage: `${stage}, layer ${layer + 1} of ${total}`,
          done: layer,
          total,
          unit: 'layers',
        }),
    })
    decision = outcome.decision
    reports.push(outcome.report)
  }
  return { decision, steps: reports }
}

function sayReader(step: ExplicitStep, at: number): string {
  const score = 'score' in step && (step.pattern === 'structure' || readsActivations(step.score))
  const what = score ? `score '${step.score}'` : `update '${'update' in step ? step.update : ''}'`
  return `Step ${at + 1} of the recipe needs calibration data for its ${what}, and there is none.`
}

/** @throws TypeError where it lacks, or no step reads it; RangeError where it was made for another model */
function checkCalibration(
  calibration: unknown,
  { recipe }: PreparedRecipe,
  { spec }: Checkpoint,
): Calibration | undefined {
  const reader = recipe.steps.findIndex(readsCalibration)
  if (calibration === undefined) {
    if (reader < 0) return undefined
    throw new TypeError(
      `${sayReader(recipe.steps[reader]!, reader)} Pass \`calibration\`: \`Calibration.fromTexts\` makes one.`,
    )
  }
  if (!(calibration instanceof Calibration)) {
    throw new TypeError(
      expected('calibration', 'a Calibration', calibration, 'Make one with `Calibration.fromTexts`.'),
    )
  }
  if (reader < 0) {
    throw new TypeError(
      'Expected `calibration` to be absent, for no score or update of this recipe reads it. Leave it out, or name a score as `wanda`.',
    )
  }
  calibration.checkFits(spec)
  return calibration
}

/** @throws TypeError where it lacks, or no step reads it; RangeError where it was made for another model */
function checkLatency(
  latency: unknown,
  { recipe }: PreparedRecipe,
  checkpoint: Checkpoint,
): LatencyTable | undefined {
  const reader = recipe.steps.findIndex(readsLatency)
  if (latency === undefined) {
    if (reader < 0) return undefined
    throw new TypeError(
      `Step ${reader + 1} of the recipe needs a latency table for its budget of milliseconds, and there is none. Pass \`latency\`: \`measureLatency\` makes one.`,
    )
  }
  if (reader < 0) {
    throw new TypeError(
      'Expected `latency` to be absent, for no step of this recipe has a budget of milliseconds. Leave it out.',
    )
  }
  const table = checkTable('latency', latency)
  checkTableFits(table, checkpoint.base)
  return table
}
