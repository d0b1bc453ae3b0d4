import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** An output of a run, row-major. */
export type PeerOutput = { readonly data: Float32Array; readonly dims: readonly number[] }

export type PeerRun = {
  /** Like the ids. @default all 0 */
  readonly types?: readonly (readonly number[])[]
  /** Only these leave the session. @default all */
  readonly outputs?: readonly string[]
}

/** A session of onnxruntime-node, fed as its users would: padded to the longest of the batch, with a mask. */
export type Peer = {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  run(ids: readonly (readonly number[])[], options?: PeerRun): Promise<Record<string, PeerOutput>>
  dispose(): Promise<void>
}

export type PeerOptions = {
  /** Of one operator. Operators run one after another. */
  readonly threads: number
  /** Id of the padding token: matters to models whose positions skip it. @default 0 */
  readonly padding?: number
}

// The part of onnxruntime-node's interface that is used: the package is not there where types are checked.
type Tensor = { readonly data: Float32Array; readonly dims: readonly number[] }
type Session = {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  run(feeds: Record<string, unknown>, fetches: readonly string[]): Promise<Record<string, Tensor>>
  release(): Promise<void>
}
type Runtime = {
  readonly Tensor: new (type: 'int64', data: BigInt64Array, dims: readonly number[]) => unknown
  readonly InferenceSession: {
    create(path: string, options: Record<string, unknown>): Promise<Session>
  }
}

/**
 * The folder whose node_modules has onnxruntime-node, or null: TWOFOUR_TEST_ONNXRUNTIME, else this one after
 * `npm ci` in it.
 */
export function peerFolder(): string | null {
  const folders = [process.env.TWOFOUR_TEST_ONNXRUNTIME, import.meta.dirname]
  const has = (folder: string) => existsSync(join(folder, 'node_modules', 'onnxruntime-node'))
  return folders.find((folder) => folder !== undefined && folder !== '' && has(folder)) ?? null
}

/** Opens a model with every optimisation of graphs that the runtime has. @throws Error where it is not installed */
export async function openPeer(modelPath: string, { threads, padding = 0 }: PeerOptions): Promise<Peer> {
  const folder = peerFolder()
  if (folder === null) throw new Error('onnxruntime-node is not installed: run `npm ci` in bench/peers.')
  const runtime = createRequire(join(folder, 'package.json'))('onnxruntime-node') as Runtime
  const session = await runtime.InferenceSession.create(modelPath, {
    executionProviders: ['cpu'],
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  })

  const run = async (ids: readonly (readonly number[])[], options: PeerRun = {}) => {
    const longest = Math.max(...ids.map(({ length }) => length))
    const tensor = (rows: readonly (readonly number[])[], fill: number) =>
      new runtime.Tensor('int64', padded(rows, longest, fill), [rows.length, longest])
    const all: Record<string, () => unknown> = {
      input_ids: () => tensor(ids, padding),
      attention_mask: () =>
        tensor(
          ids.map((row) => row.map(() => 1)),
          0,
        ),
      token_type_ids: () => tensor(options.types ?? ids.map(() => []), 0),
    }
    const feeds = Object.fromEntries(session.inputNames.map((name) => [name, all[name]!()]))
    return session.run(feeds, options.outputs ?? session.outputNames)
  }
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    run,
    dispose: () => session.release(),
  }
}

function padded(rows: readonly (readonly number[])[], width: number, fill: number): BigInt64Array {
  const values = new BigInt64Array(rows.length * width).fill(BigInt(fill))
  for (const [at, row] of rows.entries()) {
    for (const [i, value] of row.entries()) values[at * width + i] = BigInt(value)
  }
  return values
}
