import { clusterSums, sumsOf } from './intervals/clusters.js'
import { type MetricInterval, wholeRange } from './intervals/interval.js'
import { kornGraubard } from './intervals/korn-graubard.js'
import { rightOf } from './metrics/accuracy.js'
import { isEntityNotation } from './metrics/entities.js'
import { type EntityCounts, entityCounts, entityScores } from './metrics/entity-f1.js'
import { f1OfShare } from './metrics/f1.js'
import { checkExamples, checkSameLength } from './outcome-checks.js'
import type { Outcomes } from './task.js'

/**
 * Predicted labels against gold ones, one list per sentence and one label per word. Where all labels of both are
 * `O` or of the form `B-…`, `I-…`, `E-…`, `S-…`, `U-…`, `L-…`, the metrics also hold `entity_f1`, `entity_precision`
 * and `entity_recall`. Intervals are of whole sentences, since the words of one are not independent.
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

  const clusters = { units: rightOf(predicted.flat(), gold.flat()), offsets: offsetsOf(gold) }
  const sums = clusterSums((word) => clusters.units[word]!, clusters.offsets)
  const counts = hasEntities(predicted, gold) ? entityCounts(predicted, gold) : undefined
  return {
    task: 'token-classification',
    metric: 'accuracy',
    n: gold.length,
    metrics: { accuracy: sums.mean, ...(counts && entityMetrics(counts)) },
    intervals: ({ level }) => ({
      accuracy: kornGraubard(sums, level),
      ...(counts && entityIntervals(counts, level)),
    }),
    examples: { kind: 'units', clusters, binary: true, scale: 1 },
    notes: [],
    gold,
  }
}

/** Where each sentence begins among all words, and where the last one ends. */
function offsetsOf(sentences: readonly (readonly string[])[]): Uint32Array {
  const offsets = new Uint32Array(sentences.length + 1)
  for (const [i, words] of sentences.entries()) offsets[i + 1] = offsets[i]! + words.length
  return offsets
}

function hasEntities(
  predicted: readonly (readonly string[])[],
  gold: readonly (readonly string[])[],
): boolean {
  // An empty prediction is no label at all, which no notation has: it is wrong, and no entity.
  const given = predicted.flat().filter((label) => label !== '')
  return isEntityNotation(gold.flat()) && isEntityNotation([...gold.flat(), ...given])
}

function entityMetrics(counts: EntityCounts): Record<string, number> {
  const { f1, precision, recall } = entityScores(counts)
  return { entity_f1: f1, entity_precision: precision, entity_recall: recall }
}

/** Shares of right entities among those predicted, gold, and either, from which F1 follows. */
function entityIntervals(
  { right, predicted, gold }: EntityCounts,
  level: number,
): Record<string, MetricInterval> {
  const shareOf = (size: (sentence: number) => number) => shareInterval(right, size, level)
  const either = shareOf((i) => predicted[i]! + gold[i]! - right[i]!)
  const [low, high] = either.interval
  return {
    entity_f1: { interval: [f1OfShare(low), f1OfShare(high)], method: either.method },
    entity_precision: shareOf((i) => predicted[i]!),
    entity_recall: shareOf((i) => gold[i]!),
  }
}

function shareInterval(
  right: Uint32Array,
  size: (sentence: number) => number,
  level: number,
): MetricInterval {
  const counted = [...right.keys()].filter((i) => size(i) > 0)
  if (counted.length === 0) return wholeRange(0, 1)
  return kornGraubard(
    sumsOf(
      counted.map((i) => right[i]!),
      counted.map(size),
    ),
    level,
  )
}
