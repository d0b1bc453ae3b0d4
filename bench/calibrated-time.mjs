// How long 2:4 takes, and how much memory, on 128 sequences: real sentences, and as long as the model takes.
// Run: node bench/calibrated-time.mjs --model DIR --sentences FILE --task similarity --text FILE.txt
//        [--columns sentence1=5,sentence2=6,score=4] [--format tsv] [--sequences 128] [--repeats 3] [--threads N]
//        [--name NAME] --out FILE.json
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { Checkpoint } from 'twofour'
import { watchCircumstances } from '../dist/bench/circumstances.js'
import { quantile } from '../dist/bench/quantile.js'
import { openTokenizer } from '../dist/calibration/source.js'
import { pruneApart } from './calibrated/pruning-process.mjs'
import { apart, draw, sentencesOf } from './calibrated/sentences.mjs'

const text = { type: 'string' }
const { values: options } = parseArgs({
  options: {
    ...{ model: text, sentences: text, task: text, text, columns: text, format: text },
    ...{ threads: text, name: text, out: text },
    sequences: { ...text, default: '128' },
    repeats: { ...text, default: '3' },
  },
})
const gibibyte = 2 ** 30
const methods = [
  { name: 'wanda + refit', seconds: 60, step: { score: 'wanda', update: 'refit' } },
  { name: 'sparsegpt', seconds: 120, step: { score: 'sparsegpt' } },
  { name: 'obs + refit', seconds: 120, step: { score: 'obs', update: 'refit' } },
]

const threads = options.threads === undefined ? undefined : Number(options.threads)
const sequences = Number(options.sequences)
const circumstances = await watchCircumstances(threads)
const base = await Checkpoint.open(options.model)
const modelBytes = (await stat(join(options.model, 'model.safetensors'))).size
const data = [await sentences(), await longest()]
const folder = await mkdtemp(join(tmpdir(), 'twofour-time-'))
const times = []
try {
  for (const { calibration, ...given } of data) {
    for (const { name, seconds, step } of methods) {
      const limits = { seconds, bytes: 2 * modelBytes + gibibyte }
      times.push({ name, calibration, limits, ...(await timed(step, given)) })
      console.error(`${name}, ${calibration}: ${times.at(-1).seconds.all.map((each) => each.toFixed(1))} s`)
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}
const settings = { model: options.name ?? basename(options.model), sequences }
await writeFile(
  options.out,
  `${JSON.stringify({ ...circumstances(), settings, modelBytes, times }, null, 1)}\n`,
)

/** Medians over repeats, and the highest peak. */
async function timed(step, given) {
  const recipe = { steps: [{ pattern: '2:4', ...step }] }
  const runs = []
  for (let repeat = 0; repeat < Number(options.repeats); repeat++) {
    const request = {
      model: options.model,
      recipe,
      plan: join(folder, 'plan.safetensors'),
      threads,
      ...given,
    }
    const run = await pruneApart(request)
    if (run.skipped !== undefined) throw new Error(run.skipped)
    runs.push(run)
  }
  const all = runs.map(({ seconds }) => seconds)
  return {
    tokens: runs[0].tokens,
    seconds: { median: quantile(all, 0.5), all },
    cpuSeconds: quantile(
      runs.map(({ cpuSeconds }) => cpuSeconds),
      0.5,
    ),
    peakBytes: Math.max(...runs.map(({ peakBytes }) => peakBytes)),
  }
}

async function sentences() {
  const { task, columns: pairs, format } = options
  const columns = pairs && Object.fromEntries(pairs.split(',').map((pair) => pair.split('=')))
  const all = apart(await sentencesOf(options.sentences, { task, columns, format }), [])
  return {
    calibration: `${sequences} sentences of ${basename(options.sentences)}`,
    texts: draw(all, sequences, 0),
  }
}

/** Running text, cut into sequences of the greatest length that the model has positions for. */
async function longest() {
  const tokenizer = await openTokenizer(base, true)
  const { inputIds } = await tokenizer.encode(await readFile(options.text, 'utf8'))
  const length = base.spec.positions
  const [first, last] = [inputIds[0], inputIds.at(-1)]
  const ids = Array.from({ length: sequences }, (_, at) => {
    const inside = inputIds.slice(1 + at * (length - 2), 1 + (at + 1) * (length - 2))
    if (inside.length < length - 2)
      throw new Error(`${options.text} is too short for ${sequences} sequences.`)
    return [first, ...inside, last]
  })
  return { calibration: `${sequences} × ${length} tokens of ${basename(options.text)}`, ids }
}
