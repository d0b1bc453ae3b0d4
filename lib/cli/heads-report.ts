import type { RankingComparison } from '../index.js'
import { curveText } from './curve-report.js'
import { percent, times } from './demo/numbers.js'
import type { HeadsResult } from './heads.js'
import type { Ranked } from './heads-operands.js'
import { alignedTable } from './table.js'

type Matrix = RankingComparison['spearman']

/** Rankings of one model as a table, or how far several agree. */
export function headsText({ rankings, comparison, transfer }: HeadsResult, width?: number): string {
  const notes = notesOf(rankings)
  if (comparison === undefined) return [rankingTable(rankings), ...notes].join('\n\n')
  const { heads, spearman, kendall, jaccard } = comparison
  const tables = [
    `${rankings.length} rankings of ${heads} heads.`,
    matrixTable("Spearman's rho", comparison, spearman),
    matrixTable("Kendall's tau-b", comparison, kendall),
    ...jaccard.map(({ k, chance, matrix }) =>
      matrixTable(`Jaccard of the ${k} highest (by chance ${times(chance)})`, comparison, matrix),
    ),
  ]
  const curves =
    transfer === undefined ? [] : [`Pruned by each order, and evaluated:`, curveText(transfer, width)]
  return [...tables, ...notes, ...curves].join('\n\n')
}

/** Each once, with the rankings that it is of. */
function notesOf(rankings: readonly Ranked[]): string[] {
  const notes = new Set(rankings.flatMap((each) => each.notes))
  return [...notes].map((note) => {
    const names = rankings.filter((each) => each.notes.includes(note)).map(({ name }) => name)
    return names.length === rankings.length ? note : `${names.join(', ')}: ${note}`
  })
}

/** Every head with its scores, and its places: 1 goes first. */
function rankingTable(rankings: readonly Ranked[]): string {
  const [first] = rankings as [Ranked]
  const header = ['layer', 'head', ...rankings.flatMap(({ name }) => [name, 'goes'])]
  const places = rankings.map(placesOf)
  const rows = first.heads.map(([layer, head], at) => [
    ...[layer, head],
    ...rankings.flatMap(({ heads }, which) => [heads[at]![2].toPrecision(5), places[which]![at]!]),
  ])
  const lowest = 'The lowest score goes first; of equal ones the later head.'
  return `${alignedTable(header, rows)}\n\n${first.heads.length} heads (${percent(1 / first.heads.length)} each). ${lowest}`
}

function placesOf({ heads }: Ranked): number[] {
  const order = heads.map((_, at) => at).sort((a, b) => heads[a]![2] - heads[b]![2] || b - a)
  const places = new Array<number>(heads.length)
  for (const [place, at] of order.entries()) places[at] = place + 1
  return places
}

function matrixTable(title: string, { names }: RankingComparison, matrix: Matrix): string {
  const rows = names.map((name, at) => [
    name,
    ...matrix[at]!.map((value) => (value === null ? 'undefined' : twoDigits(value))),
  ])
  return `${title}\n\n${alignedTable(['', ...names], rows)}`
}

/** With the sign that columns of numbers are known by; never -0.00. */
function twoDigits(value: number): string {
  const text = value.toFixed(2)
  return Number(text) === 0 ? '0.00' : text
}
