import type { Slot } from '../lib/architecture/spec.js'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { Safetensors } from '../lib/checkpoint/safetensors.js'
import { Encoder } from '../lib/encoder/encoder.js'
import { prune } from '../lib/pruning/prune.js'
import type { Recipe, RecipeStep } from '../lib/pruning/recipe.js'
import { temporaryDirectory } from './temporary-directory.js'

/** The stored fp32 weights of a slot. */
export async function storedWeights(checkpoint: Checkpoint, slot: Slot): Promise<Float32Array> {
  const { file, name } = checkpoint.slots.get(slot)!
  const bytes = await (await Safetensors.open(file)).read(name)
  return new Float32Array(bytes.slice().buffer)
}

/** Which elements a mask of a checkpoint's decision keeps; all where there is none. */
export function keptElements(checkpoint: Checkpoint, slot: Slot): boolean[] {
  const { shape } = checkpoint.slots.get(slot)!
  const bits = checkpoint.decision?.masks.get(slot)
  const count = shape.reduce((product, size) => product * size, 1)
  return Array.from({ length: count }, (_, i) => bits === undefined || ((bits[i >> 3]! >> (i & 7)) & 1) === 1)
}

export function removedCount(kept: readonly boolean[]): number {
  return kept.filter((there) => !there).length
}

/** The checkpoint after a recipe of these steps. */
export async function pruned(
  checkpoint: Checkpoint,
  steps: readonly RecipeStep[],
  seed = 0,
): Promise<Checkpoint> {
  const recipe: Recipe = { steps, seed }
  return (await prune(checkpoint, recipe)).apply(checkpoint)
}

export async function newDirectory(): Promise<string> {
  return temporaryDirectory('pruned')
}

/** Opened again after being saved in a form. */
export async function savedAndOpened(
  checkpoint: Checkpoint,
  form: 'masked' | 'removed',
): Promise<Checkpoint> {
  const directory = await newDirectory()
  await checkpoint.save(directory, { form })
  return Checkpoint.open(directory)
}

export const sequences = [[5], [7, 9, 27, 43, 17], Array.from({ length: 30 }, (_, i) => (i * 37 + 11) % 60)]

/** Last hidden states and logits, one after another. */
export async function outputsOf(checkpoint: Checkpoint): Promise<Float32Array> {
  const encoder = await Encoder.load(checkpoint, { device: 'cpu' })
  try {
    const { lastHiddenState, logits } = await encoder.run(sequences)
    return Float32Array.from([...(lastHiddenState ?? []), ...(logits ?? [])])
  } finally {
    encoder.dispose()
  }
}

/** The largest difference of two outputs, relative to the largest element as "equal within" wants it. */
export function difference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length || a.length === 0) return Number.POSITIVE_INFINITY
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const worst = a.reduce((most, value, at) => Math.max(most, Math.abs(value - b[at]!)), 0)
  return worst / (1 + largest)
}
