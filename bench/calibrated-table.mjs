// Markdown tables from what bench/calibrated.mjs (models) and bench/calibrated-time.mjs (times) wrote.
// Run: node bench/calibrated-table.mjs bench/results/calibrated-*.json
import { readFile } from 'node:fs/promises'
import { tablesOf } from './calibrated/tables.mjs'

for (const file of process.argv.slice(2)) console.log(tablesOf(JSON.parse(await readFile(file, 'utf8'))))
