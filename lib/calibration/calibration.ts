import { createHash } from 'node:crypto'
import { type EncoderSpec, maxTokens } from '../architecture/spec.js'
import { checkString, expected } from '../check.js'
import { Checkpoint } from '../checkpoint/checkpoint.js'
import type { Sequence } from '../encoder/batch.js'
import type { Task } from '../evaluation/task.js'
import type { Text } from '../tokenizer/packed.js'
import { type Gathered, type Gathering, gather } from './gather.js'
import type { CalibrationLabels } from './labels.js'
import {
  type CalibrationFileOptions,
  type CalibrationOptions,
  checkFileOptions,
  checkGathering,
} from './options.js'
import type { ExampleSource, ReadExamples } from './source.js'
import { readClassification } from './sources/classification.js'
import { idExamples } from './sources/ids.js'
import { readMaskedLm } from './sources/masked-lm.js'
import { readQuestionAnswering } from './sources/question-answering.js'
import { readSimilarity } from './sources/similarity.js'
import { readPlainTexts, textExamples } from './sources/texts.js'
import { readTokenClassification } from './sources/token-classification.js'

/** How much of some data is in other data. */
export type Overlap = {
  /** Whole examples; of similarity pairs in either order. */
  readonly examples: number
  /** Single sequences: of similarity the sentences. */
  readonly sequences: number
}

const readers: Readonly<Record<Task, ReadExamples>> = {
  similarity: readSimilarity,
  classification: readClassification,
  'token-classification': readTokenClassification,
  'question-answering': readQuestionAnswering,
  'masked-lm': readMaskedLm,
}

/**
 * Examples that pruning looks at: token ids as a model's own tokenizer makes them, with labels where there are any.
 * Special tokens are inputs like the others; there is no padding. Immutable.
 */
export class Calibration {
  /** Sequences one after another. */
  readonly ids: Int32Array
  /** Token types; empty where all are 0. */
  readonly types: Int32Array
  /** n + 1 entries: sequence i is tokens [offsets[i], offsets[i + 1]). */
  readonly offsets: Int32Array
  readonly labels: CalibrationLabels | null
  /** What the labels are of; null where the data was for no task in particular. */
  readonly task: Task | null
  readonly examples: number
  readonly sequences: number
  readonly tokens: number
  /** Examples of which something was cut off. */
  readonly truncated: number
  /** Sentences on what was not obvious. */
  readonly notes: readonly string[]
  /** SHA-256 (hex) of ids, types and offsets. */
  readonly digest: string
  readonly #digests: Gathered['digests']

  /** Made by `fromIds`, `fromTexts` and `open`. */
  constructor({ batch, labels, digests, truncated, notes }: Gathered, task: Task | null) {
    this.ids = batch.ids
    this.types = batch.types
    this.offsets = batch.sequenceOffsets
    this.labels = labels
    this.task = task
    this.examples = digests.length
    this.sequences = this.offsets.length - 1
    this.tokens = this.ids.length
    this.truncated = truncated
    this.notes = notes
    this.digest = createHash('sha256').update(this.ids).update(this.types).update(this.offsets).digest('hex')
    this.#digests = digests
  }

  /** Of token ids, cut to the model's greatest length. @throws TypeError or RangeError naming the sequence */
  static async fromIds(
    checkpoint: Checkpoint,
    sequences: readonly Sequence[],
    options: CalibrationOptions = {},
  ): Promise<Calibration> {
    checkCheckpoint(checkpoint)
    const gathering = checkGathering(options)
    return Calibration.#made(checkpoint, idExamples(checkpoint, sequences), { ...gathering, options }, null)
  }

  /**
   * Of texts, or pairs of texts that the model reads as one.
   * @throws TypeError naming the text; TwofourError TOKENIZER_MISSING, TOKENIZER_INVALID
   */
  static async fromTexts(
    checkpoint: Checkpoint,
    texts: readonly Text[],
    options: CalibrationOptions = {},
  ): Promise<Calibration> {
    checkCheckpoint(checkpoint)
    const gathering = checkGathering(options)
    return Calibration.#made(
      checkpoint,
      await textExamples(checkpoint, texts),
      { ...gathering, options },
      null,
    )
  }

  /**
   * Of a file of texts, or of a task's labelled file.
   * @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE or DATA_INVALID with the line; TOKENIZER_MISSING,
   *   TOKENIZER_INVALID
   */
  static async open(
    checkpoint: Checkpoint,
    file: string,
    options: CalibrationFileOptions = {},
  ): Promise<Calibration> {
    checkCheckpoint(checkpoint)
    checkString('file', file)
    const { task, ...gathering } = checkFileOptions(options)
    const { columns, format } = options
    const read = task === null ? readPlainTexts : readers[task]
    const source = await read(checkpoint, file, { columns, format, signal: gathering.signal })
    return Calibration.#made(checkpoint, source, { ...gathering, options }, task)
  }

  static async #made(
    { spec }: Checkpoint,
    source: ExampleSource,
    { options, ...gathering }: Omit<Gathering, 'exclude'> & { options: CalibrationOptions },
    task: Task | null,
  ): Promise<Calibration> {
    const { exclude: other } = options
    if (other !== undefined && !(other instanceof Calibration)) {
      throw new TypeError(expected('exclude', 'a Calibration', other))
    }
    if (source.count === 0)
      throw new RangeError('Expected calibration data with at least one example, got none.')
    const exclude = new Set(other === undefined ? [] : other.#digests.flat())
    return new Calibration(await gather(source, spec, { ...gathering, exclude }), task)
  }

  /**
   * How many of `other`'s examples and sequences are among these, by token ids: both have to be made for models with
   * the same tokenizer. What a model is evaluated on must not be what it was calibrated on.
   */
  overlap(other: Calibration): Overlap {
    if (!(other instanceof Calibration)) throw new TypeError(expected('other', 'a Calibration', other))
    const examples = new Set(this.#digests.map(keyOf))
    const sequences = new Set(this.#digests.flat())
    return {
      examples: other.#digests.filter((digests) => examples.has(keyOf(digests))).length,
      sequences: other.#digests.flat().filter((digest) => sequences.has(digest)).length,
    }
  }

  /** @throws RangeError where a model of this spec cannot read the tokens: they were made for another */
  checkFits(spec: EncoderSpec): void {
    const { ids, types, offsets } = this
    const longest = offsets.reduce((most, end, at) => Math.max(most, end - (offsets[at - 1] ?? 0)), 0)
    const greatest = (numbers: Int32Array) => numbers.reduce((most, value) => Math.max(most, value), 0)
    const limits = [
      ['token ids', greatest(ids), spec.vocab - 1],
      ['token types', greatest(types), Math.max(spec.tokenTypes, 1) - 1],
      ['tokens in a sequence', longest, maxTokens(spec)],
    ] as const
    for (const [what, got, most] of limits) {
      if (got <= most) continue
      throw new RangeError(
        `Expected \`calibration\` to fit the checkpoint, with ${what} up to ${most}, got ${got}. Make it from the same checkpoint.`,
      )
    }
  }
}

function checkCheckpoint(checkpoint: unknown): void {
  if (checkpoint instanceof Checkpoint) return
  throw new TypeError(expected('checkpoint', 'an open Checkpoint', checkpoint))
}

function keyOf(digests: readonly string[]): string {
  return digests.toSorted().join()
}
