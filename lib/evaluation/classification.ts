import { checkInteger } from '../check.js'
import type { Statistic } from './bootstrap.js'
import { everyIndex } from './bootstrap.js'
import { rightOf } from './metrics/accuracy.js'
import { confusionOf } from './metrics/confusion.js'
import { f1, macroF1 } from './metrics/f1.js'
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
  const statistic = shareOf(right)
  const confusion = confusionOf(predicted, gold, labels)
  const f1Metric = labels === 2 ? { f1: f1(confusion) } : { macro_f1: macroF1(confusion) }
  return {
    task: 'classification',
    metric: 'accuracy',
    n: gold.length,
    statistic,
    metrics: { accuracy: statistic(everyIndex(gold.length)), ...f1Metric, matthews: matthews(confusion) },
    notes: [],
    gold: Array.from(gold),
    right,
  }
}

function shareOf(right: Uint8Array): Statistic {
  return (indices) => {
    let sum = 0
    for (const i of indices) sum += right[i]!
    return sum / indices.length
  }
}
