import type { EncoderSpec } from '../architecture/spec.js'
import type { Checkpoint } from '../checkpoint/checkpoint.js'
import type { Sequence } from '../encoder/batch.js'
import { tokenizerOptions } from '../encoder/tokenizer-options.js'
import type { Columns } from '../evaluation/columns.js'
import type { Format } from '../evaluation/format.js'
import { Tokenizer } from '../tokenizer.js'
import type { Draws } from './draw.js'
import type { LabelKind } from './labels.js'

/** One example in tokens. */
export type Example = {
  readonly sequences: readonly Sequence[]
  /** What the sequences are known by where masks stand in them. @default `sequences` */
  readonly plain?: readonly Sequence[]
  /** As many as its kind has; see labels.ts. */
  readonly labels: readonly number[]
  readonly truncated: boolean
}

/** Examples that are read and not yet tokenised. */
export type ExampleSource = {
  readonly count: number
  /** null: nothing is known of them. */
  readonly kind: LabelKind | null
  readonly notes: readonly string[]
  readonly encode: (index: number, draws: Draws) => Example | Promise<Example>
}

/** A labelled file, and how it is written. */
export type FileOptions = {
  readonly columns: Columns | undefined
  readonly format: Format | 'squad' | undefined
  readonly signal: AbortSignal | undefined
}

export type ReadExamples = (
  checkpoint: Checkpoint,
  file: string,
  options: FileOptions,
) => Promise<ExampleSource>

/** The checkpoint's own tokenizer. `boundless`: cuts nothing. @throws TwofourError TOKENIZER_MISSING, TOKENIZER_INVALID */
export function openTokenizer(checkpoint: Checkpoint, boundless = false): Promise<Tokenizer> {
  const limit = boundless ? { modelLimit: 2 ** 30, maxLength: 2 ** 30 } : {}
  return Tokenizer.open(checkpoint.directory, { ...tokenizerOptions(checkpoint), ...limit })
}

/** A sequence of the tokenizer. Families without token types read none. */
export function sequenceOf(
  { inputIds, tokenTypeIds }: { inputIds: number[]; tokenTypeIds: number[] },
  spec: EncoderSpec,
): Sequence {
  return spec.tokenTypes === 0 || tokenTypeIds.every((type) => type === 0)
    ? inputIds
    : { inputIds, tokenTypeIds }
}

export function idsOf(sequence: Sequence): readonly number[] | Int32Array {
  return 'inputIds' in sequence ? sequence.inputIds : sequence
}
