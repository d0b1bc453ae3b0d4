import type { HeadKind } from '../architecture/spec.js'
import { checkKeys, checkOneOf, checkSignal } from '../check.js'
import type { Checkpoint } from '../checkpoint/checkpoint.js'
import { sayUnopened } from '../checkpoint/read-head.js'
import { TwofourError } from '../errors.js'
import { readModelConfig } from '../sentence-config.js'
import { type Activation, activations, chooseActivation } from './activation.js'
import type { PackedBatch } from './batch.js'
import type { Encoder } from './encoder.js'
import { blankRequest } from './run.js'
import { checkTexts, runTexts, type Text } from './texts.js'

export type ClassifyOptions = {
  /**
   * What makes scores of logits. 'auto': what the model's makers meant, which is a CrossEncoder's own activation where
   * config.json has one, else none for a regression, sigmoid for one label or several at once, softmax for one of several.
   * @default 'auto'
   */
  readonly activation?: 'auto' | Activation | undefined
  readonly signal?: AbortSignal | undefined
}

export type Classification = {
  /** The label with the highest score. */
  readonly label: string
  readonly score: number
  /** By label: logits after `activation`. */
  readonly scores: Readonly<Record<string, number>>
  /** What made scores of the logits. */
  readonly activation: Activation
  /** Something of the text was cut off. */
  readonly truncated: boolean
}

export async function classify(
  encoder: Encoder,
  texts: readonly Text[],
  options: ClassifyOptions,
): Promise<Classification[]> {
  checkKeys('options', options, ['activation', 'signal'])
  const signal = checkSignal(options.signal)
  const asked = checkOneOf('activation', options.activation ?? 'auto', ['auto', ...activations])
  checkTexts(texts)
  checkHead(encoder, 'sequenceClassification', 'classify')
  const labels = labelsOf(encoder.checkpoint)
  const model = await readModelConfig(encoder.checkpoint.root)
  const activation = asked === 'auto' ? chooseActivation(encoder.checkpoint, model).activation : asked

  const results: Classification[] = []
  const ask = (batch: PackedBatch) => ({ ...blankRequest(batch), logits: true })
  for await (const { truncated, result } of runTexts(encoder, texts, ask, signal, crossPrompt(model))) {
    for (const [i, cut] of truncated.entries()) {
      const logits = result.logits!.subarray(i * labels.length, (i + 1) * labels.length)
      const scores = scorings[activation](logits)
      results.push({ ...best(labels, scores), activation, truncated: cut === 1 })
    }
  }
  return results
}

/** A CrossEncoder's default prompt. */
function crossPrompt(model: Awaited<ReturnType<typeof readModelConfig>>): string {
  if (model?.modelType !== 'CrossEncoder' || model.defaultPrompt === undefined) return ''
  return model.prompts[model.defaultPrompt]!
}

/** @throws TwofourError TASK_UNSUPPORTED naming the head that the model has, or why the one it asks for was not opened */
export function checkHead(encoder: Encoder, kind: HeadKind, verb: string): void {
  const has = encoder.spec.head?.kind
  if (has === kind) return
  const { unopenedHead } = encoder.checkpoint
  const lacks = unopenedHead === null ? 'this one has no head.' : `here ${sayUnopened(unopenedHead)}`
  throw new TwofourError(
    'TASK_UNSUPPORTED',
    `\`${verb}\` needs a model with a ${words(kind)} head; ${has === undefined ? lacks : `this one has a ${words(has)} head.`}`,
    { needed: kind, head: has ?? null, unopened: unopenedHead },
  )
}

function words(kind: HeadKind): string {
  return kind.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

/** Names by index; LABEL_0, LABEL_1 … where the config names none. */
export function labelsOf(checkpoint: Checkpoint): readonly string[] {
  return checkpoint.labels ?? Array.from({ length: checkpoint.spec.head!.labels }, (_, i) => `LABEL_${i}`)
}

const scorings: Readonly<Record<Activation, (logits: Float32Array) => number[]>> = {
  none: (logits) => [...logits],
  sigmoid: (logits) => [...logits].map((logit) => 1 / (1 + Math.exp(-logit))),
  softmax,
}

/** Logits to probabilities that add up to 1. */
export function softmax(logits: Float32Array): number[] {
  const highest = logits.reduce((a, b) => Math.max(a, b), -Infinity)
  const powers = [...logits].map((logit) => Math.exp(logit - highest))
  const total = powers.reduce((a, b) => a + b, 0)
  return powers.map((power) => power / total)
}

function best(labels: readonly string[], scores: readonly number[]) {
  const top = scores.reduce((at, score, i) => (score > scores[at]! ? i : at), 0)
  // Of labels that share a name the highest score is the one that is shown.
  const rising = [...labels.keys()].sort((a, b) => scores[a]! - scores[b]!)
  const highest = new Map(rising.map((i) => [labels[i]!, scores[i]!]))
  return {
    label: labels[top]!,
    score: scores[top]!,
    scores: Object.fromEntries(labels.map((label) => [label, highest.get(label)!])),
  }
}
