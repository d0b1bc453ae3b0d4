import { describe } from '../check.js'
import { placesOf } from './columns.js'
import { formatOf, formats } from './format.js'
import { invalid, linesOf, readSource, trimmed } from './source.js'
import { readTable, type TableOptions, tableOf } from './table.js'

/** Sentence pairs with a score each; the four lists have one entry per pair, `lines` the line in the file. */
export type Pairs = {
  file: string
  sentence1: string[]
  sentence2: string[]
  scores: Float64Array
  lines: number[]
  notes: string[]
}

/** Sentences, or pairs of them, with a label each, as written in the file: a name or a number. */
export type Labelled = {
  file: string
  sentences: (string | [string, string])[]
  labels: string[]
  lines: number[]
  notes: string[]
}

/** Texts without labels. */
export type Texts = { file: string; texts: string[]; lines: number[]; notes: string[] }

/** Reads the columns `sentence1 sentence2 score`. @throws as `readTable`; DATA_INVALID on a score that is no number */
export async function readPairs(file: string, options?: TableOptions): Promise<Pairs> {
  const { rows, notes } = await readTable(file, ['sentence1', 'sentence2', 'score'], options)
  return {
    file,
    sentence1: rows.map(({ cells }) => cells[0]!),
    sentence2: rows.map(({ cells }) => cells[1]!),
    scores: Float64Array.from(rows, ({ line, cells }) => scoreOf(file, line, cells[2]!)),
    lines: rows.map(({ line }) => line),
    notes,
  }
}

/**
 * Reads the columns `sentence label`, or `sentence1 sentence2 label` where `columns` says where one of the two is.
 * @throws as `readTable`; DATA_INVALID on an empty label
 */
export async function readSentences(file: string, options: TableOptions = {}): Promise<Labelled> {
  const paired = ['sentence1', 'sentence2'].some((name) => Object.hasOwn(options.columns ?? {}, name))
  const wanted = [...(paired ? ['sentence1', 'sentence2'] : ['sentence']), 'label']
  const { rows, notes } = await readTable(file, wanted, options)
  return {
    file,
    sentences: rows.map(({ cells }) => (paired ? [cells[0]!, cells[1]!] : cells[0]!)),
    labels: rows.map(({ line, cells }) => labelOf(file, line, cells.at(-1)!)),
    lines: rows.map(({ line }) => line),
    notes,
  }
}

/** Reads the column `sentence`, or from a `.txt` file every line that is not blank. @throws as `readTable` */
export async function readTexts(
  file: string,
  { columns, format: asked, signal }: TableOptions = {},
): Promise<Texts> {
  const places = placesOf(['sentence'], columns)
  const source = await readSource(file, signal)
  const { format } = formatOf(source, asked, formats)

  if (format === 'txt') return plainTexts(file, source.text)
  const { rows, notes } = tableOf(source, ['sentence'], places, asked)
  return {
    file,
    texts: rows.map(({ cells }) => cells[0]!),
    lines: rows.map(({ line }) => line),
    notes,
  }
}

function plainTexts(file: string, text: string): Texts {
  const all = linesOf(text).map((content, index) => ({ line: index + 1, content: trimmed(content) }))
  const filled = all.filter(({ content }) => content !== '')
  if (filled.length === 0) throw invalid(file, undefined, 'Expected at least one text, found none.')
  return {
    file,
    texts: filled.map(({ content }) => content),
    lines: filled.map(({ line }) => line),
    notes: [],
  }
}

function scoreOf(file: string, line: number, cell: string): number {
  const text = trimmed(cell)
  if (/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) && Number.isFinite(Number(text))) return Number(text)
  const fix = line === 1 ? ' If this line is a header, name the columns instead of numbering them.' : ''
  throw invalid(file, line, `Expected \`score\` to be a number, got ${describe(cell)}.${fix}`, {
    score: cell,
  })
}

function labelOf(file: string, line: number, cell: string): string {
  const label = trimmed(cell)
  if (label !== '') return label
  throw invalid(file, line, `Expected \`label\` to be a name or a number, got ${describe(cell)}.`)
}
