import {
  type Checkpoint,
  type CurveMethod,
  type CurveOptions,
  type Curves,
  curve,
  readCurveMethods,
} from '../index.js'
import { inCalibrationWords } from './calibration.js'
import type { Command, Invocation } from './command.js'
import { StudyFolder } from './curve-files.js'
import { curveText } from './curve-report.js'
import { evaluateSettings, evaluationOptions } from './evaluation-options.js'
import { listOption, numbersOption } from './lists.js'
import { headOption, openCheckpoint } from './open-checkpoint.js'
import type { OptionValues } from './option-values.js'
import { readStudyCalibration, studyCalibrationOptions } from './study-calibration.js'

/** Of every command that draws curves. */
export const sweepOptions = {
  levels: { value: 'LIST', help: 'shares that go, as 0.25,0.5 (default 0.1, 0.2, …)' },
  seeds: { value: 'N', help: 'random prunings for each level (default 10)' },
  threads: { value: 'N', help: 'CPU threads (default: what cores, affinity and quota allow)' },
  overwrite: { help: 'begin anew where --out holds points already' },
} as const

export const curveCommand: Command = {
  name: 'curve',
  summary: 'accuracy over what is pruned, method by method, with random and reversed controls',
  usage: 'curve MODEL --task NAME --data FILE [--methods LIST] [--units LIST] [--out DIR]',
  example:
    'twofour curve models/demo/model --task similarity --data models/demo/eval.tsv --units heads --levels 0.25,0.5,0.75 --seeds 3 --out /tmp/demo-heads\n' +
    'twofour curve models/demo/model --task similarity --data models/demo/eval.tsv --units 2:4 --methods magnitude,wanda,wanda+refit,sparsegpt,reverse:wanda,random --seeds 3 --calibration models/demo/calibration.tsv',
  options: {
    methods: {
      value: 'LIST',
      help: 'scores, as magnitude,wanda+refit,random,reverse:wanda; of layers first, last; FILE.json: your own',
    },
    units: {
      value: 'LIST',
      help: 'weights, heads, neurons, layers, and patterns as 2:4 (default weights,2:4,heads,neurons,layers)',
    },
    ...evaluationOptions,
    ...studyCalibrationOptions,
    ...sweepOptions,
    ...headOption,
    out: {
      value: 'DIR',
      help: 'curve.json, curve.csv and curve.svg, after every point; goes on where it stopped',
    },
  },
  notes:
    'FILE.json is a list of { "name", "unit", "levels", "recipe" }, with "{level}" or (of heads, neurons) "{count}" in the recipe.\n' +
    'A level is evidence for an order where random pruning costs 5 points and the reversed order is significantly worse: paired, and beyond the spread of random prunings, p < 0.05 over all levels of the method; others are smoke tests. "better" than random is what one more random pruning would be in one of forty cases, and "worse" in another. Other p-values are of single comparisons. docs/statistics.md says how each interval is made.',
  arguments: { name: 'MODEL', least: 1, most: 1 },
  async run(invocation) {
    const [model] = invocation.args as [string]
    const { options, output } = invocation
    const settings = { ...evaluateSettings(invocation), ...sweepSettings(invocation) }
    const units = listOption(options, 'units')
    const methods = await methodsOption(options, units)

    const checkpoint = await openCheckpoint(model, invocation)
    const calibration = await readStudyCalibration(checkpoint, invocation)
    const study = { ...settings, methods, units, calibration }
    const result = await drawn(checkpoint, study, invocation)
    await output.result(result, () => curveText(result, process.stdout.columns))
  },
}

/** What of `sweepOptions` the library takes. @throws TypeError */
export function sweepSettings({ options }: Pick<Invocation, 'options'>) {
  return {
    levels: numbersOption(options, 'levels'),
    seeds: options.whole('seeds', 1),
    threads: options.whole('threads', 1),
    maxLength: options.whole('max-length', 1),
    allowOverlap: options.flag('allow-overlap'),
    device: options.text('device'),
    // The library names what it refuses.
    dtype: options.text('dtype') as CurveOptions['dtype'],
  }
}

/** Measures, and keeps what there is after every point where --out says so. */
export async function drawn(
  checkpoint: Checkpoint,
  study: CurveOptions,
  invocation: Invocation,
): Promise<Curves> {
  const { options, output } = invocation
  const folder = await StudyFolder.open(options.text('out'), options.flag('overwrite'))
  try {
    return await curve(checkpoint, {
      ...study,
      earlier: folder.earlier,
      onPoint: (soFar) => folder.write(soFar),
    })
  } catch (error) {
    if (folder.written > 0)
      output.note(`${folder.written} points are in ${folder.path}: the same command goes on.`)
    throw inCalibrationWords(folder.inItsWords(error))
  }
}

async function methodsOption(
  options: OptionValues,
  units: readonly string[] | undefined,
): Promise<(string | CurveMethod)[]> {
  const names = listOption(options, 'methods') ?? usualMethods(units)
  const lists = names.map((name) => (name.endsWith('.json') ? readCurveMethods(name) : [name]))
  return (await Promise.all(lists)).flat()
}

/** What looks at weights alone, its reverse, and random. */
function usualMethods(units: readonly string[] = ['weights', 'heads', 'layers']): string[] {
  const orders = units.map((unit) => {
    if (unit === 'heads') return 'headNorm'
    return unit === 'layers' ? 'last' : 'magnitude'
  })
  return [...new Set(orders)].flatMap((order) => [order, `reverse:${order}`]).concat('random')
}
