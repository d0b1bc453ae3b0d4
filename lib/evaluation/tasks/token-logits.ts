import type { Sequence } from '../../encoder/batch.js'
import type { Encoder } from '../../encoder/encoder.js'

/** One sequence to run on a model whose head reads tokens. */
export type Job = {
  readonly sequence: Sequence
  /** How many tokens the sequence has. */
  readonly tokens: number
  /** The tokens of the sequence whose logits are wanted, ascending, at least one. @default every token */
  readonly rows?: readonly number[] | undefined
}

/** Bounds the logits of a batch to 32 MiB: a vocabulary is far wider than a hidden state. */
const mostLogits = 2 ** 23

/**
 * Runs jobs in order, as many at once as fit in the encoder's `maxTokens`, and gives every job with its logits,
 * `[rows, labels]`. Jobs are taken from the iterable as they are needed.
 */
export async function* tokenLogits<J extends Job>(
  encoder: Encoder,
  jobs: Iterable<J> | AsyncIterable<J>,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ job: J; logits: Float32Array }> {
  const { labels } = encoder.spec.head!
  for await (const batch of batches(jobs, encoder.maxTokens, Math.floor(mostLogits / labels))) {
    const logitRows = rowsOfBatch(batch)
    const options = { outputs: ['logits'], logitRows, signal } as const
    const { logits } = await encoder.run(
      batch.map(({ sequence }) => sequence),
      options,
    )
    let row = 0
    for (const job of batch) {
      const end = row + rowCount(job)
      yield { job, logits: logits!.subarray(row * labels, end * labels) }
      row = end
    }
  }
}

async function* batches<J extends Job>(
  jobs: Iterable<J> | AsyncIterable<J>,
  maxTokens: number,
  maxRows: number,
): AsyncGenerator<J[]> {
  let batch: J[] = []
  let tokens = 0
  let rows = 0
  for await (const job of jobs) {
    if (batch.length > 0 && (tokens + job.tokens > maxTokens || rows + rowCount(job) > maxRows)) {
      yield batch
      batch = []
      tokens = 0
      rows = 0
    }
    batch.push(job)
    tokens += job.tokens
    rows += rowCount(job)
  }
  if (batch.length > 0) yield batch
}

function rowCount({ rows, tokens }: Job): number {
  return rows?.length ?? tokens
}

/** The jobs' rows as tokens of the batch. */
function rowsOfBatch(batch: readonly Job[]): Int32Array {
  const all = new Int32Array(batch.reduce((sum, job) => sum + rowCount(job), 0))
  let at = 0
  let first = 0
  for (const job of batch) {
    for (let i = 0; i < rowCount(job); i++) all[at++] = first + (job.rows?.[i] ?? i)
    first += job.tokens
  }
  return all
}
