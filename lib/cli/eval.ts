import { compareEvaluations, type EvaluateOptions, type Evaluation, evaluate } from '../index.js'
import type { Command, Invocation } from './command.js'
import { evalReport } from './eval-report.js'
import { evaluateSettings, evaluationOptions } from './evaluation-options.js'
import { encoderOptions, withEncoder } from './with-encoder.js'

export const evaluation: Command = {
  name: 'eval',
  summary: 'measures a model on labelled data, with a confidence interval',
  usage: 'eval MODEL --task NAME --data FILE [--against OTHER]',
  example:
    'twofour eval models/demo/model --task similarity --data models/demo/eval.tsv\n' +
    'twofour eval /tmp/demo-2of4 --task similarity --data models/demo/eval.tsv --against models/demo/model',
  options: {
    ...evaluationOptions,
    against: {
      value: 'OTHER',
      help: 'another model on the same data: the paired difference, and its p-value',
    },
    ...encoderOptions,
  },
  notes:
    'Columns: sentence1 sentence2 score, or sentence label (sentence1 sentence2 label where --columns says where sentence1 is). Metrics: spearman, accuracy, accuracy, f1, pseudo_perplexity.',
  arguments: { name: 'MODEL', least: 1, most: 1 },
  async run(invocation) {
    const [model] = invocation.args as [string]
    const { options, output } = invocation
    const settings = evaluateSettings(invocation)
    const other = options.text('against')

    const first = await measure(model, settings, invocation)
    const against = other === undefined ? undefined : await compareWith(other, first, settings, invocation)

    const { outcomes: _, ...shown } = first
    const result = { ...shown, ...(against && { against }) }
    await output.result(result, () => evalReport(model, result))
  },
}

function measure(model: string, settings: EvaluateOptions, invocation: Invocation): Promise<Evaluation> {
  return withEncoder(model, invocation, (encoder) => evaluate(encoder, settings))
}

/** One model after another: only one is in memory. */
async function compareWith(
  model: string,
  first: Evaluation,
  settings: EvaluateOptions,
  invocation: Invocation,
) {
  const second = await measure(model, settings, invocation)
  const { difference, interval, intervalMethod, pValue, test } = compareEvaluations(first, second)
  const { value, truncated, notes } = second
  return { model, value, difference, interval, intervalMethod, p_value: pValue, test, truncated, notes }
}
