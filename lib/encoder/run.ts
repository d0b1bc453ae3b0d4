import type { RunRequest, RunResult } from '../../binding.js'
import type { EncoderSpec } from '../architecture/spec.js'
import { checkKeys, checkOneOf, checkSignal, expected } from '../check.js'
import type { Checkpoint } from '../checkpoint/checkpoint.js'
import { sayUnopened, type UnopenedHead } from '../checkpoint/read-head.js'
import { TwofourError } from '../errors.js'
import type { PackedBatch } from './batch.js'

export const outputNames = ['lastHiddenState', 'pooled', 'logits', 'hiddenStates'] as const
export type OutputName = (typeof outputNames)[number]

export type RunOptions = {
  /** What to compute and copy. @default lastHiddenState, and pooled and logits where the model has them */
  readonly outputs?: readonly OutputName[] | undefined
  /**
   * For heads over tokens (masked language, token classification, question answering): only the logits of these
   * tokens of the batch, ascending. @default every token
   */
  readonly logitRows?: readonly number[] | Int32Array | undefined
  readonly signal?: AbortSignal | undefined
}

/** Row-major, fp32; `dims` has the shape of each output that is there. */
export type RunOutputs = {
  /** [tokens, hidden], sequences one after another */
  readonly lastHiddenState?: Float32Array
  /** [sequences, hidden]: the pooler's tanh of each first token */
  readonly pooled?: Float32Array
  /** [sequences, labels]; for heads over tokens [tokens or logitRows, labels] */
  readonly logits?: Float32Array
  /** The embeddings, then after each layer: [tokens, hidden] each */
  readonly hiddenStates?: readonly Float32Array[]
  /** n + 1 entries: sequence i is tokens [offsets[i], offsets[i + 1]) */
  readonly sequenceOffsets: Int32Array
  readonly dims: Readonly<Partial<Record<OutputName, readonly number[]>>>
}

/** A request for a batch that asks for nothing yet. */
export function blankRequest(batch: PackedBatch): RunRequest {
  return {
    ids: batch.ids,
    types: batch.types,
    offsets: batch.sequenceOffsets,
    lastHiddenState: false,
    pooled: false,
    logits: false,
    hiddenStates: false,
  }
}

/** Heads over tokens give a row of logits for each token. */
export function headReadsTokens(spec: EncoderSpec): boolean {
  return spec.head !== null && spec.head.input === 'tokens'
}

const known = ['outputs', 'logitRows', 'signal']

/** @throws TypeError, RangeError, or TwofourError TASK_UNSUPPORTED for an output that the model lacks */
export function runRequest(
  { spec, unopenedHead }: Pick<Checkpoint, 'spec' | 'unopenedHead'>,
  batch: PackedBatch,
  options: RunOptions,
): RunRequest {
  checkKeys('options', options, known)
  checkSignal(options.signal)
  const request = blankRequest(batch)
  if (options.outputs === undefined) {
    request.lastHiddenState = true
    request.pooled = spec.pooler
    request.logits = spec.head !== null
  } else {
    askFor(request, spec, unopenedHead, options.outputs)
  }
  if (options.logitRows !== undefined) request.logitRows = checkedRows(spec, batch, options.logitRows)
  return request
}

function askFor(
  request: RunRequest,
  spec: EncoderSpec,
  unopened: UnopenedHead | null,
  wanted: readonly OutputName[],
): void {
  if (!Array.isArray(wanted)) throw new TypeError(expected('outputs', 'an array of output names', wanted))
  for (let i = 0; i < wanted.length; i++) {
    const name: OutputName = wanted[i]
    if (!outputNames.includes(name)) checkOneOf(`outputs[${i}]`, name, outputNames)
    const part = name === 'pooled' && !spec.pooler ? 'pooler' : undefined
    const lacks = name === 'logits' && spec.head === null ? 'task head' : part
    if (lacks !== undefined) {
      const why = name === 'logits' && unopened !== null ? ` Here ${sayUnopened(unopened)}` : ''
      throw new TwofourError(
        'TASK_UNSUPPORTED',
        `The model has no ${lacks}, so it has no \`${name}\`. Ask for other outputs.${why}`,
      )
    }
    request[name] = true
  }
}

function checkedRows(
  spec: EncoderSpec,
  batch: PackedBatch,
  rows: readonly number[] | Int32Array,
): Int32Array {
  if (!headReadsTokens(spec)) {
    throw new TypeError(
      '`logitRows` is for heads over tokens; this model gives one row of logits to a sequence.',
    )
  }
  if (!Array.isArray(rows) && !(rows instanceof Int32Array)) {
    throw new TypeError(expected('logitRows', 'an array of tokens of the batch', rows))
  }
  const checked = new Int32Array(rows.length)
  let last = -1
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    if (!Number.isInteger(row) || row <= last || row >= batch.ids.length) {
      throw new RangeError(
        `Expected \`logitRows[${i}]\` to be a token of the batch (below ${batch.ids.length}) after ${last}, got ${row}.`,
      )
    }
    checked[i] = last = row
  }
  return checked
}

export function runOutputs(
  spec: EncoderSpec,
  batch: PackedBatch,
  request: RunRequest,
  result: RunResult,
): RunOutputs {
  const tokens = batch.ids.length
  const sequences = batch.sequenceOffsets.length - 1
  const dims: Partial<Record<OutputName, readonly number[]>> = {}
  const outputs: { -readonly [K in keyof RunOutputs]: RunOutputs[K] } = {
    sequenceOffsets: batch.sequenceOffsets,
    dims,
  }
  if (result.lastHiddenState !== undefined) {
    outputs.lastHiddenState = result.lastHiddenState
    dims.lastHiddenState = [tokens, spec.hidden]
  }
  if (result.pooled !== undefined) {
    outputs.pooled = result.pooled
    dims.pooled = [sequences, spec.hidden]
  }
  if (result.logits !== undefined) {
    const rows = headReadsTokens(spec) ? (request.logitRows?.length ?? tokens) : sequences
    outputs.logits = result.logits
    dims.logits = [rows, spec.head!.labels]
  }
  if (result.hiddenStates !== undefined) {
    outputs.hiddenStates = result.hiddenStates
    dims.hiddenStates = [result.hiddenStates.length, tokens, spec.hidden]
  }
  return outputs
}
