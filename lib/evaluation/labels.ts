import { describe, nearMiss } from '../check.js'
import { invalid } from './source.js'

/** What `labelIndices` needs of a labelled file. */
export type LabelColumn = { file: string; labels: readonly string[]; lines: readonly number[] }

/**
 * The model's index of every label of a file: by the model's names `labelNames` (case matters only where two names
 * differ by nothing else), or, where the file holds nothing but numbers that are not names, by index.
 *
 * @throws TwofourError DATA_INVALID with the line of a label that the model does not have.
 */
export function labelIndices(
  { file, labels, lines }: LabelColumn,
  labelNames: readonly string[],
): Int32Array {
  const byName = namesOf(labelNames)
  const find = (label: string) => byName.get(label) ?? byName.get(label.toLowerCase())
  const numbered =
    labels.every((label) => /^\d+$/.test(label)) && !labels.every((label) => find(label) !== undefined)

  return Int32Array.from(labels, (label, i) => {
    const index = numbered ? Number(label) : find(label)
    if (index !== undefined && index < labelNames.length) return oneOfName(index, labelNames)
    const names = labelNames.map((name, k) => `${name} (${k})`).join(', ')
    const sentence = `Expected \`label\` to be one of the model's, ${names}, got ${describe(label)}.${nearMiss(label, labelNames)}`
    throw invalid(file, lines[i], sentence, { label, labels: labelNames })
  })
}

/** One index for all labels of a name: the last, as in the label2id that transformers makes. */
export function oneOfName(index: number, labelNames: readonly string[]): number {
  return labelNames.lastIndexOf(labelNames[index]!)
}

/** Said of an evaluation where several labels of the model have one name. */
export function sharedNameNote(labelNames: readonly string[]): string[] {
  const twice = [...new Set(labelNames.filter((name, k) => labelNames.indexOf(name) !== k))]
  if (twice.length === 0) return []
  return [
    `Several of the model's labels have one name (${twice.slice(0, 4).join(', ')}): they count as one label.`,
  ]
}

function namesOf(labelNames: readonly string[]): Map<string, number> {
  const distinct = [...new Set(labelNames)]
  const folded = distinct.map((name) => name.toLowerCase())
  const unique = folded.flatMap((name, k) =>
    folded.indexOf(name) === folded.lastIndexOf(name)
      ? [[name, labelNames.lastIndexOf(distinct[k]!)] as const]
      : [],
  )
  return new Map([...unique, ...labelNames.map((name, k) => [name, k] as const)])
}
