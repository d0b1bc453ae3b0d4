// What one-shot pruning by weights alone costs in accuracy: weights, 2:4, heads and layers removed at many levels,
// each against the dense model on the same examples. No retraining, no calibration.
// Run: node bench/curves.mjs --model DIR --task similarity --data FILE [--columns sentence1=5,sentence2=6,score=4]
//        [--name NAME] [--seeds 3] [--limit N] --out FILE.json
import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { Checkpoint, compareEvaluations, devices, Encoder, evaluate, prune } from 'twofour'

const text = { type: 'string' }
const { values: options } = parseArgs({
  options: {
    model: text,
    task: text,
    data: text,
    columns: text,
    name: text,
    seeds: { ...text, default: '3' },
    limit: text,
    out: text,
  },
})
const tenths = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]

const base = await Checkpoint.open(required('model'))
const evaluation = {
  task: required('task'),
  data: required('data'),
  columns: columnsOf(options.columns),
  limit: options.limit === undefined ? undefined : Number(options.limit),
}
const out = required('out')

const taken = circumstances()
const dense = await evaluated(base)
const points = []
for (const [index, { recipe, ...point }] of pointsOf(base.spec).entries()) {
  const plan = await prune(base, recipe)
  const pruned = await evaluated(await plan.apply(base))
  const { difference, interval, pValue, test } = compareEvaluations(pruned, dense)
  const { density } = plan.summary().prunable
  const { value, metrics } = pruned
  points.push({
    ...point,
    recipe,
    density,
    value,
    interval: pruned.interval,
    metrics,
    toDense: { difference, interval, pValue, test },
  })
  console.error(`${index + 1} ${point.series} ${point.level} ${point.seed ?? ''} ${value.toFixed(4)}`)
}
await writeFile(out, `${JSON.stringify({ ...taken, dense: published(dense), points }, null, 1)}\n`)

/** Every point of every curve: a series, its level and, of random ones, the seed. */
function pointsOf({ layers, originalHeads }) {
  const seeds = Array.from({ length: Number(options.seeds) }, (_, seed) => seed + 1)
  const heads = layers.length * originalHeads
  const step = (series, level, fields, seed) => ({
    series,
    level,
    ...(seed !== undefined && { seed }),
    recipe: { steps: [fields], ...(seed !== undefined && { seed }) },
  })
  const headStep = (score, level, seed) => {
    const fields = { pattern: 'heads', score, remove: Math.round(level * heads) }
    return step(`heads ${score}`, level, fields, seed)
  }
  const counts = Array.from({ length: layers.length - 1 }, (_, i) => i + 1)
  const range = (first, count) => Array.from({ length: count }, (_, i) => first + i)
  return [
    ...tenths.map((fraction) =>
      step('unstructured magnitude', fraction, { pattern: 'unstructured', score: 'magnitude', fraction }),
    ),
    step('2:4 magnitude', 0.5, { pattern: '2:4', score: 'magnitude' }),
    ...seeds.map((seed) => step('2:4 random', 0.5, { pattern: '2:4', score: 'random' }, seed)),
    ...tenths.map((level) => headStep('headNorm', level)),
    ...tenths.flatMap((level) => seeds.map((seed) => headStep('random', level, seed))),
    ...counts.map((k) => step('layers last', k, { pattern: 'layers', list: range(layers.length - k, k) })),
    ...counts.map((k) => step('layers first', k, { pattern: 'layers', list: range(0, k) })),
  ]
}

async function evaluated(checkpoint) {
  const encoder = await Encoder.load(checkpoint)
  try {
    return await evaluate(encoder, evaluation)
  } finally {
    encoder.dispose()
  }
}

function published({ metric, value, interval, n, metrics }) {
  return { metric, value, interval, n, metrics }
}

/** What the figures need to mean anything; file names without their folders. */
function circumstances() {
  return {
    date: new Date().toISOString(),
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
    cpu: `${cpus()[0].model}, ${cpus().length} cores`,
    device: devices()[0].name,
    node: process.version,
    model: options.name ?? basename(options.model),
    task: options.task,
    data: basename(options.data),
  }
}

/** `sentence1=5,score=4` as an object. */
function columnsOf(pairs) {
  return pairs === undefined ? undefined : Object.fromEntries(pairs.split(',').map((pair) => pair.split('=')))
}

function required(name) {
  if (options[name] !== undefined) return options[name]
  console.error(`Expected \`--${name}\`. The first lines of bench/curves.mjs say how to run it.`)
  process.exit(2)
}
