import { type Calibration, type Checkpoint, prune as decide, type LatencyTable, Plan } from '../index.js'
import { inBudgetWords, latencyFor, latencyOptions, measuredAfter } from './budget-options.js'
import {
  calibrationOptions,
  checkCalibrationOptions,
  inCalibrationWords,
  readCalibration,
} from './calibration.js'
import type { Command, Invocation } from './command.js'
import { checkDevice, dtypeOption } from './devices.js'
import { headOption, openCheckpoint } from './open-checkpoint.js'
import { checkOut, formOption, type RecipeSource, recipeSource, stepOptions } from './prune-options.js'
import { pruneReport } from './prune-report.js'

export const prune: Command = {
  name: 'prune',
  summary: 'prunes a model by a recipe, and writes it as a checkpoint',
  usage: 'prune MODEL --out DIR (--recipe FILE | --pattern NAME [step options] | --apply PLAN)',
  example:
    'twofour prune models/demo/model --out /tmp/demo-2of4 --pattern 2:4\n' +
    'twofour prune models/demo/model --out /tmp/demo-heads --pattern heads --remove 6 --form removed\n' +
    'twofour prune models/demo/model --out /tmp/demo-refit --pattern 2:4 --score wanda --update refit --calibration models/demo/eval.tsv --task similarity',
  options: {
    out: { value: 'DIR', help: 'where the checkpoint and pruning.json go: a new or empty folder' },
    recipe: { value: 'FILE', help: 'steps as JSON: { "steps": [{ "pattern": "2:4" }, …], "seed": 0 }' },
    ...stepOptions,
    ...calibrationOptions,
    ...latencyOptions,
    threads: {
      value: 'N',
      help: 'CPU threads of calibrated steps (default: what cores, affinity and quota allow)',
    },
    form: {
      value: 'NAME',
      help: "'masked' (default): same shapes, zeros inside; 'removed': heads and neurons are gone; 'onnx': so too, as a graph",
    },
    plan: { value: 'FILE', help: 'also save what was decided, as a safetensors file' },
    apply: { value: 'PLAN', help: 'apply a saved plan in place of a recipe' },
    ...headOption,
    overwrite: { help: 'allow --out to be a folder with files, and replace those of the same name' },
  },
  arguments: { name: 'MODEL', least: 1, most: 1 },
  async run(invocation) {
    const [model] = invocation.args as [string]
    const { options, output, signal } = invocation
    checkComputation(invocation)
    const out = options.required('out', 'Name the folder for the pruned checkpoint.')
    const form = formOption(options)
    const source = recipeSource(options)
    checkCalibrationOptions(options)
    await checkOut(out, options.flag('overwrite'))

    const checkpoint = await openCheckpoint(model, invocation)
    const { plan, calibration, latency } = await planFor(checkpoint, source, invocation)
    const pruned = await plan.apply(checkpoint, { signal })
    const planFile = options.text('plan')
    if (planFile !== undefined) await plan.save(planFile, { signal })
    const { loadsIn, files } = await pruned.save(out, {
      form,
      overwrite: options.flag('overwrite'),
      signal,
      onProgress: invocation.onProgress,
    })

    const measured = latency && (await measuredAfter(checkpoint, pruned, latency, invocation))
    const summary = plan.summary()
    const result = {
      model,
      out,
      form,
      loadsIn,
      files,
      ...(planFile !== undefined && { plan: planFile }),
      ...(calibration !== undefined && { calibration: described(calibration, options) }),
      ...(measured !== undefined && { latency: measured }),
      ...summary,
    }
    await output.result(result, () => pruneReport(result))
  },
}

/** Masks are chosen on the CPU, and weights keep the dtype that they are stored in. */
function checkComputation({ options }: Invocation): void {
  checkDevice(options.text('device'))
  if (dtypeOption(options.text('dtype')) === undefined) return
  throw new TypeError('Weights keep the dtype that they are stored in: leave --dtype out.')
}

async function planFor(
  checkpoint: Checkpoint,
  source: RecipeSource,
  invocation: Invocation,
): Promise<{
  plan: Plan
  calibration: Calibration | undefined
  latency: LatencyTable | undefined
}> {
  const { options, signal, onProgress } = invocation
  if (source.kind === 'plan') {
    if (options.has('calibration')) throw new TypeError('--calibration is for a recipe, not for --apply.')
    return { plan: await Plan.open(source.file, { signal }), calibration: undefined, latency: undefined }
  }
  const recipe = await source.recipe(checkpoint)
  const calibration = await readCalibration(checkpoint, invocation)
  const latency = await latencyFor(checkpoint, recipe, calibration, invocation)
  const threads = options.whole('threads', 1)
  try {
    const plan = await decide(checkpoint, recipe, { signal, onProgress, calibration, latency, threads })
    return { plan, calibration, latency }
  } catch (error) {
    throw inCalibrationWords(source.kind === 'flags' ? inFlagWords(error) : error)
  }
}

function described(calibration: Calibration, options: Invocation['options']) {
  const { examples, sequences, tokens, truncated, notes } = calibration
  return { file: options.required('calibration', ''), examples, sequences, tokens, truncated, notes }
}

/** The one step of the flags is `recipe.steps[0]` to the library. */
export function inFlagWords(error: unknown): unknown {
  if (!(error instanceof TypeError || error instanceof RangeError)) return error
  const message = error.message
    .replace(/`recipe\.steps\[0\]\.(\w+)/g, (_, field: string) => `\`--${optionOf(field)}`)
    .replace(
      /^Unknown key `(\w+)` in `recipe\.steps\[0\]`\. Known:/,
      (_, field: string) => `--${optionOf(field)} does not go with this pattern or score. Known:`,
    )
    .replace(/`recipe\.steps\[0\]`/g, 'the options')
    .replace(/got undefined\./, 'got none.')
    .replace(/`recipe\.seed`/g, '`--seed`')
  return new RangeError(inBudgetWords(message), { cause: error })
}

function optionOf(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
