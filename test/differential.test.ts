import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { judgeCase } from './differential/judge-case.js'

// Folders with what transformers and sentence-transformers made of them: test/differential/generate.py writes such
// cases, sample.ts chose these. run.ts compares any number of them.
const fixtures = join(import.meta.dirname, 'fixtures/differential')

for (const name of readdirSync(fixtures).sort()) {
  test(`case ${name} gives the numbers of the references`, async (t) => {
    const {
      parts,
      case: { settings },
    } = await judgeCase(join(fixtures, name), name)
    const wrong = parts.filter(({ difference }) => difference !== undefined)
    const lines = wrong.map((part) => `${part.name}: ${part.difference}`)
    t.deepEqual(lines, [], `settings: ${JSON.stringify(settings)}`)
  })
}
