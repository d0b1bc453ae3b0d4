import type { Encoder, EncoderSpec } from '../../index.js'
import { fewestRounds, type Speed } from './measure.js'

/** `unknown`: too few rounds to tell a difference from noise. */
export type Verdict = 'reference' | 'faster' | 'same' | 'slower' | 'unknown'

/**
 * Faster or slower only where the spread lies wholly outside the one that the dense model has against itself.
 * @param control the dense model timed against itself
 */
export function verdictOf({ spread }: Speed, control: Speed, rounds: number): Verdict {
  if (rounds < fewestRounds) return 'unknown'
  if (spread[0] > Math.max(1, control.spread[1])) return 'faster'
  if (spread[1] < Math.min(1, control.spread[0])) return 'slower'
  return 'same'
}

/** What of a variant decides its speed. */
export type Shape = {
  readonly heads: number
  readonly neurons: number
  readonly layers: number
  /** Matrices, and those that run in a form which no matrix of the dense model has. */
  readonly matrices: number
  readonly sparse: number
}

export function shapeOf(
  spec: EncoderSpec,
  reports: ReturnType<Encoder['explain']>,
  denseForms: ReadonlySet<string>,
): Shape {
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0)
  return {
    heads: sum(spec.layers.map((layer) => layer.heads.length)),
    neurons: sum(spec.layers.map((layer) => layer.inner)),
    layers: spec.layers.length,
    matrices: reports.length,
    sparse: reports.filter(({ buckets }) => buckets.some(({ form }) => !denseForms.has(form))).length,
  }
}

export function formsOf(reports: ReturnType<Encoder['explain']>): Set<string> {
  return new Set(reports.flatMap(({ buckets }) => buckets.map(({ form }) => form)))
}

/** A sentence on why a variant is or is not faster than the dense model. */
export function whyOf(verdict: Verdict, shape: Shape, dense: Shape): string {
  if (verdict === 'reference') return 'The reference.'
  const smaller = whatIsLeft(shape, dense)
  if (smaller !== '') return smallerSentence(verdict, smaller)
  if (shape.sparse === 0) return maskedSentence(verdict)
  return `${capital(spoken[verdict])}: ${shape.sparse} of ${shape.matrices} matrices run in a sparse form.`
}

const spoken = {
  reference: 'the reference',
  faster: 'faster',
  same: 'same speed within the spread',
  slower: 'slower',
  unknown: 'too few rounds to tell',
} as const satisfies Record<Verdict, string>

function maskedSentence(verdict: Verdict): string {
  if (verdict === 'same') return 'Same speed: zeros run dense on this backend.'
  if (verdict === 'unknown') return 'Zeros run dense on this backend.'
  return 'Zeros run dense on this backend, so the work is the same: take the difference for noise.'
}

function smallerSentence(verdict: Verdict, left: string): string {
  if (verdict === 'faster') return `Faster: smaller matrices, ${left}.`
  if (verdict === 'unknown') return `Smaller matrices, ${left}.`
  if (verdict === 'same') return `Same within the spread: smaller matrices, ${left}.`
  return `Slower here, though the matrices are smaller: ${left}.`
}

function whatIsLeft(shape: Shape, dense: Shape): string {
  // A layer that is gone took its heads and neurons along.
  const names = shape.layers < dense.layers ? (['layers'] as const) : (['heads', 'neurons'] as const)
  return names
    .filter((name) => shape[name] < dense[name])
    .map((name) => `${shape[name]} of ${dense[name]} ${name} left`)
    .join(', ')
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1)
}
