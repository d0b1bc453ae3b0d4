// Layer errors of 2:4 on the demo model, by method and target, with enough sentences and with too few: the table of
// docs/pruning.md. No times, so a busy machine gives the same figures.
// Run: node bench/layer-errors.mjs
import { join } from 'node:path'
import { Calibration, Checkpoint, layerErrors, prune } from 'twofour'
import { apart, sentencesOf } from './calibrated/sentences.mjs'
import { table } from './calibrated/tables.mjs'

const demo = (name) => join(import.meta.dirname, '..', 'models', 'demo', name)
const refit = { update: 'refit' }
const steps = [
  ['magnitude', { score: 'magnitude' }],
  ['ria', { score: 'ria' }],
  ['wanda', { score: 'wanda' }],
  ['sparsegpt', { score: 'sparsegpt', target: 'own' }],
  ['magnitude + refit', { score: 'magnitude', ...refit, target: 'own' }],
  ['wanda + refit', { score: 'wanda', ...refit, target: 'own' }],
  ['obs + refit', { score: 'obs', ...refit, target: 'own' }],
]

const base = await Checkpoint.open(demo('model'))
const train = apart(await sentencesOf(demo('calibration.tsv'), { task: 'similarity' }), [])
const others = apart(await sentencesOf(demo('eval.tsv'), { task: 'similarity' }), train)
const heldOut = await Calibration.fromTexts(base, others, { limit: 512 })
const sets = []
for (const limit of [512, 48]) sets.push(await Calibration.fromTexts(base, train, { limit }))
const rows = []
for (const [name, step] of steps) {
  rows.push([name, ...(await errorsOf(step))])
  console.error(rows.at(-1).join(' '))
}
const head = sets.flatMap(({ sequences, tokens }) => [
  `${sequences} sentences, ${tokens} tokens: own`,
  'dense target',
])
console.log(`Held out: ${heldOut.sequences} sentences, ${heldOut.tokens} tokens.\n`)
console.log(table(['2:4 by', ...head], rows))

/** For each set under both targets; a method that updates nothing has none. */
async function errorsOf(step) {
  const errors = []
  for (const calibration of sets) {
    errors.push(await errorOf(step, calibration))
    errors.push(step.target === undefined ? '' : await errorOf({ ...step, target: 'dense' }, calibration))
  }
  return errors
}

async function errorOf(step, calibration) {
  if (calibration.overlap(heldOut).sequences > 0) throw new Error('Sentences are in both.')
  const reads = step.score !== 'magnitude' || step.update !== undefined
  const recipe = { steps: [{ pattern: '2:4', ...step }] }
  const plan = await prune(base, recipe, reads ? { calibration } : {})
  return (await layerErrors(base, await plan.apply(base), heldOut)).mean.toFixed(4)
}
