import type { HeadSpec } from '../architecture/spec.js'
import { isJsonObject } from '../json-file.js'
import type { Config } from './config.js'

/** Names of a classifier's labels, by index, as many as its rows. */
export type Labels = { readonly names: readonly string[]; readonly notes: readonly string[] }

/** Whether logits are of labels that config.json names. */
export function hasLabels(head: Pick<HeadSpec, 'kind'> | null): boolean {
  return head?.kind === 'sequenceClassification' || head?.kind === 'tokenClassification'
}

/**
 * Labels as transformers gives them: by the keys of id2label. Where its number and `num_labels` differ, transformers 4
 * follows the one and 5 the other: the weights decide.
 * @param rows of the classifier's weight, where it is there
 * @throws TwofourError CHECKPOINT_INVALID_CONFIG
 */
export function readLabels(config: Config, rows: number | undefined): Labels {
  const named = readNames(config)
  const number = readNumber(config)
  if (named === null) return { names: numbered(number ?? rows ?? 2), notes: ignoredMap(config) }
  const count = named.size
  if (number !== undefined && number !== count && number === rows) {
    const note = `config.json names ${count} labels and says num_labels ${number}, which the weights have: they are called LABEL_0, LABEL_1 and so on.`
    return { names: numbered(number), notes: [note] }
  }
  const names = Array.from({ length: count }, (_, index) => named.get(index) ?? `LABEL_${index}`)
  return { names, notes: notesOf(config, named, names) }
}

function readNumber(config: Config): number | undefined {
  const value = config.get('num_labels') ?? undefined
  return value === undefined ? undefined : config.checkSize('num_labels', value, 1)
}

/** Index → name; null where config.json has none. */
function readNames(config: Config): Map<number, string> | null {
  const value = config.get('id2label') ?? null
  if (value === null) return null
  if (!isJsonObject(value)) throw config.refusal('id2label', 'an object of names', value)
  const names = new Map<number, string>()
  for (const [key, name] of Object.entries(value)) {
    if (!/^\s*[+-]?\d+\s*$/.test(key))
      throw config.refusal(`id2label["${key}"]`, 'a name under a number', key)
    // Without a name it still counts as a label.
    names.set(Number(key), typeof name === 'object' ? `LABEL_${Number(key)}` : String(name))
  }
  return names
}

function numbered(length: number): string[] {
  return Array.from({ length }, (_, index) => `LABEL_${index}`)
}

/** transformers makes names and numbers of its own where id2label is absent. */
function ignoredMap(config: Config): string[] {
  const value = config.get('label2id') ?? null
  if (value === null) return []
  return [
    'config.json has label2id and no id2label: labels are called LABEL_0, LABEL_1 and so on, as in transformers.',
  ]
}

function notesOf(config: Config, named: ReadonlyMap<number, string>, names: readonly string[]): string[] {
  const notes: string[] = []
  const nameless = names.flatMap((_, index) => (named.has(index) ? [] : [index]))
  if (nameless.length > 0) {
    notes.push(
      `id2label of config.json has no name for ${nameless.slice(0, 8).join(', ')}: called LABEL_${nameless[0]} and so on.`,
    )
  }
  const twice = [...new Set(names.filter((name, index) => names.indexOf(name) !== index))]
  if (twice.length > 0) {
    notes.push(
      `id2label of config.json gives several labels one name (${twice.slice(0, 4).join(', ')}): they count as one label when the model is evaluated.`,
    )
  }
  const other = disagreement(config, names)
  if (other !== undefined) notes.push(other)
  return notes
}

function disagreement(config: Config, names: readonly string[]): string | undefined {
  const value = config.get('label2id')
  if (!isJsonObject(value)) return undefined
  const pair = Object.entries(value).find(([name, index]) => names[Number(index)] !== name)
  if (pair === undefined) return undefined
  return `label2id of config.json disagrees with id2label (as in '${pair[0]}'): id2label counts.`
}
