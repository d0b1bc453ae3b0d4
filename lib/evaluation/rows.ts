import { CsvError, parse } from 'csv-parse/sync'
import { invalid, linesOf, type Source } from './source.js'

/** One row of a file: its cells, and the line (from 1) on which it begins. */
export type Row = { line: number; cells: string[] }

/** One JSON value of a file and its line (from 1). */
export type JsonLine = { line: number; value: unknown }

/** Tab-separated rows. Nothing is quoted and nothing is escaped: every tab separates, every line is a row. */
export function tsvRows({ text }: Source): Row[] {
  return linesOf(text).map((line, index) => ({ line: index + 1, cells: line.split('\t') }))
}

/**
 * Comma-separated rows by RFC 4180; LF is accepted beside CRLF, and rows may differ in length.
 *
 * @throws TwofourError DATA_INVALID with the line of a misplaced or unclosed quote.
 */
export function csvRows({ file, text }: Source): Row[] {
  const rows: Row[] = []
  let next = 1
  try {
    parse(withoutEmptyEnd(text), {
      record_delimiter: ['\r\n', '\n'],
      relax_column_count: true,
      on_record: (cells, { lines }) => {
        rows.push({ line: next, cells })
        next = lines + 1
        return null
      },
    })
    return rows
  } catch (cause) {
    throw malformedCsv(file, cause)
  }
}

function withoutEmptyEnd(text: string): string {
  let end = text.length
  while (end > 0 && '\r\n'.includes(text[end - 1]!)) end -= 1
  return text.slice(0, end)
}

/** @throws TwofourError DATA_INVALID with the line that is not one JSON value. */
export function jsonLines({ file, text }: Source): JsonLine[] {
  return linesOf(text).map((content, index) => {
    try {
      return { line: index + 1, value: JSON.parse(content) as unknown }
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw invalid(file, index + 1, `Expected one JSON value on every line: ${reason}.`)
    }
  })
}

function malformedCsv(file: string, cause: unknown): unknown {
  if (!(cause instanceof CsvError)) return cause
  const line = typeof cause.lines === 'number' ? cause.lines : undefined
  const fix = 'If the file has no quoting, name it .tsv or say the format tsv.'
  return invalid(file, line, `Expected CSV by RFC 4180: ${cause.message}. ${fix}`, { reason: cause.code })
}
