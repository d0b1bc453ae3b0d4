/**
 * What is known of calibration data beside its tokens, by index of the model's labels; −1 where nothing is.
 * `classes`: one for each sequence. `scores`: one for each pair, sequences 2i and 2i + 1, as the file has them.
 * `tokens`: one for each token. `spans`: each sequence's first and last token of the answer, both 0 where there is
 * none. `masked`: one for each token, the id that a mask stands for.
 */
export type CalibrationLabels =
  | { readonly kind: 'classes' | 'tokens' | 'masked'; readonly labels: Int32Array }
  | { readonly kind: 'scores'; readonly scores: Float64Array }
  | { readonly kind: 'spans'; readonly starts: Int32Array; readonly ends: Int32Array }

export type LabelKind = CalibrationLabels['kind']

/** Labels of examples one after another: of spans, starts and ends in turn. */
export function labelsOf(kind: LabelKind, numbers: readonly number[]): CalibrationLabels {
  if (kind === 'scores') return { kind, scores: Float64Array.from(numbers) }
  if (kind !== 'spans') return { kind, labels: Int32Array.from(numbers) }
  const every = (first: 0 | 1) => Int32Array.from(numbers.filter((_, at) => at % 2 === first))
  return { kind, starts: every(0), ends: every(1) }
}
