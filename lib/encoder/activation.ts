import { join, relative } from 'node:path'
import { describe, expected } from '../check.js'
import type { Checkpoint } from '../checkpoint/checkpoint.js'
import { TwofourError } from '../errors.js'
import { isJsonObject } from '../json-file.js'
import type { FileRead } from '../reading.js'
import type { readModelConfig } from '../sentence-config.js'

export const activations = ['none', 'sigmoid', 'softmax'] as const
/** What makes scores of a classifier's logits; 'none' leaves them. */
export type Activation = (typeof activations)[number]

export type ChosenActivation = {
  readonly activation: Activation
  /** The file and key that decided; null where the number of labels did. */
  readonly read: FileRead | null
}

type ModelConfig = Awaited<ReturnType<typeof readModelConfig>>

/**
 * The activation that a model's makers meant. A CrossEncoder of sentence-transformers names a class of torch, or has
 * sigmoid for one label and none for more. Any other model has what transformers' text-classification gives it: none for
 * a regression, sigmoid for one label or several at once, softmax for one of several.
 * @param model config_sentence_transformers.json, where it counts
 * @throws TwofourError CHECKPOINT_UNSUPPORTED for a class that is neither Identity, Sigmoid nor Softmax;
 *   CHECKPOINT_INVALID_CONFIG
 */
export function chooseActivation(checkpoint: Checkpoint, model: ModelConfig): ChosenActivation {
  const { root, directory, config, spec } = checkpoint
  const labels = spec.head!.labels
  const own = relative(root, join(directory, 'config.json'))
  const crossEncoder = readCrossEncoder(own, config, model)
  if (crossEncoder === null) return ofTextClassification(root, own, config.problem_type, labels)
  const { file, key, value } = crossEncoder
  if (value === null) return chosen(labels === 1 ? 'sigmoid' : 'none', file, key, value)
  return chosen(activationOf(join(root, file), key, value), file, key, value)
}

type Named = { readonly file: string; readonly key: string; readonly value: string | null }

/** Where a CrossEncoder's class is named; its value is null where the model is one and names none; null: it is none. */
function readCrossEncoder(file: string, config: Checkpoint['config'], model: ModelConfig): Named | null {
  const isOne = model?.modelType === 'CrossEncoder'
  if (isOne && model.activation !== undefined) {
    return { file: 'config_sentence_transformers.json', key: 'activation_fn', value: model.activation }
  }
  const settings = config.sentence_transformers
  if (isJsonObject(settings) && Object.hasOwn(settings, 'activation_fn')) {
    return { file, key: 'sentence_transformers.activation_fn', value: classOf(settings.activation_fn) }
  }
  const old = config.sbert_ce_default_activation_function
  if (old !== undefined && old !== null) {
    return { file, key: 'sbert_ce_default_activation_function', value: classOf(old) }
  }
  if (isOne) return { file: 'config_sentence_transformers.json', key: 'model_type', value: null }
  return isJsonObject(settings) ? { file, key: 'sentence_transformers', value: null } : null
}

function classOf(value: unknown): string | null {
  if (value === null) return null
  return typeof value === 'string' ? value : describe(value)
}

/** The package of a class has moved between releases of torch; its name has not. */
const classes: Readonly<Record<string, Activation>> = {
  Identity: 'none',
  Sigmoid: 'sigmoid',
  Softmax: 'softmax',
}

function activationOf(file: string, key: string, value: string): Activation {
  const [, name = ''] = /^torch\.nn\.(?:modules\.\w+\.)?(\w+)$/.exec(value) ?? []
  const known = Object.hasOwn(classes, name) ? classes[name] : undefined
  if (known !== undefined) return known
  const message = `${file} asks for \`${key}\` ${describe(value)}; twofour knows torch.nn's Identity, Sigmoid and Softmax. Pass \`activation: 'none'\` (--activation none) for the logits, and apply it to them.`
  throw new TwofourError('CHECKPOINT_UNSUPPORTED', message, { file, key, value })
}

const problems = ['regression', 'single_label_classification', 'multi_label_classification']

function ofTextClassification(
  root: string,
  file: string,
  problem: unknown,
  labels: number,
): ChosenActivation {
  if (problem !== undefined && problem !== null && !problems.includes(problem as string)) {
    const fix = 'Pass `activation` (--activation) to choose one.'
    const message = `${join(root, file)}: ${expected('problem_type', `one of ${problems.join(', ')}`, problem, fix)}`
    throw new TwofourError('CHECKPOINT_INVALID_CONFIG', message, {
      file: join(root, file),
      key: 'problem_type',
    })
  }
  if (problem === 'regression') return chosen('none', file, 'problem_type', problem)
  if (problem === 'multi_label_classification') return chosen('sigmoid', file, 'problem_type', problem)
  return { activation: labels === 1 ? 'sigmoid' : 'softmax', read: null }
}

function chosen(activation: Activation, file: string, key: string, value: unknown): ChosenActivation {
  const effect = activation === 'none' ? 'scores are logits' : `scores are by ${activation}`
  return { activation, read: { file, keys: [{ key, value, effect }] } }
}
