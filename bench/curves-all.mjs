// The curves of docs/pruning.md: heads and neurons by several orders, each reversed, and at random, on two models.
// Run: node bench/curves-all.mjs --data DIR [--out build/curves] [heads-all-MiniLM-L6-v2 …]
//      node bench/curves-publish.mjs build/curves
// DIR as for bench/calibrated-all.mjs. A run that was cut short goes on where it was.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const text = { type: 'string' }
const { values: options, positionals } = parseArgs({
  options: { data: text, out: { ...text, default: 'build/curves' } },
  allowPositionals: true,
})
if (options.data === undefined) {
  console.error('Expected --data DIR. The first lines of bench/calibrated-all.mjs say what it holds.')
  process.exit(2)
}
const inside = (...names) => join(options.data, ...names)

const models = {
  'all-MiniLM-L6-v2': [
    ...['--task', 'similarity', '--columns', 'sentence1=5,sentence2=6,score=4', '--format', 'tsv'],
    ...['--data', inside('stsb', 'sts-test.csv'), '--calibration', inside('stsb', 'sts-train.csv')],
  ],
  'minilm-l6-sst2': [
    ...['--task', 'classification'],
    ...['--data', inside('sst2', 'alps_test.tsv'), '--calibration', inside('sst2', 'alps_train.tsv')],
  ],
}
const both = (scores) => scores.flatMap((score) => [score, `reverse:${score}`])
const units = {
  heads: [
    ...[
      '--methods',
      [...both(['gradient', 'fisher', 'similarity', 'headNorm']), 'obs+refit', 'random'].join(),
    ],
    ...['--levels', '0.2,0.3,0.4,0.5,0.6,0.8'],
  ],
  neurons: [
    ...['--methods', [...both(['gradient', 'fisher', 'magnitude']), 'random'].join()],
    ...['--levels', '0.5,0.8'],
  ],
}

const main = join(import.meta.dirname, '..', 'dist', 'cli', 'main.js')
for (const [unit, methods] of Object.entries(units)) {
  for (const [model, data] of Object.entries(models)) {
    const name = `${unit}-${model}`
    if (positionals.length > 0 && !positionals.includes(name)) continue
    console.error(`-- ${name}`)
    const words = ['curve', inside('models', model), '--units', unit, ...methods, ...data]
    const { status } = spawnSync(
      process.execPath,
      [main, ...words, '--exclude-overlap', '--out', join(options.out, name)],
      { stdio: 'inherit' },
    )
    if (status !== 0) process.exitCode = 1
  }
}
