// Copies what bench/calibrated-all.mjs has measured to bench/results, and writes its tables into docs/pruning.md and
// README.md, each between `<!-- calibrated -->` and `<!-- /calibrated -->`.
// Run: node bench/calibrated-publish.mjs [build/calibrated]
import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeBetween } from './calibrated/documents.mjs'
import {
  bestOf,
  difference,
  machine,
  mainOf,
  table,
  tablesOf,
  timesFaster,
  withInterval,
} from './calibrated/tables.mjs'

const here = import.meta.dirname
const from = process.argv[2] ?? 'build/calibrated'
const files = readdirSync(from).filter((file) => /^calibrated-.*\.json$/.test(file))
const reports = files.map((file) => JSON.parse(readFileSync(join(from, file), 'utf8')))

for (const { settings } of reports) {
  if ((settings.limit ?? null) !== null)
    throw new Error(`${settings.model}: a try-out is not to be published.`)
}
for (const file of files) copyFileSync(join(from, file), join(here, 'results', file))
writeBetween('docs/pruning.md', 'calibrated', reports.map(tablesOf).join('\n'))
writeBetween(
  'README.md',
  'calibrated',
  reports
    .filter(({ settings }) => settings.task === 'similarity')
    .map(summaryOf)
    .join('\n'),
)

/** Of each group what magnitude gives, and what the development data would choose. */
function summaryOf(report) {
  const { dense, results } = report
  const groups = [...new Set(results.map(({ group }) => group))]
  const rows = groups.flatMap((group) => {
    const plain = mainOf(report, group).find(({ name }) => name.startsWith('magnitude'))
    return [plain, bestOf(report, group)]
      .filter((each) => each !== undefined)
      .map(({ name, test, speed }) => [
        ...[`${group}: ${name}`, withInterval(test), difference(test.toDense)],
        speed === undefined ? '–' : timesFaster(speed),
      ])
  })
  const head = ['variant', `${dense.test.metric} [95 %]`, 'minus dense', '× dense speed']
  return `${table(head, [['dense', withInterval(dense.test), '', '1.00'], ...rows])}\n\n${machine(report)}\n`
}
