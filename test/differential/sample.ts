import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Case } from './judge-case.js'

/**
 * Chooses the cases that are committed, out of those that `generate.py` wrote: few and small, so that every setting is
 * in one of them, and every value of the settings that have few values.
 *
 *     python4 test/differential/generate.py --small --seed 1 --cases 500 --out DIR --references python5 python4 &&
 *       npx tsx test/differential/sample.ts --cases DIR --out test/fixtures/differential [--count 60]
 */

const largestCase = 25_000
const largestTotal = 1_500_000

type Candidate = { readonly name: string; readonly size: number; readonly covers: ReadonlySet<string> }

function candidate(directory: string, name: string): Candidate {
  const folder = join(directory, name)
  const { family, head, kind, settings } = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8')) as Case
  const { agreed } = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as { agreed: boolean }
  const pairs = Object.entries(settings).flatMap(([key, value]) => [key, `${key} = ${value}`])
  const covers = [`${family} ${head}`, `${family} ${kind}`, ...pairs]
  // A case on which the references agree shows more, so it covers its settings a second time.
  return {
    name,
    size: sizeOf(folder),
    covers: new Set(agreed ? [...covers, ...covers.map((item) => `agreed ${item}`)] : covers),
  }
}

function sizeOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  return files.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}

/** The case with the most that no earlier one covers; a bare setting counts more than one of its values. */
function worth({ covers, size }: Candidate, covered: ReadonlySet<string>): number {
  let sum = 0
  for (const item of covers) if (!covered.has(item)) sum += item.includes(' = ') ? 1 : 10
  return sum / (10_000 + size)
}

function choose(candidates: readonly Candidate[], count: number): Candidate[] {
  const chosen: Candidate[] = []
  const covered = new Set<string>()
  let total = 0
  while (chosen.length < count) {
    const rest = candidates.filter((one) => !chosen.includes(one) && total + one.size <= largestTotal)
    const best = rest.sort((a, b) => worth(b, covered) - worth(a, covered) || a.name.localeCompare(b.name))[0]
    if (best === undefined) break
    chosen.push(best)
    for (const item of best.covers) covered.add(item)
    total += best.size
  }
  return chosen
}

const { values } = parseArgs({
  options: { cases: { type: 'string' }, out: { type: 'string' }, count: { type: 'string', default: '60' } },
})
if (values.cases === undefined || values.out === undefined)
  throw new Error('Expected --cases DIR and --out DIR.')
const { cases, out } = values

const all = readdirSync(cases)
  .filter((name) => existsSync(join(cases, name, 'expected.json')))
  .map((name) => candidate(cases, name))
const chosen = choose(
  all.filter(({ size }) => size <= largestCase),
  Number(values.count),
)

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
for (const [index, { name }] of chosen.entries()) {
  const folder = join(out, String(index).padStart(2, '0'))
  cpSync(join(cases, name), folder, { recursive: true, verbatimSymlinks: true })
}

const names = (list: readonly Candidate[]): Set<string> =>
  new Set(
    list.flatMap(({ covers }) =>
      [...covers].filter((item) => !item.includes(' = ') && !item.startsWith('agreed ')),
    ),
  )
const lacking = [...names(all)].filter((item) => !names(chosen).has(item))
const bytes = chosen.reduce((sum, { size }) => sum + size, 0)
console.log(`${chosen.length} cases, ${bytes} bytes; not covered: ${lacking.join(', ') || 'nothing'}`)
