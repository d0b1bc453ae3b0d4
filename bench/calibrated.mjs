// What methods of pruning cost in accuracy, time and memory, and what they win, on one model and task: each prunes in a
// process of its own, is evaluated against the dense model on the same examples, and is timed beside it. Nothing is
// chosen by the evaluation data: `--dev` is for choices. bench/calibrated-table.mjs makes tables of it.
// Run: node bench/calibrated.mjs --model DIR --task similarity --data TEST --dev DEV --calibration TRAIN
//        [--columns sentence1=5,sentence2=6,score=4] [--format tsv] [--held-out FILE] [--sentences 512] [--seeds 0,1,2]
//        [--only 2:4] [--methods magnitude,wanda] [--limit N] [--rounds 7] [--threads N] [--name NAME] [--resume] --out FILE.json
// Layer errors are measured on sentences of --held-out (default: of --dev). --resume keeps what a run with the same
// settings has already put into FILE.json.
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { Checkpoint, compareEvaluations, Encoder, evaluate, layerErrors, Plan } from 'twofour'
import { watchCircumstances } from '../dist/bench/circumstances.js'
import { methods, readsCalibration } from './calibrated/methods.mjs'
import { pruneApart } from './calibrated/pruning-process.mjs'
import { apart, calibrationOf, draw, refuseOverlap, sentencesOf } from './calibrated/sentences.mjs'
import { speeds } from './calibrated/speed.mjs'

const text = { type: 'string' }
const { values: options } = parseArgs({
  options: {
    ...{ model: text, task: text, data: text, dev: text, calibration: text, columns: text, format: text },
    ...{ 'held-out': text, only: text, methods: text, limit: text, threads: text, name: text, out: text },
    sentences: { ...text, default: '512' },
    seeds: { ...text, default: '0,1,2' },
    rounds: { ...text, default: '7' },
    resume: { type: 'boolean', default: false },
  },
})
const number = (name) => (options[name] === undefined ? undefined : Number(options[name]))
const seeds = options.seeds.split(',').map(Number)
const threads = number('threads')
const out = required('out')
const reading = { task: required('task'), columns: columnsOf(options.columns), format: options.format }
const files = { test: required('data'), dev: required('dev'), calibration: required('calibration') }
const heldOutFile = options['held-out'] ?? files.dev

const among = (list, value) => list === undefined || list.split(',').includes(value)
const wanted = methods.filter(({ group, name }) => among(options.only, group) && among(options.methods, name))
checkNames('only', 'group')
checkNames('methods', 'name')

const circumstances = await watchCircumstances(threads)
const base = await Checkpoint.open(required('model'))
const { draws, heldOut, about } = await sentences()
const settings = {
  ...{ model: options.name ?? basename(options.model), task: reading.task, limit: number('limit') ?? null },
  ...{ commit: circumstances().commit, threads: circumstances().threads, base: await base.hash() },
  ...{ test: basename(files.test), dev: basename(files.dev), calibration: basename(files.calibration) },
  ...about,
}
const kept = await keptResults()
const folder = await mkdtemp(join(tmpdir(), 'twofour-calibrated-'))
const dense = { test: await evaluated(base, files.test), dev: await evaluated(base, files.dev) }
const results = []
try {
  for (const method of wanted) {
    for (const seed of method.spread ? seeds : seeds.slice(0, 1)) await take(method, seed)
  }
  const timed = await timedSpeeds()
  for (const result of results) {
    if (result.seed === seeds[0] && timed.has(labelOf(result))) result.speed = timed.get(labelOf(result))
  }
  await write(timed.get('dense'))
} finally {
  await rm(folder, { recursive: true, force: true })
}
if (results.some(({ failed }) => failed !== undefined)) process.exitCode = 1

/** One method on one draw. What is known already stays. */
async function take(method, seed) {
  const { group, name, recipe } = method
  const label = { group, name, seed, recipe }
  const before = kept.find((result) => isDeepStrictEqual(identity(result), label))
  const result = before ?? { ...label, ...(await measured(method, seed)) }
  results.push(result)
  const told =
    result.skipped ?? result.failed ?? `${result.test.value.toFixed(4)}, ${result.error.mean.toFixed(4)}`
  console.error(`${labelOf(label)}, draw ${seed}: ${before === undefined ? '' : 'kept: '}${told}`)
  await write()
}

async function measured(method, seed) {
  try {
    const pruning = await pruned(method, seed)
    if (pruning.skipped !== undefined) return pruning
    const checkpoint = await decided(method, seed)
    const dev = seed === seeds[0] && { dev: paired(await evaluated(checkpoint, files.dev), dense.dev) }
    const test = paired(await evaluated(checkpoint, files.test), dense.test)
    return {
      pruning,
      test,
      ...dev,
      error: errorsOf(await layerErrors(base, checkpoint, heldOut, { threads })),
    }
  } catch (error) {
    return { failed: error.message }
  }
}

function pruned(method, seed) {
  const { recipe } = method
  const texts = readsCalibration(recipe) ? { texts: draws.get(seed) } : {}
  return pruneApart({ model: options.model, recipe, plan: planOf(method, seed), threads, ...texts })
}

/** By its plan, which stays until all is timed. */
async function decided(method, seed) {
  return (await Plan.open(planOf(method, seed))).apply(base)
}

function planOf(method, seed) {
  return join(folder, `${methods.indexOf(method)} ${seed}.safetensors`)
}

/** On the first draw. */
async function timedSpeeds() {
  const checkpoints = [{ name: 'dense', directory: options.model }]
  for (const method of wanted.filter(({ timed }) => timed)) {
    const result = results.find(
      (each) => each.seed === seeds[0] && labelOf(each) === labelOf(method) && each.test !== undefined,
    )
    if (result === undefined) continue
    const directory = join(folder, String(checkpoints.length))
    // Of results that were kept there is no plan.
    if (!existsSync(planOf(method, seeds[0]))) await pruned(method, seeds[0])
    const checkpoint = await decided(method, seeds[0])
    await checkpoint.save(directory, { form: method.form })
    checkpoints.push({ name: labelOf(method), directory })
  }
  const texts = (await sentencesOf(files.test, reading)).slice(0, Math.min(512, number('limit') ?? 512))
  const budget = options.limit === undefined ? Number.POSITIVE_INFINITY : 0.3
  return speeds(checkpoints, texts, { rounds: number('rounds'), threads, budget })
}

/** What is calibrated on and what errors are measured on, apart from the evaluation data and from each other. */
async function sentences() {
  const test = await sentencesOf(files.test, reading)
  const train = apart(await sentencesOf(files.calibration, reading), test)
  const count = number('sentences')
  const draws = new Map(seeds.map((seed) => [seed, draw(train, count, seed)]))
  // Of one file for both, what no draw has taken.
  const taken = heldOutFile === files.calibration ? [...draws.values()].flat() : train
  const others = apart(await sentencesOf(heldOutFile, reading), [...test, ...taken])
  if (others.length === 0)
    throw new Error(`All sentences of ${heldOutFile} are in the other files: name others by --held-out.`)
  const heldOut = await calibrationOf(base, draw(others, count, 0))
  const evaluation = await calibrationOf(base, test)
  refuseOverlap('Evaluation data and sentences for layer errors', evaluation, heldOut)
  const drawn = []
  for (const [seed, texts] of draws) {
    const calibration = await calibrationOf(base, texts)
    refuseOverlap('Calibration and evaluation data', calibration, evaluation)
    refuseOverlap('Calibration data and sentences for layer errors', calibration, heldOut)
    const { sequences, tokens, digest } = calibration
    drawn.push({ seed, sequences, tokens, digest })
  }
  const { sequences, tokens, digest } = heldOut
  const errors = { file: basename(heldOutFile), of: others.length, sequences, tokens, digest }
  return { draws, heldOut, about: { of: train.length, draws: drawn, heldOut: errors } }
}

async function evaluated(checkpoint, data) {
  // Every form gives the same numbers but for rounding: one that needs no measuring.
  const encoder = await Encoder.load(checkpoint, { sparsity: 'off', threads })
  try {
    return await evaluate(encoder, { ...reading, data, limit: number('limit') })
  } finally {
    encoder.dispose()
  }
}

function paired(evaluation, reference) {
  const { difference, interval, pValue, test } = compareEvaluations(evaluation, reference)
  return { ...published(evaluation), toDense: { difference, interval, pValue, test } }
}

function published({ metric, value, interval, n }) {
  return { metric, value, interval, n }
}

/** The mean, and that of each of a layer's linears over the layers. */
function errorsOf({ mean, linears, tokens }) {
  const names = new Map()
  for (const { slot, error } of linears) {
    const name = slot.split('.')[2]
    names.set(name, [...(names.get(name) ?? []), error])
  }
  const meanOf = (errors) => errors.reduce((sum, error) => sum + error, 0) / errors.length
  return { mean, tokens, linears: Object.fromEntries([...names].map(([name, all]) => [name, meanOf(all)])) }
}

/** After every method, so that a run that ends early has something to show. */
async function write(speed) {
  const report = {
    ...circumstances(),
    settings,
    modelBytes: (await stat(join(options.model, 'model.safetensors'))).size,
    command: `node bench/calibrated.mjs ${commandOf(process.argv.slice(2))}`,
    dense: { test: published(dense.test), dev: published(dense.dev), ...(speed && { speed }) },
    results,
  }
  await writeFile(out, `${JSON.stringify(report, null, 1)}\n`)
}

/** Measured results of a run with the same settings; their speed is of that run, and measured again. */
async function keptResults() {
  if (!options.resume) return []
  const text = await readFile(out, 'utf8').catch(() => undefined)
  const before = text === undefined ? undefined : JSON.parse(text)
  if (!isDeepStrictEqual(before?.settings, settings)) return []
  return before.results.filter(({ test }) => test !== undefined).map(({ speed: _, ...result }) => result)
}

function identity({ group, name, seed, recipe }) {
  return { group, name, seed, recipe }
}

function labelOf({ group, name }) {
  return `${group}, ${name}`
}

/** Without the folders of this machine. */
function commandOf(words) {
  return words.map((word) => (word.includes('/') ? `DIR/${basename(word)}` : word)).join(' ')
}

/** `sentence1=5,score=4` as an object. */
function columnsOf(pairs) {
  return pairs === undefined ? undefined : Object.fromEntries(pairs.split(',').map((pair) => pair.split('=')))
}

function checkNames(option, key) {
  const names = methods.map((method) => method[key])
  const odd = options[option]?.split(',').find((name) => !names.includes(name))
  if (odd === undefined) return
  console.error(`Expected \`--${option}\` to be of ${[...new Set(names)].join(', ')}, got ${odd}.`)
  process.exit(2)
}

function required(name) {
  if (options[name] !== undefined) return options[name]
  console.error(`Expected \`--${name}\`. The first lines of bench/calibrated.mjs say how to run it.`)
  process.exit(2)
}
