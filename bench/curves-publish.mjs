// Copies the figures of bench/curves-all.mjs to bench/results, and writes their tables into docs/pruning.md, between
// `<!-- curves -->` and `<!-- /curves -->`. Of a run that was ended its whole levels count, and the table says so.
// Run: node bench/curves-publish.mjs [build/curves]
import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeBetween } from './calibrated/documents.mjs'
import { studyTables } from './curves/study-tables.mjs'

const from = process.argv[2] ?? 'build/curves'
const studies = readdirSync(from)
  .toSorted()
  .map((name) => {
    const curves = JSON.parse(readFileSync(join(from, name, 'curve.json'), 'utf8'))
    copyFileSync(join(from, name, 'curve.csv'), join(import.meta.dirname, 'results', `curve-${name}.csv`))
    return studyTables(curves)
  })
writeBetween('docs/pruning.md', 'curves', studies.join('\n\n'))
