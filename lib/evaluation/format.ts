import { extname } from 'node:path'
import { checkOneOf } from '../check.js'
import { invalid, type Source } from './source.js'

export const formats = ['tsv', 'csv', 'jsonl', 'conllu', 'conll', 'txt'] as const

/**
 * How a labelled file is written: `tsv` (no quoting), `csv` (RFC 4180), `jsonl` (one JSON value a line),
 * `conllu` (ten columns), `conll` (word first, label last, blank lines between sentences), `txt` (one text a line).
 */
export type Format = (typeof formats)[number]

const byExtension: Readonly<Record<string, Format>> = {
  '.tsv': 'tsv',
  '.tab': 'tsv',
  '.csv': 'csv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.json': 'jsonl',
  '.conllu': 'conllu',
  '.conll': 'conll',
  '.iob': 'conll',
  '.bio': 'conll',
  '.txt': 'txt',
}

/**
 * The format asked for, else the one of the extension. A `.csv` whose first line holds a tab is read as TSV
 * (published benchmarks are so named), and `notes` says so.
 *
 * @throws TypeError on an unknown `asked`; TwofourError DATA_INVALID on an unknown extension, or where the format
 * is not one of `allowed`.
 */
export function formatOf(
  source: Source,
  asked: Format | undefined,
  allowed: readonly Format[],
): { format: Format; notes: string[] } {
  if (asked !== undefined)
    return { format: allowedFormat(source, checkOneOf('format', asked, formats), allowed), notes: [] }

  const extension = extname(source.file).toLowerCase()
  const format = byExtension[extension]
  if (format === undefined) {
    const sentence = `Expected a file name that ends in ${Object.keys(byExtension).join(', ')}, got '${extension}'.`
    throw invalid(source.file, undefined, `${sentence} Say the \`format\`: ${allowed.join(', ')}.`, {
      extension,
    })
  }

  if (format === 'csv' && firstLine(source.text).includes('\t') && allowed.includes('tsv')) {
    const note = `${source.file} is named .csv but its first line holds tabs: read as TSV, without quoting. Say the format csv if that is wrong.`
    return { format: 'tsv', notes: [note] }
  }
  return { format: allowedFormat(source, format, allowed), notes: [] }
}

function allowedFormat(source: Source, format: Format, allowed: readonly Format[]): Format {
  if (allowed.includes(format)) return format
  throw invalid(
    source.file,
    undefined,
    `Expected the format of this task's file to be ${allowed.join(', ')}, got ${format}.`,
    { format, allowed },
  )
}

function firstLine(text: string): string {
  const end = text.indexOf('\n')
  return end < 0 ? text : text.slice(0, end)
}
