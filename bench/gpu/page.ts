import { goals } from './goals.js'
import { type Results, type Row, rowsOf, type StepResult } from './results.js'
import { summaries } from './summaries.js'
import { tables } from './tables.js'

/** results.md: what ran, what was reached, and a table for each step. */
export function pageOf(results: Results): string {
  const { card, date, version, commit, scale, emulated, steps, readings } = results
  const warning = ['', '**Emulated on the CPU: nothing on this page says anything about a GPU.**']
  const about = [date.slice(0, 16).replace('T', ' '), card, `twofour ${version}`, `commit ${commit}`, scale]
  const lines = [
    emulated ? '# EMULATED: gpu-check on the CPU' : `# gpu-check: ${card}`,
    ...(emulated ? warning : []),
    ...['', `${about.join(', ')}. ${readings.count} readings of clocks and power. ${readings.reason}`.trim()],
    ...['', '## Steps', ''],
    ...table(steps.map(({ title: step, state, seconds, reason }) => ({ step, state, seconds, reason }))),
    ...['', '## Goals', '', ...goalLines(results)],
    ...steps.filter(({ rows }) => rows.length > 0).flatMap(section),
  ]
  return `${lines.join('\n')}\n`
}

function goalLines(results: Results): string[] {
  if (rowsOf(results, 'sweep').length + rowsOf(results, 'end-to-end').length === 0)
    return ['Nothing was measured.']
  const remark = results.emulated
    ? ['Emulated: the figures mean nothing, and the table shows its form only.', '']
    : []
  const rows = goals(results).map(([what, goal, measured, verdict]) => ({
    ...{ what, goal, measured },
    verdict: results.emulated ? '–' : verdict,
  }))
  return [...remark, ...table(rows)]
}

function section({ name, title, rows }: StepResult): string[] {
  const summed = summaries[name]?.(rows) ?? rows
  const wanted = tables[name]
  const isMain = (row: Row) => wanted !== undefined && wanted.mark in row
  const parts = [
    table(summed.filter((row) => !isMain(row))),
    table(
      summed.filter((row) => isMain(row)),
      wanted?.columns,
    ),
  ]
  return ['', `## ${title}`, ...parts.filter((part) => part.length > 0).flatMap((part) => ['', ...part])]
}

/** Lines of a table; none where no row says anything. */
function table(rows: readonly Row[], wanted?: readonly string[]): string[] {
  const telling = rows.filter((row) => Object.keys(row).some(isTold))
  if (telling.length === 0) return []
  const present = [...new Set(telling.flatMap((row) => Object.keys(row)))].filter(isTold)
  const columns = wanted?.filter((key) => present.includes(key)) ?? present
  const lines = telling.map((row) => columns.map((key) => cell(row[key])))
  return [columns, columns.map(() => '---'), ...lines].map((line) => `| ${line.join(' | ')} |`)
}

/** Times of the clock serve the program; versions are told once, with the device. */
function isTold(key: string): boolean {
  return !/(From|To)$|^(first|from|path|question|cublaslt|cusparselt|computeCapability)$/.test(key)
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number') return figure(value)
  if (Array.isArray(value)) return value.map(cell).join(' … ')
  return String(value).replaceAll('|', '/').replaceAll('\n', ' ')
}

function figure(value: number): string {
  const size = Math.abs(value)
  if (Number.isInteger(value) || size >= 1000) return Math.round(value).toLocaleString('en-US')
  return size >= 0.001 ? String(Number(value.toPrecision(4))) : value.toExponential(2)
}
