import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type CaseResult, judgeCase } from './judge-case.js'

/**
 * Compares the product with transformers and sentence-transformers on cases that `generate.py` wrote:
 *
 *     python4 test/differential/generate.py --seed 1 --cases 2000 --out DIR --references python5 python4 &&
 *       npx tsx test/differential/run.ts --cases DIR
 *
 * A line per failure, with its settings and the first difference; then how many cases and failures each part and each
 * setting has, and on what the references differ. `--only 0012` judges one case, `--few N` shows only failures of cases
 * with at most N settings.
 */

const { values } = parseArgs({
  options: { cases: { type: 'string' }, only: { type: 'string' }, few: { type: 'string', default: '99' } },
})
if (values.cases === undefined) throw new Error('Expected --cases DIR, the folder that generate.py wrote.')
const directory = values.cases
const names = readdirSync(directory)
  .filter((name) => existsSync(join(directory, name, 'expected.json')))
  .filter((name) => values.only === undefined || name === values.only)
  .sort()

const results: CaseResult[] = []
for (const name of names) {
  const result = await judgeCase(join(directory, name), name)
  results.push(result)
  report(result)
}

printParts(results)
printSettings(results)
printDecisions(results)
const failed = results.filter(hasFailed).length
console.log(`${results.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

function hasFailed({ parts }: CaseResult): boolean {
  return parts.some(({ difference }) => difference !== undefined)
}

function report({ name, case: { family, head, settings }, parts }: CaseResult): void {
  const list = Object.entries(settings).map(([key, value]) => `${key}=${value}`)
  if (list.length > Number(values.few)) return
  for (const { name: part, difference } of parts) {
    if (difference !== undefined)
      console.log(`${name} ${family} ${head}: ${part}: ${difference} | ${list.join('; ')}`)
  }
}

function printParts(all: readonly CaseResult[]): void {
  const rows = new Map<string, { cases: number; failures: number }>()
  for (const { parts } of all) {
    for (const { name, difference, agreesWith } of parts) {
      if (difference === undefined && agreesWith.length === 0) continue
      const row = rows.get(name) ?? { cases: 0, failures: 0 }
      rows.set(name, { cases: row.cases + 1, failures: row.failures + (difference === undefined ? 0 : 1) })
    }
  }
  console.table(Object.fromEntries(rows))
}

function printSettings(all: readonly CaseResult[]): void {
  const rows = new Map<
    string,
    { cases: number; failures: number; refused: number; referencesDiffer: number }
  >()
  for (const result of all) {
    const { family, head, kind, settings } = result.case
    for (const key of [`family ${family}`, `head ${head}`, `tokenizer ${kind}`, ...Object.keys(settings)]) {
      const row = rows.get(key) ?? { cases: 0, failures: 0, refused: 0, referencesDiffer: 0 }
      row.cases++
      if (hasFailed(result)) row.failures++
      if (result.refused.length > 0) row.refused++
      if (!result.agreed) row.referencesDiffer++
      rows.set(key, row)
    }
  }
  console.table(Object.fromEntries([...rows].sort()))
}

/** Where the references differ, the product follows one of them: which, by part. */
function printDecisions(all: readonly CaseResult[]): void {
  const followed = new Map<string, number>()
  for (const { agreed, parts } of all) {
    if (agreed) continue
    for (const { name, agreesWith } of parts) {
      if (agreesWith.length !== 1) continue
      const key = `${name}: as ${agreesWith[0]} alone`
      followed.set(key, (followed.get(key) ?? 0) + 1)
    }
  }
  const differing = all.filter(({ agreed }) => !agreed).length
  console.log(`The references differ on ${differing} of ${all.length} cases.`)
  console.table(Object.fromEntries([...followed].sort()))
}
