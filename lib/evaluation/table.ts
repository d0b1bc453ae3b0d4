import { describe } from '../check.js'
import { type Columns, cellNumbers, hasHeader, missingColumn, type Place, placesOf } from './columns.js'
import { type Format, formatOf } from './format.js'
import { csvRows, type JsonLine, jsonLines, type Row, tsvRows } from './rows.js'
import { invalid, readSource, type Source } from './source.js'

export type TableOptions = {
  /** Where the wanted columns lie, by name or number. @default every column under its own name */
  columns?: Columns | undefined
  /** @default by the file's extension */
  format?: Format | undefined
  signal?: AbortSignal | undefined
}

/** The wanted columns of a file: `rows[i].cells[k]` is the text of `wanted[k]` in the i-th row. */
export type Table = {
  file: string
  rows: Row[]
  /** Sentences on what was surprising in the file but not refused. */
  notes: string[]
}

/**
 * Reads the `wanted` columns of a TSV, CSV or JSON Lines file.
 *
 * The first line is a header unless every wanted column is given by number; a JSON line is an object (columns by
 * name) or an array (by number). Cells beyond the header's are ignored, and counted in a note.
 *
 * @throws TypeError on bad options; TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, or DATA_INVALID with the line.
 */
export async function readTable(
  file: string,
  wanted: readonly string[],
  { columns, format, signal }: TableOptions = {},
): Promise<Table> {
  const places = placesOf(wanted, columns)
  const source = await readSource(file, signal)
  return tableOf(source, wanted, places, format)
}

/** The table of a file that was read already. @throws as `readTable` */
export function tableOf(
  source: Source,
  wanted: readonly string[],
  places: readonly Place[],
  asked?: Format,
): Table {
  const { format, notes } = formatOf(source, asked, ['tsv', 'csv', 'jsonl'])
  const rows =
    format === 'jsonl'
      ? jsonLines(source).map((line) => jsonRow(source.file, wanted, places, line))
      : cellRows(source.file, wanted, places, format === 'csv' ? csvRows(source) : tsvRows(source), notes)

  if (rows.length === 0) throw invalid(source.file, undefined, 'Expected at least one example, found none.')
  return { file: source.file, rows, notes }
}

function cellRows(
  file: string,
  wanted: readonly string[],
  places: readonly Place[],
  rows: Row[],
  notes: string[],
) {
  const header = hasHeader(places) ? rows.shift()?.cells : undefined
  const numbers = cellNumbers(file, places, header ?? [])
  const longer = header === undefined ? [] : rows.filter(({ cells }) => cells.length > header.length)
  if (longer.length > 0) {
    const count = longer.length === 1 ? '1 row has' : `${longer.length} rows have`
    notes.push(`${file}: ${count} more cells than the header; the first is line ${longer[0]!.line}.`)
  }
  return rows.map((row) => ({ line: row.line, cells: pick(file, wanted, numbers, row) }))
}

function pick(file: string, wanted: readonly string[], numbers: readonly number[], { line, cells }: Row) {
  return numbers.map((number, k) => {
    const cell = cells[number]
    if (cell !== undefined) return cell
    const sentence = `Expected at least ${number + 1} cells (\`${wanted[k]}\` is column ${number}, counted from 0), got ${cells.length}.`
    throw invalid(file, line, sentence, { column: wanted[k], cells: cells.length })
  })
}

function jsonRow(
  file: string,
  wanted: readonly string[],
  places: readonly Place[],
  { line, value }: JsonLine,
): Row {
  if (typeof value !== 'object' || value === null) {
    throw invalid(file, line, `Expected an object or an array, got ${describe(value)}.`)
  }
  const cells = places.map((place, k) => {
    if (!Object.hasOwn(value, place)) throw missingColumn(file, line, String(place), Object.keys(value))
    return scalar(file, line, wanted[k]!, Reflect.get(value, place))
  })
  return { line, cells }
}

function scalar(file: string, line: number, column: string, value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const sentence = `Expected \`${column}\` to be a string or a number, got ${describe(value)}.`
  throw invalid(file, line, sentence, { column })
}
