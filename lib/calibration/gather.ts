import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Progress } from '../addon.js'
import type { EncoderSpec } from '../architecture/spec.js'
import { type PackedBatch, packBatch, type Sequence } from '../encoder/batch.js'
import { Draws } from './draw.js'
import { type CalibrationLabels, labelsOf } from './labels.js'
import { type ExampleSource, idsOf } from './source.js'

export type Gathering = {
  readonly limit: number
  readonly seed: number
  /** Digests of sequences that no example may have. */
  readonly exclude: ReadonlySet<string>
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: Progress) => void) | undefined
}

export type Gathered = {
  readonly batch: PackedBatch
  readonly labels: CalibrationLabels | null
  /** Of each sequence's token ids, masks apart; one list for each example. */
  readonly digests: readonly (readonly string[])[]
  readonly truncated: number
  readonly notes: readonly string[]
}

/** Examples that are tokenised in one turn of the event loop. */
const turn = 16

/**
 * Draws examples and tokenises them, a few in each turn of the event loop.
 * @throws RangeError where all are excluded; `signal.reason`
 */
export async function gather(
  source: ExampleSource,
  spec: EncoderSpec,
  { limit, seed, exclude, signal, onProgress }: Gathering,
): Promise<Gathered> {
  const draws = new Draws(seed)
  const drawn = draws.without(source.count, limit)
  const sequences: Sequence[] = []
  const numbers: number[] = []
  const digests: string[][] = []
  let truncated = 0
  for (const [at, index] of drawn.entries()) {
    const example = await source.encode(index, draws)
    const known = (example.plain ?? example.sequences).map(digestOf)
    if (!known.some((digest) => exclude.has(digest))) {
      sequences.push(...example.sequences)
      for (const number of example.labels) numbers.push(number)
      digests.push(known)
      if (example.truncated) truncated++
    }
    if ((at + 1) % turn !== 0 && at + 1 < drawn.length) continue
    onProgress?.({ stage: 'tokenise', done: at + 1, total: drawn.length, unit: 'examples' })
    await setImmediate()
    signal?.throwIfAborted()
  }
  if (digests.length === 0) {
    throw new RangeError(
      'Expected calibration data with at least one example beside the excluded ones, got none.',
    )
  }
  return {
    batch: packBatch(sequences, spec),
    labels: source.kind === null ? null : labelsOf(source.kind, numbers),
    digests,
    truncated,
    notes: [...source.notes, ...notesOf(drawn.length, source.count, digests.length, truncated)],
  }
}

function digestOf(sequence: Sequence): string {
  return createHash('sha256')
    .update(Int32Array.from(idsOf(sequence)))
    .digest('hex')
}

function notesOf(drawn: number, count: number, kept: number, truncated: number): string[] {
  return [
    ...(drawn < count ? [`${drawn} of ${count} examples were drawn.`] : []),
    ...(kept < drawn
      ? [`${drawn - kept} of ${drawn} examples were left out, for sequences that are excluded.`]
      : []),
    ...(truncated > 0 ? [`Of ${truncated} of them something was cut off.`] : []),
  ]
}
