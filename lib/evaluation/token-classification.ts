import type { Statistic } from './bootstrap.js'
import { rightOf, tokenAccuracy } from './metrics/accuracy.js'
import { isEntityNotation } from './metrics/entities.js'
import { entityCounts, entityScores } from './metrics/entity-f1.js'
import { checkExamples, checkSameLength } from './outcome-checks.js'
import type { Outcomes } from './task.js'

/**
 * Predicted labels against gold ones, one list per sentence and one label per word. Where all labels of both are
 * `O` or of the form `B-…`, `I-…`, `E-…`, `S-…`, `U-…`, `L-…`, the metrics also hold `entity_f1`, `entity_precision`
 * and `entity_recall`. Resamples draw whole sentences, since the words of one are not independent.
 *
 * @throws RangeError on lists of unequal length, or without a single word.
 */
export function tokenClassification(
  predicted: readonly (readonly string[])[],
  gold: readonly (readonly string[])[],
): Outcomes {
  checkExamples('predicted', predicted, 'gold', gold)
  for (const [i, labels] of gold.entries())
    checkSameLength(`predicted[${i}]`, predicted[i]!, `gold[${i}]`, labels)
  checkExamples('predicted.flat()', predicted.flat(), 'gold.flat()', gold.flat())

  return {
    task: 'token-classification',
    metric: 'accuracy',
    n: gold.length,
    statistic: tokenAccuracyOfSample(predicted, gold),
    metrics: { accuracy: tokenAccuracy(predicted, gold), ...entityMetrics(predicted, gold) },
    notes: [],
    gold,
  }
}

function tokenAccuracyOfSample(
  predicted: readonly (readonly string[])[],
  gold: readonly (readonly string[])[],
): Statistic {
  const words = Uint32Array.from(gold, (labels) => labels.length)
  const right = Uint32Array.from(gold, (labels, i) =>
    rightOf(predicted[i]!, labels).reduce((sum, word) => sum + word, 0),
  )
  return (indices) => {
    let rightSum = 0
    let wordSum = 0
    for (const i of indices) {
      rightSum += right[i]!
      wordSum += words[i]!
    }
    return rightSum / wordSum
  }
}

function entityMetrics(
  predicted: readonly (readonly string[])[],
  gold: readonly (readonly string[])[],
): Record<string, number> {
  // An empty prediction is no label at all, which no notation has: it is wrong, and no entity.
  const given = predicted.flat().filter((label) => label !== '')
  if (!isEntityNotation(gold.flat()) || !isEntityNotation([...gold.flat(), ...given])) return {}
  const { f1, precision, recall } = entityScores(entityCounts(predicted, gold))
  return { entity_f1: f1, entity_precision: precision, entity_recall: recall }
}
