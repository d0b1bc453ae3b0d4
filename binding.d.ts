/**
 * The door between TypeScript and the native addon. Everything that crosses it was checked before: native code
 * trusts shapes and ranges here, and checks only what a file or device may still do (vanish, shrink, run out).
 *
 * Every function that takes a `Control` starts work on the native queue of its device (the CPU's where none is named) and returns a promise.
 * A rejection is an Error with a `code` of lib/errors.ts, or with code 'CANCELLED' after `cancel(ticket)`.
 */

export type Control = {
  /** Unique in this environment; what `cancel` names. */
  ticket: number
  /** Called on the JavaScript thread, at most some hundred times. */
  onProgress?: (done: number, total: number) => void
}

/** A tensor as bytes somewhere, with what pruning has decided about it. */
export type WeightSource = {
  /** Name of the tensor in its file, for messages. */
  name: string
  dtype: 'F32' | 'F16' | 'BF16' | 'F64' | 'F8' | 'I64' | 'I32' | 'I16' | 'U8'
  /** Shape as stored; 0 to 64 dimensions. */
  shape: number[]
  /** File, absolute offset of the first byte, and the file's size when its header was read. */
  path?: string
  begin?: number
  fileSize?: number
  /** Or the bytes themselves (copied before the call returns). */
  data?: Uint8Array
  /** Kept elements, one bit each, row-major, lowest bit first; ceil(elements / 8) bytes. Others read as zero. */
  bits?: Uint8Array
  /** Kept indices of the first dimension, ascending. */
  rows?: Int32Array
  /** Kept indices of the second dimension, ascending. */
  columns?: Int32Array
  /** With `rows`/`columns`: 'remove' gathers them; 'mask' keeps the shape and zeroes the others. Default 'remove'. */
  form?: 'remove' | 'mask'
}

export type WrittenTensor = WeightSource & {
  /** Bytes of the file that go before its own. */
  before?: Uint8Array
  /** 'stored': in its own dtype. 'float32Transposed': with the second of two dimensions first. Default 'stored'. */
  as?: 'stored' | 'float32' | 'float32Transposed'
}

export type NativeSpec = {
  vocab: number
  hidden: number
  embedding: number
  projection: boolean
  positions: number
  positionPadding: number | null
  tokenTypes: number
  headSize: number
  originalHeads: number
  epsilon: number
  activation: string
  relative: { buckets: number; maxDistance: number } | null
  layers: { weights: number; heads: number[]; inner: number }[]
  layersPerState: number
  pooler: boolean
  head: {
    kind: string
    labels: number
    input: string
    transform: { size: number; activation: string; norm: boolean } | null
  } | null
}

/** What two forms of one matrix cost on this machine, or the one that it has. */
export type Measurement = {
  rows: number
  columns: number
  /** Weights that are not zero, in per cent, rounded up to a multiple of 5. */
  kept: number
  /** Names of the forms; '' where there is no sparse one. */
  dense: string
  sparse: string
  tokens: number
  denseMicroseconds: number
  /** Where there is a sparse form. */
  sparseMicroseconds?: number
  /** What the product adds and applies; absent where that makes no difference. */
  epilogue?: string
  /** What the backend needs to run them so again; opaque, and absent where the names say it all. */
  algorithm?: string
}

export type LinearDtype = 'float32' | 'float16' | 'bfloat16' | 'int8' | 'float8'
export type Sparsity = 'auto' | 'off' | 'require'

/** Opaque; owns packed weights on a device. */
export type EncoderHandle = { readonly __brand: 'encoder' }

/** Absolute paths of shared libraries; a bare name is left to the loader, and '' says that none was found. */
export type CudaLibraries = { cublaslt: string; cusparselt: string }

/** What the CUDA plugin says is here. Texts are '' where there is nothing to say. */
export type CudaReport = {
  plugin: { available: boolean; file: string; code: string; reason: string }
  /** Computed on the CPU: no figure of it is a GPU's. */
  emulated: boolean
  /** 13000 is 13.0. The driver's is the newest runtime that it serves; 0: no driver, or no plugin. */
  runtimeVersion: number
  driverVersion: number
  /** The driver that the runtime inside of the plugin needs. */
  minimumDriver: string
  /** Why there is no device at all. */
  code: string
  reason: string
  devices: {
    index: number
    name: string
    computeCapability: string
    memoryBytes: number
    available: boolean
    code: string
    reason: string
  }[]
  /** Of those that were given. */
  libraries: {
    name: string
    path: string
    version: string
    usable: boolean
    code: string
    sentence: string
  }[]
}

export type LoadRequest = {
  spec: NativeSpec
  /** Slot → source. Already in their final shape under form 'remove'. */
  weights: Record<string, WeightSource>
  /** 'cpu', 'plain', 'cuda' or 'cuda:N'. */
  device: string
  /** Only looked at for a CUDA device. */
  libraries: CudaLibraries
  /** Of the layers' linears; pooler, projection and heads stay float32. */
  dtype: LinearDtype
  /** Slots of the layers' linears that stay float32 ('ffnOut' …). */
  float32: readonly string[]
  /** Sequences to calibrate 8-bit linears with, as in RunRequest. */
  calibration: { ids: Int32Array; types: Int32Array; offsets: Int32Array } | undefined
  sparsity: Sparsity
  /** `budget`: seconds that may be spent on measuring what is not known. */
  tuning: { budget: number; known: readonly Measurement[] }
  /** Of the CPU. 0: the least of physical cores, affinity and cgroup quota. The pool belongs to the environment. */
  threads: number
  /** Upper bound of tokens in one forward pass; larger requests are split between sequences. */
  maxTokens: number
}

export type RunRequest = {
  ids: Int32Array
  /** Empty: all zero. */
  types: Int32Array
  /** n + 1 entries, first 0, last ids.length, each sequence at least one token. */
  offsets: Int32Array
  lastHiddenState: boolean
  pooled: boolean
  logits: boolean
  /** Only for heads over tokens: the tokens whose logits are wanted; absent: all. */
  logitRows?: Int32Array
  hiddenStates: boolean
  /** Pooled sentence vectors. */
  sentence?: { pooling: 'mean' | 'cls' | 'max' | 'meanSqrtLength' | 'lastToken'; normalize: boolean }
  /** Milliseconds that it may wait for company while nothing runs; absent: 0. */
  maxWait?: number
}

export type RunResult = {
  lastHiddenState?: Float32Array
  pooled?: Float32Array
  logits?: Float32Array
  hiddenStates?: Float32Array[]
  sentence?: Float32Array
  /** Time of the batch that this was a part of, nanoseconds. */
  nanoseconds: number
  /** Which of the encoder's batches that was, from 1: runs that were computed together have the same. */
  batch: number
}

export type LinearReport = {
  /** Slots fused into this matrix, as in spec.ts. */
  name: string
  rows: number
  columns: number
  nonzeros: number
  forms: { form: string; bytes: number }[]
  /** For each token bucket (upper bound): what runs, and why. */
  buckets: {
    tokens: number | null
    form: string
    denseMicroseconds: number | null
    sparseMicroseconds: number | null
    reason: string
  }[]
  /** How inputs of 8 bits are scaled; absent where that was not calibrated. */
  scales?: ScalesReport
}

/** 'token': a scale for each token. 'tensor': one for all of them, which the library multiplies in. */
export type ScalesReport = {
  /** The largest magnitude among the inputs of the calibration. */
  largest: number
  /** Norm of what the outputs differ by from float32's over the norm of those, on rows of the calibration. */
  tokenError: number
  /** null: there is no such form here. */
  tensorError: number | null
  /** Why there is none, or ''. */
  reason: string
  /** For each token bucket (upper bound): what was chosen, and why. Times are of all the linear does. */
  buckets: {
    tokens: number | null
    chosen: 'token' | 'tensor'
    tokenMicroseconds: number | null
    tensorMicroseconds: number | null
    reason: string
  }[]
}

export type SelectRequest = {
  /** Matrices [rows, columns]; their `bits` say what is gone already and goes first. */
  weights: WeightSource[]
  score: string
  /** Of the random score. */
  seed: number
  /** Distinguishes equal steps under one seed. */
  stream: number
  pattern:
    | { kind: 'unstructured'; fraction: number; per: 'matrix' | 'row' | 'global' }
    | { kind: 'nm'; n: number; m: number }
}

export type WeightReport = {
  elements: number
  zeros: number
  /** Every four consecutive inputs of a row hold at least two zeros. */
  twoOfFour: boolean
  /** The first row that breaks the pattern, -1 if none. */
  firstOffendingRow: number
}

export type Addon = {
  readonly version: string
  /** ISA paths of the CPU backend this machine can run, best first, and the one in use (TWOFOUR_ISA). */
  cpu(): {
    name: string
    isas: string[]
    isa: string
    threads: number
    physicalCores: number
    affinity: number
    cgroupQuota: number | null
    memoryBytes: number
  }

  /**
   * Opens the CUDA plugin (TWOFOUR_CUDA_PLUGIN, else libtwofour_cuda.so beside the addon), and the libraries where they
   * are given. That something is missing is an answer, not an error.
   */
  cuda(libraries: CudaLibraries | null): CudaReport

  cancel(ticket: number): void

  loadEncoder(request: LoadRequest, control: Control): Promise<EncoderHandle>
  runEncoder(encoder: EncoderHandle, request: RunRequest, control: Control): Promise<RunResult>
  /** Refuses later runs; memory goes when the last run in flight has ended. Idempotent. */
  disposeEncoder(encoder: EncoderHandle): void
  explainEncoder(encoder: EncoderHandle): LinearReport[]
  /** What loading measured, beside what was known. */
  measuredByEncoder(encoder: EncoderHandle): Measurement[]
  memoryOfEncoder(encoder: EncoderHandle): { owner: string; bytes: number }[]

  /** New kept-bits of each matrix: the request's bits and the pattern's choice, both. */
  selectWeights(
    request: SelectRequest,
    control: Control,
  ): Promise<{ bits: Uint8Array[]; kept: number[]; tails: number[] }>
  /** Sum of |w| over consecutive groups of rows or columns, for each matrix or vector. */
  groupNorms(
    request: { weights: WeightSource[]; axis: 'rows' | 'columns'; group: number },
    control: Control,
  ): Promise<Float64Array[]>
  /** Uniform in [0, 1), the same numbers as the random score's. */
  randomScores(seed: number, stream: number, count: number): Float64Array
  inspectWeights(request: { weights: WeightSource[] }, control: Control): Promise<WeightReport[]>
  /** Writes `header`, then each tensor's bytes in its form, to a new file. No fsync: the caller publishes. */
  writeTensors(
    request: { path: string; header: Uint8Array; tensors: WrittenTensor[] },
    control: Control,
  ): Promise<void>

  /** The backends' verbs one by one, for parity tests. */
  readonly ops: Ops
}

/**
 * A request may name `libraries`; without, a CUDA device lets the loader look for them. It may name a dtype as
 * `storage`: activations are then stored as beside linears of that dtype. It may name a `reader`, `{ weight, bias, rows,
 * columns, format }`: the output is then made for that linear alone, and what it makes of it is returned.
 */
export type Ops = {
  devices(): string[]
  linear(
    device: string,
    request: {
      weight: Float32Array
      bias: Float32Array
      rows: number
      columns: number
      format: LinearDtype
      sparsity: Sparsity
      input: Float32Array
      tokens: number
      activation: string | null
      residual: Float32Array | null
    },
  ): Float32Array
  /** Seconds of each of `repeats` runs of one linear; packing and storing the input are left out. */
  timeLinear(
    device: string,
    request: {
      weight: Float32Array
      bias: Float32Array
      rows: number
      columns: number
      format: LinearDtype
      sparsity: Sparsity
      input: Float32Array
      tokens: number
      repeats: number
    },
  ): Float64Array
  layerNorm(
    device: string,
    request: {
      input: Float32Array
      tokens: number
      width: number
      gain: Float32Array
      bias: Float32Array
      epsilon: number
    },
  ): Float32Array
  attention(
    device: string,
    request: {
      qkv: Float32Array
      offsets: Int32Array
      heads: number
      headSize: number
      bias: Float32Array | null
      span: number
    },
  ): Float32Array
  pool(
    device: string,
    request: { input: Float32Array; offsets: Int32Array; width: number; pooling: string; normalize: boolean },
  ): Float32Array
  embed(
    device: string,
    request: {
      word: Float32Array
      position: Float32Array
      type: Float32Array
      width: number
      ids: Int32Array
      positions: Int32Array
      types: Int32Array
      offsets: Int32Array
      gain: Float32Array
      bias: Float32Array
      epsilon: number
    },
  ): Float32Array
  gather(
    device: string,
    request: { input: Float32Array; tokens: number; width: number; rows: Int32Array },
  ): Float32Array
}
