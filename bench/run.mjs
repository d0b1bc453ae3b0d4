// `npm run bench -- NAME [options]`: runs bench/NAME.ts. `npm run bench -- all --out DIR [options]`: every bench of
// the goals' table after another, each into DIR/NAME.json; `node bench/goals.mjs DIR` then prints the table.
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = import.meta.dirname
const [name = '', ...options] = process.argv.slice(2)
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.ts') && /^\/\/ Run: npm run bench/m.test(source(file)))
  .map((file) => file.slice(0, -3))

if (name === 'all') {
  const at = options.indexOf('--out')
  if (at < 0 || options[at + 1] === undefined) misuse('Expected --out DIR after `all`, got none.')
  const [, out] = options.splice(at, 2)
  mkdirSync(out, { recursive: true })
  const wanted = ['encoder', 'load', 'prune', 'requests', 'event-loop'].filter((each) => names.includes(each))
  const bad = wanted.filter((each) => run(each, options, join(out, `${each}.json`)) !== 0)
  if (bad.length > 0) console.error(`Failed: ${bad.join(', ')}.`)
  process.exitCode = bad.length > 0 ? 1 : 0
} else if (names.includes(name)) {
  process.exitCode = run(name, options)
} else {
  misuse(`Expected a bench, one of ${names.join(', ')} or all. Example: npm run bench -- encoder --rounds 5`)
}

/** Its exit status; stdout goes into the file, where one is named. */
function run(bench, words, file) {
  const out = file === undefined ? 'inherit' : openSync(file, 'w')
  const program = join(folder, `${bench}.ts`)
  const stdio = ['inherit', out, 'inherit']
  const { status } = spawnSync(process.execPath, ['--import=tsx', program, ...words], { stdio })
  if (file !== undefined) closeSync(out)
  return status ?? 1
}

function source(file) {
  return readFileSync(join(folder, file), 'utf8')
}

function misuse(sentence) {
  console.error(sentence)
  process.exit(2)
}
