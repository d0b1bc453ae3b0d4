/** A cell; numbers stand at the right of their column. */
export type Cell = string | number

/** Rows in aligned columns, two blanks between them. A column is right-aligned where its first row has a number. */
export function alignedTable(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? grouped(cell) : cell)))
  const widths = header.map((title, at) =>
    Math.max(title.length, ...texts.map((row) => row[at]?.length ?? 0)),
  )
  const rightward = header.map((_, at) => typeof rows[0]?.[at] === 'number' || isAmount(texts[0]?.[at]))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => (rightward[at] ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
      .join('  ')
      .trimEnd()
  return [header, ...texts].map(line).join('\n')
}

/** `name: value` lines, the values below one another. */
export function alignedPairs(pairs: readonly (readonly [string, Cell])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length)) + 2
  return pairs
    .map(([name, value]) => {
      const text = typeof value === 'number' ? grouped(value) : value
      return `${name.padEnd(width)}${text.split('\n').join(`\n${' '.repeat(width)}`)}`
    })
    .join('\n')
}

function isAmount(text: string | undefined): boolean {
  return text !== undefined && /^-?\d[\d.,]*( ?%)?$/.test(text)
}

/** 1234567 → 1,234,567; fractions as they are. */
export function grouped(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString('en-US') : `${value}`
}
