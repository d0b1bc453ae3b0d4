import { relative } from 'node:path'
import type { Checkpoint } from '../checkpoint/checkpoint.js'
import { TwofourError } from '../errors.js'
import type { FileRead } from '../reading.js'
import {
  type IgnoredRead,
  type PoolingMode,
  readModelConfig,
  readSentenceConfig,
  type Similarity,
} from '../sentence-config.js'
import { Tokenizer } from '../tokenizer.js'
import { type Activation, chooseActivation } from './activation.js'
import { tokenizerOptions } from './tokenizer-options.js'

/** Why something cannot be done with this model, as a sentence. */
export type Refusal = { readonly refused: string }

/** What becomes of a text before and after the encoder, and which files said so. */
export type TextReport = {
  readonly tokenizer:
    | Refusal
    | {
        /** transformers' class whose settings are obeyed, without the ending Fast. */
        readonly class: string
        /** Tokens of a sequence at most, special ones included. */
        readonly limit: number
        /** Who set the limit: 'option', 'model' or a file. */
        readonly limitSource: string
        readonly truncationSide: 'left' | 'right'
        /** Whether the second text of a pair has token types of its own. */
        readonly tokenTypes: boolean
      }
  readonly embedding:
    | Refusal
    | {
        /** Several stand side by side. */
        readonly pooling: readonly PoolingMode[]
        readonly normalize: boolean
        /** The prompt that applies unasked. */
        readonly prompt: { readonly name: string; readonly text: string } | null
        readonly prompts: Readonly<Record<string, string>>
        /** Whether the prompt's tokens are pooled. */
        readonly includePrompt: boolean
        /** Numbers of a vector. */
        readonly dimensions: number
        readonly similarity: Similarity
      }
  /** Of a sequence classifier: what makes scores of its logits. null for other heads and for none. */
  readonly classification: Refusal | { readonly activation: Activation } | null
  /** Files that were read, relative to the folder that was opened. */
  readonly reads: readonly FileRead[]
  readonly ignored: readonly IgnoredRead[]
}

/**
 * What `embed`, `classify` and the tokenizer do for a checkpoint, without loading weights. What cannot be done is a
 * sentence in its place.
 * @param maxLength as the encoder's option
 */
export async function reportText(checkpoint: Checkpoint, maxLength?: number): Promise<TextReport> {
  const [tokenizer, embedding, classification] = await Promise.all([
    ofTokenizer(checkpoint, maxLength),
    ofEmbedding(checkpoint),
    ofClassification(checkpoint),
  ])
  return {
    tokenizer: tokenizer.report,
    embedding: embedding.report,
    classification: classification.report,
    reads: [...tokenizer.reads, ...embedding.reads, ...classification.reads],
    ignored: embedding.ignored,
  }
}

async function ofTokenizer(checkpoint: Checkpoint, maxLength: number | undefined) {
  const { root, directory } = checkpoint
  return refusable<TextReport['tokenizer']>(async () => {
    const options = { ...tokenizerOptions(checkpoint), ...(maxLength !== undefined && { maxLength }) }
    const tokenizer = await Tokenizer.open(directory, options)
    const { limit, limitSource, truncationSide, className, typed: tokenTypes } = tokenizer
    const folder = relative(root, directory)
    const reads = tokenizer.reads.map((read) => ({ ...read, file: inFolder(folder, read.file) }))
    return { report: { class: className, limit, limitSource, truncationSide, tokenTypes }, reads }
  })
}

async function ofEmbedding({ root, spec }: Checkpoint) {
  return refusable<TextReport['embedding']>(async () => {
    const config = await readSentenceConfig(root)
    const { reads, ignored, unsupported, prompts, defaultPrompt: name } = config
    if (unsupported !== undefined) return { report: { refused: unsupported }, reads, ignored }
    const pooling = config.poolings ?? (['mean'] as const)
    const { normalize, includePrompt, similarity } = config
    const width = pooling.length * spec.hidden
    const report = {
      ...{ pooling, normalize, prompts, includePrompt, similarity },
      prompt: name === undefined ? null : { name, text: prompts[name] ?? '' },
      dimensions: Math.min(config.dimensions ?? width, width),
    }
    return { report, reads, ignored }
  })
}

async function ofClassification(checkpoint: Checkpoint) {
  return refusable<TextReport['classification']>(async () => {
    if (checkpoint.spec.head?.kind !== 'sequenceClassification') return { report: null, reads: [] }
    const { activation, read } = chooseActivation(checkpoint, await readModelConfig(checkpoint.root))
    return { report: { activation }, reads: read === null ? [] : [read] }
  })
}

type Part<R> = {
  readonly report: R
  readonly reads: readonly FileRead[]
  readonly ignored?: readonly IgnoredRead[]
}

/** A file that cannot be read is told beside what could be. */
async function refusable<R>(work: () => Promise<Part<R | Refusal>>): Promise<Required<Part<R | Refusal>>> {
  try {
    const part = await work()
    return { ignored: [], ...part }
  } catch (error) {
    if (!(error instanceof TwofourError)) throw error
    return { report: { refused: error.message }, reads: [], ignored: [] }
  }
}

function inFolder(folder: string, file: string): string {
  return folder === '' ? file : `${folder}/${file}`
}
