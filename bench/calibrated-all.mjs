// Every calibrated figure of docs/pruning.md by one command, on a machine that does nothing else.
// Run: node bench/calibrated-all.mjs --data DIR [--out build/calibrated] [further options of calibrated.mjs]
//      node bench/calibrated-publish.mjs build/calibrated
// DIR holds models/all-MiniLM-L6-v2, models/minilm-l6-sst2, stsb, sst2 and wikitext2 (docs/benchmarks.md says what they
// are). Results go to a folder that git ignores, so that the commit they name is a clean one; a run that was cut short
// goes on where it was. The second command puts them into bench/results and the documents.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

const here = import.meta.dirname
const words = process.argv.slice(2)
const data = taken('--data')
const out = taken('--out') ?? 'build/calibrated'
if (data === undefined) {
  console.error('Expected --data DIR. The first lines of bench/calibrated-all.mjs say what it holds.')
  process.exit(2)
}
mkdirSync(out, { recursive: true })
const inside = (...names) => join(data, ...names)
const pairs = ['--columns', 'sentence1=5,sentence2=6,score=4', '--format', 'tsv']

const runs = [
  [
    'calibrated.mjs',
    ...['--model', inside('models', 'all-MiniLM-L6-v2'), '--task', 'similarity', ...pairs],
    ...['--data', inside('stsb', 'sts-test.csv'), '--dev', inside('stsb', 'sts-dev.csv')],
    ...['--calibration', inside('stsb', 'sts-train.csv')],
    ...['--out', join(out, 'calibrated-all-MiniLM-L6-v2.json'), '--resume', ...words],
  ],
  [
    'calibrated.mjs',
    ...['--model', inside('models', 'minilm-l6-sst2'), '--task', 'classification'],
    ...['--data', inside('sst2', 'alps_test.tsv'), '--dev', inside('sst2', 'alps_dev.tsv')],
    ...['--calibration', inside('sst2', 'alps_train.tsv'), '--seeds', '0'],
    ...['--out', join(out, 'calibrated-minilm-l6-sst2.json'), '--resume', ...words],
  ],
  [
    'calibrated-time.mjs',
    ...['--model', inside('models', 'all-MiniLM-L6-v2'), '--task', 'similarity', ...pairs],
    ...['--sentences', inside('stsb', 'sts-train.csv'), '--text', inside('wikitext2', 'valid.txt')],
    ...['--out', join(out, 'calibrated-time.json')],
  ],
]
for (const [script, ...options] of runs) {
  const { status } = spawnSync(process.execPath, [join(here, script), ...options], { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}

function taken(name) {
  const at = words.indexOf(name)
  return at < 0 ? undefined : words.splice(at, 2)[1]
}
