import { goals } from './goals.js'
import { type Results, type Row, rowsOf, type StepResult } from './results.js'
import { tables } from './tables.js'

/** results.md: what ran, what was reached, and a table for each step. */
export function pageOf(results: Results): string {
  const { card, date, version, commit, scale, emulated, steps, readings } = results
  const title = emulated ? '# EMULATED: gpu-check on the CPU' : `# gpu-check: ${card}`
  const warning = emulated
    ? ['', '**Emulated on the CPU: nothing on this page says anything about a GPU.**']
    : []
  const lines = [
    ...[title, ...warning, ''],
    `${date.slice(0, 16).replace('T', ' ')}, ${card}, twofour ${version}, commit ${commit}, ${scale}. ${readings.count} readings of clocks and power. ${readings.reason}`,
    ...['', '## Steps', ''],
    ...table(steps.map(({ title: step, state, seconds, reason }) => ({ step, state, seconds, reason }))),
    ...['', '## Goals', '', ...goalLines(results)],
    ...steps.filter(({ rows }) => rows.length > 0).flatMap(section),
  ]
  return `${lines.join('\n')}\n`
}

function goalLines(results: Results): string[] {
  const remark = results.emulated ? ['Emulated: the figures mean nothing, the table shows its form.', ''] : []
  const rows = goals(results).map(([what, goal, measured, verdict]) => ({ what, goal, measured, verdict }))
  return rowsOf(results, 'device').length === 0 ? ['Nothing was measured.'] : [...remark, ...table(rows)]
}

function section({ name, title, rows }: StepResult): string[] {
  const columns = tables[name]
  const parts = columns === undefined ? [rows] : groupsOf(rows, columns)
  return ['', `## ${title}`, ...parts.flatMap((part) => ['', ...table(part, columns)])]
}

/** Rows that have a column of the table; the others in a table of what they have. */
function groupsOf(rows: readonly Row[], columns: readonly string[]): Row[][] {
  const fits = (row: Row) => row[columns.at(-1)!] !== undefined || row[columns.at(-2)!] !== undefined
  return [rows.filter((row) => !fits(row)), rows.filter(fits)].filter((part) => part.length > 0)
}

function table(rows: readonly Row[], wanted?: readonly string[]): string[] {
  const present = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter(isTold)
  const chosen = wanted?.filter((key) => present.includes(key)) ?? []
  const columns = chosen.length > 2 ? chosen : present
  const lines = rows.map((row) => columns.map((key) => cell(row[key])))
  return [columns, columns.map(() => '---'), ...lines].map((line) => `| ${line.join(' | ')} |`)
}

/** Times of the clock serve the program only. */
function isTold(key: string): boolean {
  return !/(From|To)$|^from$|^path$/.test(key)
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number') return figure(value)
  if (Array.isArray(value)) return value.map(cell).join(' … ')
  return String(value).replaceAll('|', '/').replaceAll('\n', ' ')
}

function figure(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en-US')
  const size = Math.abs(value)
  if (size >= 1000) return Math.round(value).toLocaleString('en-US')
  return size >= 0.001 ? String(Number(value.toPrecision(4))) : value.toExponential(2)
}
