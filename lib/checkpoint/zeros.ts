import { addon, native, type Progress } from '../addon.js'
import type { Slot } from '../architecture/spec.js'
import { checkKeys, checkSignal, expected } from '../check.js'
import type { Checkpoint } from './checkpoint.js'
import { keyOf, weightSources } from './decision.js'

export type InspectOptions = {
  /** Rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** What one matrix holds, as the checkpoint's decision leaves it. */
export type WeightInspection = {
  /** Of tied matrices the first slot. */
  readonly slot: Slot
  /** The stored tensor. */
  readonly name: string
  /** As stored: [out, in] of a linear, [rows, width] of a table. */
  readonly shape: readonly number[]
  readonly elements: number
  readonly zeros: number
  /** Every four consecutive inputs of every row hold at least two zeros. */
  readonly twoOfFour: boolean
  /** The first row that does not; -1 where there is none. */
  readonly firstOffendingRow: number
}

/**
 * Counts zeros in every matrix that kept layers, embeddings and heads read: reads all their weights once, one after
 * another. Heads and neurons that a decision removed count as zeros.
 * @throws TwofourError FILE_CHANGED, FILE_UNREADABLE, OUT_OF_MEMORY, ADDON_MISSING
 */
export async function inspectWeights(
  checkpoint: Checkpoint,
  options: InspectOptions = {},
): Promise<WeightInspection[]> {
  checkKeys('options', options, ['signal', 'onProgress'])
  const signal = checkSignal(options.signal)
  const { onProgress } = options
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new TypeError(expected('onProgress', 'a function', onProgress))
  }

  const matrices = untiedMatrices(checkpoint)
  const tell =
    onProgress &&
    ((done: number, total: number) => onProgress({ stage: 'inspect', done, total, unit: 'matrices' }))
  const weights = matrices.map(({ source }) => source)
  const reports = await native((control) => addon().inspectWeights({ weights }, control), {
    signal,
    onProgress: tell,
  })

  return matrices.map(({ slot, source: { name, shape } }, at) => ({ slot, name, shape, ...reports[at]! }))
}

function untiedMatrices({ slots, base, decision }: Checkpoint) {
  const seen = new Set<string>()
  return [...weightSources(slots, base, decision, 'mask')].flatMap(([slot, source]) => {
    const key = keyOf(slots.get(slot)!)
    if (source.shape.length !== 2 || seen.has(key)) return []
    seen.add(key)
    return [{ slot, source }]
  })
}
