import { entitiesOf } from './entities.js'
import { f1OfCounts } from './f1.js'

/** Per sentence: entities predicted with the right type and both ends right, predicted at all, and gold. */
export type EntityCounts = { right: Uint32Array; predicted: Uint32Array; gold: Uint32Array }

/** The entity counts of sentences given as labels in IOB1, IOB2, IOBES or BILOU. */
export function entityCounts(
  predicted: readonly (readonly string[])[],
  gold: readonly (readonly string[])[],
): EntityCounts {
  const sentences = gold.map((labels, i) => countSentence(predicted[i]!, labels))
  return {
    right: Uint32Array.from(sentences, ({ right }) => right),
    predicted: Uint32Array.from(sentences, (counts) => counts.predicted),
    gold: Uint32Array.from(sentences, (counts) => counts.gold),
  }
}

/** Precision, recall and F1 over all entities of all sentences, from 0 to 1; 0 where undefined. */
export function entityScores(counts: EntityCounts): { precision: number; recall: number; f1: number } {
  const [right, predicted, gold] = [sum(counts.right), sum(counts.predicted), sum(counts.gold)]
  return {
    precision: predicted === 0 ? 0 : right / predicted,
    recall: gold === 0 ? 0 : right / gold,
    f1: f1OfCounts(right, predicted, gold),
  }
}

function countSentence(predictedLabels: readonly string[], goldLabels: readonly string[]) {
  const predicted = keysOf(predictedLabels)
  const gold = keysOf(goldLabels)
  const right = [...predicted].filter((key) => gold.has(key)).length
  return { right, predicted: predicted.size, gold: gold.size }
}

function keysOf(labels: readonly string[]): Set<string> {
  return new Set(entitiesOf(labels).map(({ type, first, last }) => `${first} ${last} ${type}`))
}

function sum(values: Uint32Array): number {
  return values.reduce((total, value) => total + value, 0)
}
