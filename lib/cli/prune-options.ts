import { readdir } from 'node:fs/promises'
import { type Checkpoint, type Recipe, readRecipe, recipeFromFlags, TwofourError } from '../index.js'
import { budgetOptions } from './budget-options.js'
import type { OptionTable } from './command.js'
import type { OptionValues } from './option-values.js'

/** One step of a recipe by options. */
export const stepOptions: OptionTable = {
  pattern: {
    value: 'NAME',
    help: 'N:M (as 2:4), unstructured, heads, neurons, layers or structure: one step by options',
  },
  score: {
    value: 'NAME',
    help: 'magnitude, random; weights also lamp, wanda, ria, sparsegpt, obs; heads headNorm, ablation, subset; heads and neurons gradient, fisher, similarity, hardConcrete, obs, ranking (default magnitude; heads headNorm)',
  },
  update: {
    value: 'NAME',
    help: "what happens to the weights that stay: 'none' (default), 'bias', or 'refit' by least squares",
  },
  damping: {
    value: 'D',
    help: 'share of the mean square that least squares add (default 0.2 / tokens per input, from 0.01 to 1)',
  },
  target: {
    value: 'NAME',
    help: "what updates aim at: 'dense' (default; not for shared layers) or 'own' outputs",
  },
  reverse: { help: 'the highest go first: a control' },
  permute: { help: 'N:M: neurons, and values inside of heads, change places so that more stays' },
  loss: {
    value: 'NAME',
    help: "heads and neurons are ranked by: 'labels' of the calibration data, 'pseudo', 'fisher', 'dense' (default: labels where there are some)",
  },
  estimator: { value: 'NAME', help: "of gradient and fisher: 'token', 'example' (default) or 'batch'" },
  normalise: {
    value: 'NAME',
    help: "'layer' (default of gradient) or 'none' (of fisher): whether a layer's numbers are shares of its norm",
  },
  rounds: { value: 'N', help: 'heads or neurons go in N parts, ranked again for each (default 1)' },
  by: { value: 'NAME', help: "how similarity is looked at: 'ablation' (default for heads) or 'gradient'" },
  batch: { value: 'N', help: 'examples in a minibatch (default 32)' },
  steps: { value: 'N', help: 'minibatches that subset and hardConcrete learn from (default 200)' },
  'learning-rate': { value: 'R', help: 'of subset (default 0.5) and hardConcrete (0.1)' },
  penalty: { value: 'P', help: 'of hardConcrete, for each gate that is open (default 0.0015)' },
  ranking: { value: 'FILE', help: 'the score ranking: JSON, {"heads": [[layer, head, score], …]}' },
  fraction: { value: 'F', help: 'share of weights or neurons that goes, from 0 to 1' },
  per: { value: 'NAME', help: 'matrix, row or global; for neurons layer or global' },
  remove: { value: 'K', help: 'how many heads or neurons go' },
  minimum: { value: 'K', help: 'heads that each layer keeps at least (default 0)' },
  list: { value: 'LIST', help: 'heads as "0:0,1,2;2:3,11", layers as 4,5' },
  ...budgetOptions,
  slots: {
    value: 'A,B',
    help: 'query, key, value, attentionOutput, ffnIn, ffnOut (default), wordEmbeddings',
  },
  layers: { value: 'A,B', help: 'only these layers, as 0,1' },
  seed: { value: 'N', help: 'of the random score (default 0)' },
}

/** What steps read that look at no data. */
const plain = 'pattern score reverse fraction per remove minimum list slots layers seed'.split(' ')

export const plainStepOptions: OptionTable = Object.fromEntries(
  Object.entries(stepOptions).filter(([name]) => plain.includes(name)),
)

/** What the model may cost: without a pattern of 'structure'. */
const targets = ['target-operations', 'target-bytes', 'target-latency'] as const

/** Options that become fields of the step, with `pattern`. */
const fieldNames = [
  'score',
  'update',
  'damping',
  'target',
  'loss',
  'estimator',
  'normalise',
  'rounds',
  'by',
  'batch',
  'steps',
  'learning-rate',
  'penalty',
  'ranking',
  'fraction',
  'per',
  'remove',
  'minimum',
  'list',
  ...targets,
  'tokens',
  'keep-heads',
  'leave-dense',
  'slots',
  'layers',
  'seed',
] as const

export type RecipeSource =
  | { readonly kind: 'plan'; readonly file: string }
  | { readonly kind: 'file' | 'flags'; readonly recipe: (checkpoint: Checkpoint) => Promise<Recipe> }

/**
 * Where the recipe comes from: one of --recipe, --pattern (which a target alone has too) and --apply. `of` are the
 * command's options of a step.
 * @throws TypeError for none or two
 */
export function recipeSource(options: OptionValues, of: OptionTable = stepOptions): RecipeSource {
  const sources = ['recipe', 'pattern', 'apply'].filter((name) => options.has(name))
  const budget = targets.some((name) => name in of && options.has(name))
  if (sources.length > 1 || (sources.length === 0 && !budget)) {
    const got = sources.length === 0 ? 'none' : sources.map((name) => `--${name}`).join(' and ')
    throw new TypeError(`Expected one of --recipe FILE, --pattern NAME and --apply PLAN, got ${got}.`)
  }
  const recipe = options.text('recipe')
  const plan = options.text('apply')
  if (recipe === undefined && plan === undefined) {
    const flags = recipeFromFlags(fieldsOf(options, of))
    return { kind: 'flags', recipe: async () => flags }
  }
  const stray = Object.keys(of).find((name) => options.has(name) && name !== 'pattern')
  if (stray !== undefined) {
    const [source] = sources
    throw new TypeError(`--${stray} is for a step by options, and does not go with --${source}.`)
  }
  if (plan !== undefined) return { kind: 'plan', file: plan }
  return { kind: 'file', recipe: ({ base }) => readRecipe(recipe!, base) }
}

/** @throws TypeError */
export function formOption(options: OptionValues): 'masked' | 'removed' | 'onnx' {
  const form = options.text('form') ?? 'masked'
  if (form === 'masked' || form === 'removed' || form === 'onnx') return form
  throw new TypeError(`Expected --form to be masked, removed or onnx, got '${form}'.`)
}

/**
 * Refuses a folder with files before any work is done; saving looks again.
 * @throws TwofourError FILE_UNWRITABLE
 */
export async function checkOut(out: string, overwrite: boolean): Promise<void> {
  const files = await readdir(out).catch(() => [])
  if (overwrite || files.length === 0) return
  const message = `Expected \`${out}\` to be a new or empty folder, got one with files. Choose another, or pass --overwrite to replace files of the same name.`
  throw new TwofourError('FILE_UNWRITABLE', message, { file: out })
}

function fieldsOf(options: OptionValues, of: OptionTable) {
  const names = ['pattern', ...fieldNames].filter((name) => name in of && options.has(name))
  const texts = names.map((name) => [fieldOf(name), options.text(name)])
  return {
    pattern: 'structure',
    ...Object.fromEntries(texts),
    ...(options.flag('reverse') && { reverse: true }),
    ...(options.flag('permute') && { permute: true }),
  }
}

/** `--learning-rate` is `learningRate` in a step. */
function fieldOf(option: string): string {
  return option.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}
