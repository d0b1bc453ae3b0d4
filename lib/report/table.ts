import { type Markup, markup } from './markup.js'

export type Column = {
  readonly title: string
  /** For text, where every letter widens the column. @default title */
  readonly short?: string
  readonly align: 'left' | 'right'
}

/** Cells as they are shown, one per column. The first column names the row; the last may be a sentence. */
export type Table = {
  readonly caption: string
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly string[])[]
}

/** A last column narrower than this goes under its row instead. */
const narrowest = 24
const gap = '  '

/**
 * The table in aligned columns, each line at most `width` characters wide where the columns before the last allow.
 * The last column is wrapped, or put under its row where there is no room beside it.
 */
export function textTable({ columns, rows }: Table, width: number): string {
  const titles = columns.map(({ title, short }) => short ?? title)
  const widths = columns.map((_, index) => Math.max(...[titles, ...rows].map((row) => row[index]!.length)))
  const before = widths.slice(0, -1).reduce((sum, size) => sum + size + gap.length, 0)
  const room = width - before
  const beside = room >= narrowest

  const lines = (row: readonly string[]): string[] => {
    const cells = row.slice(0, -1).map((cell, index) => pad(cell, widths[index]!, columns[index]!.align))
    const start = cells.join(gap)
    const last = wrap(row.at(-1)!, beside ? room : Math.max(narrowest, width - 2 * gap.length))
    if (beside)
      return last.map((line, index) => `${index === 0 ? start : ' '.repeat(start.length)}${gap}${line}`)
    return [start, ...last.map((line) => `${gap}${gap}${line}`)]
  }
  const rule = '-'.repeat(Math.min(width, before + Math.min(widths.at(-1)!, Math.max(room, 0))))
  const header = beside ? lines(titles) : [lines(titles)[0]!]
  return [...header, rule, ...rows.flatMap(lines)].map((line) => `${line.trimEnd()}\n`).join('')
}

/** The table for a page. Every cell carries its column's title, for screens too narrow for columns. */
export function htmlTable({ caption, columns, rows }: Table): Markup {
  const head = columns.map(
    ({ title, align }) => markup`<th scope="col" role="columnheader" class="${align}">${title}</th>`,
  )
  const body = rows.map(
    (row) => markup`<tr role="row">${row.map((cell, i) => htmlCell(cell, i, columns[i]!))}</tr>
`,
  )
  return markup`<table role="table">
<caption>${caption}</caption>
<thead role="rowgroup"><tr role="row">${head}</tr></thead>
<tbody role="rowgroup">
${body}</tbody>
</table>`
}

function htmlCell(cell: string, index: number, { title, align }: Column): Markup {
  return index === 0
    ? markup`<th scope="row" role="rowheader" class="${align}">${cell}</th>`
    : markup`<td role="cell" class="${align}" data-title="${title}">${cell}</td>`
}

function pad(cell: string, width: number, align: Column['align']): string {
  return align === 'left' ? cell.padEnd(width) : cell.padStart(width)
}

/** Lines of at most `width` characters, broken between words; a longer word has a line of its own. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + 1 + word.length <= width) lines.push(`${lines.pop()} ${word}`)
    else lines.push(word)
  }
  return lines
}
