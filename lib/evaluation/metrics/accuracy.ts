/** 1 where the prediction is the gold label, else 0; one entry per example, both lists equally long. */
export function rightOf<T>(predicted: ArrayLike<T>, gold: ArrayLike<T>): Uint8Array {
  return Uint8Array.from({ length: gold.length }, (_, i) => (predicted[i] === gold[i] ? 1 : 0))
}

/** The share of examples whose prediction is the gold label, from 0 to 1. NaN without examples. */
export function accuracy<T>(predicted: ArrayLike<T>, gold: ArrayLike<T>): number {
  return rightOf(predicted, gold).reduce((sum, right) => sum + right, 0) / gold.length
}

/** The share of right tokens over all sentences, each a list of labels: long sentences weigh more. */
export function tokenAccuracy(
  predicted: readonly (readonly string[])[],
  gold: readonly (readonly string[])[],
): number {
  return accuracy(predicted.flat(), gold.flat())
}
