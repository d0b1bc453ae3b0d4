import { checkInteger } from '../check.js'
import { bayesianBootstrap } from './intervals/bayesian-bootstrap.js'
import { clopperPearson } from './intervals/clopper-pearson.js'
import { single } from './intervals/clusters.js'
import { type CheckedIntervalOptions, type MetricInterval, wholeRange } from './intervals/interval.js'
import { rightOf } from './metrics/accuracy.js'
import { type Confusion, confusionOf, type Margins, marginsOf } from './metrics/confusion.js'
import { f1, f1OfShare, macroF1 } from './metrics/f1.js'
import { matthews } from './metrics/matthews.js'
import { checkExamples, checkWhole } from './outcome-checks.js'
import type { Outcomes } from './task.js'

/**
 * Predicted label indices against gold ones, one of each per sentence. With two labels the metrics hold `f1` of the
 * second, the positive one; otherwise `macro_f1`.
 *
 * @throws TypeError or RangeError on lists of unequal or no length, or an entry that is not an index of `labelNames`.
 */
export function classification(
  predicted: ArrayLike<number>,
  gold: ArrayLike<number>,
  labelNames: readonly string[],
): Outcomes {
  const labels = checkInteger('labelNames.length', labelNames.length, 2)
  checkExamples('predicted', predicted, 'gold', gold)
  checkWhole('predicted', predicted, labels - 1)
  checkWhole('gold', gold, labels - 1)

  const right = rightOf(predicted, gold)
  const rights = right.reduce((sum, one) => sum + one, 0)
  const confusion = confusionOf(predicted, gold, labels)
  const margins = marginsOf(confusion)
  const f1Metric = labels === 2 ? { f1: f1(margins) } : { macro_f1: macroF1(margins) }
  return {
    task: 'classification',
    metric: 'accuracy',
    n: gold.length,
    metrics: { accuracy: rights / gold.length, ...f1Metric, matthews: matthews(margins) },
    intervals: (options) => ({
      accuracy: {
        interval: clopperPearson(rights, gold.length, options.level),
        method: 'clopper_pearson',
      },
      ...(labels === 2
        ? { f1: f1Interval(margins, options.level) }
        : { macro_f1: macroF1Interval(confusion, margins, options) }),
      matthews: matthewsInterval(confusion, margins, options),
    }),
    examples: { kind: 'units', clusters: single(right), binary: true, scale: 1 },
    notes: [],
    gold: Array.from(gold),
  }
}

/**
 * F1 rises with the share of right ones among all that are predicted or gold, and of so many that share is binomial: so
 * its exact interval gives that of F1 (Lam, Gopal and Qian, "Confidence intervals for the F1 score: a comparison of four
 * methods", 2023).
 */
function f1Interval({ right, predicted, gold }: Margins, level: number): MetricInterval {
  const either = predicted[1]! + gold[1]! - right[1]!
  if (either === 0) return wholeRange(0, 1)
  const [low, high] = clopperPearson(right[1]!, either, level)
  return { interval: [f1OfShare(low), f1OfShare(high)], method: 'clopper_pearson' }
}

function macroF1Interval(
  confusion: Confusion,
  margins: Margins,
  options: CheckedIntervalOptions,
): MetricInterval {
  const statistic = { value: macroF1(margins), statistic: macroF1, range: [0, 1] as [number, number] }
  return {
    interval: bayesianBootstrap(confusion, { ...statistic, added: 'each label' }, options),
    method: 'bayesian_bootstrap',
  }
}

function matthewsInterval(
  confusion: Confusion,
  margins: Margins,
  options: CheckedIntervalOptions,
): MetricInterval {
  if (margins.gold.filter((count) => count > 0).length < 2) return wholeRange(-1, 1)
  const statistic = { value: matthews(margins), statistic: matthews, range: [-1, 1] as [number, number] }
  return {
    interval: bayesianBootstrap(confusion, { ...statistic, added: 'one' }, options),
    method: 'bayesian_bootstrap',
  }
}
