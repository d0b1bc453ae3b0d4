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
  /**
   * Sentence vectors [sequences, poolings × hidden]: several poolings side by side, and `normalize` is of all of it.
   * `skip`: tokens that each sequence begins with and that are not pooled.
   */
  sentence?: { poolings: Pooling[]; normalize: boolean; skip: number }
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
  /** The highest go first; of equal ones still the later. */
  reverse?: boolean
  /** One for each matrix, where the score reads activations; only squares are needed. */
  moments?: MomentsHandle[]
  /** Of the random score. */
  seed: number
  /** Distinguishes equal steps under one seed. */
  stream: number
  pattern:
    | { kind: 'unstructured'; fraction: number; per: 'matrix' | 'row' | 'global' }
    | { kind: 'nm'; n: number; m: number }
}

/** Opaque: one batch of token ids on its way through the layers of an encoder, pruned before it and dense beside it. */
export type WalkHandle = { readonly __brand: 'walk' }
/** Opaque: sums over the inputs of one stage's linears (native/base/moments.h). */
export type MomentsHandle = { readonly __brand: 'moments' }

/** Linears that read the same input. 'attention' is query, key and value, whose targets lie one below the other. */
export type WalkStage = 'attention' | 'attentionOutput' | 'ffnIn' | 'ffnOut'

export type WalkRequest = {
  /** Of the stored base: heads and neurons that are gone are zeros (form 'mask'). */
  spec: NativeSpec
  /** Slots outside of the layers. */
  weights: Record<string, WeightSource>
  ids: Int32Array
  types: Int32Array
  offsets: Int32Array
  /** 1 for tokens that statistics count, 0 for those that only take part; absent: all. */
  counted?: Uint8Array
  /** Also carries the batch through the dense layers, so that targets can be collected. */
  dense: boolean
  /** Tokens that are in the layer's larger activations at a time. */
  chunkTokens: number
  threads: number
}

export type CollectRequest = {
  /** The application of a layer that the walk stands before. */
  layer: number
  stage: WalkStage
  /** All slots of that layer, as pruned so far. Those of earlier stages must not change any more until `advanceWalk`. */
  weights: Record<string, WeightSource>
  /** The same as they were; wanted where the walk is dense. */
  denseWeights?: Record<string, WeightSource>
  /** Σ x xᵀ, or only its diagonal. */
  full: boolean
  /**
   * What the stage's output should be. 'own': what the present weights make of the present input, so nothing is
   * collected. 'dense': the dense model's output, and for 'attentionOutput' and 'ffnOut' also what the residual
   * beside it has drifted.
   */
  target: 'own' | 'dense'
  /** Adds to these (of the same stage and kind) in place of new ones. */
  into?: MomentsHandle
}

export type UpdateRequest = {
  /**
   * [rows, columns], its `bits` saying what stays; no `columns`. `rows` (with form 'mask') say which outputs are there:
   * the others get no new numbers, and errors leave them out.
   */
  weight: WeightSource
  /** [rows] */
  bias: WeightSource
  moments: MomentsHandle
  /** First of this linear's rows among those of the moments' target. */
  targetRow: number
  /**
   * 'bias': b += (W − Ŵ) E[x]. 'refit': each row's kept weights by masked least squares, and the bias. Both aim at the
   * moments' target where there is one, else at the output of the weights as they are before `bits`.
   */
  update: 'bias' | 'refit'
  /** Share of the centred inputs' mean diagonal that is added to it, which draws towards the weights as they are. */
  damping: number
  threads: number
}

export type UpdateResult = {
  /** In the weight's and the bias' own dtype. */
  weight: Uint8Array
  bias: Uint8Array
  /** Relative squared output error on the moments' own tokens: with zeros alone, and as returned. */
  errors: { masked: number; updated: number }
  /** Rows whose solution was not better than zeros alone, and that stayed so. */
  unchangedRows: number
}

export type SparseGptRequest = {
  /** As an update's, but for `columns`: the inputs over which N:M's groups run. */
  weight: WeightSource
  bias: WeightSource
  moments: MomentsHandle
  targetRow: number
  pattern: { kind: 'unstructured'; fraction: number } | { kind: 'nm'; n: number; m: number }
  /** Columns that one choice is made for (unstructured: a threshold for each such block). */
  block: number
  damping: number
  threads: number
}

export type PermutationRequest = {
  /** [rows, columns] with its `bits`; `columns` are the inputs that are there. */
  weight: WeightSource
  /** By which N of M stay: one that selectWeights knows. */
  score: string
  moments?: MomentsHandle
  n: number
  m: number
  /** Inputs move within so many consecutive ones of those that are there; a multiple of m. */
  block: number
  threads: number
}

export type RewriteRequest = {
  /** A matrix with its `bits`, or a vector: of one column. `rows` and `columns` in it are not looked at. */
  weight: WeightSource
  /** Which stand where. Absent: all, as they are. */
  rows?: Int32Array
  columns?: Int32Array
  /** What rows and columns are multiplied with, as they stand afterwards. */
  rowFactors?: Float32Array
  columnFactors?: Float32Array
  threads: number
}

export type StructuredObsRequest = {
  weight: WeightSource
  bias: WeightSource
  moments: MomentsHandle
  /** Columns of a group, and which groups are there; the others count as gone. */
  group: number
  present: Int32Array
  damping: number
  threads: number
}

/** Opaque: an encoder in fp32 whose gates and weights can be differentiated. */
export type DifferentiableHandle = { readonly __brand: 'differentiable' }

/**
 * What is differentiated, summed over examples. An example is a sequence, for `cosine` a pair of them (2i, 2i + 1).
 * Sentence vectors are pooled as `pooling` says and not normalised; losses normalise where their formula does.
 */
export type Loss =
  /** −log softmax of the logits at the label. One label for each row of logits (sequences, or tokens); −1: not counted. */
  | { kind: 'crossEntropy'; labels: Int32Array }
  /** Question answering: the mean of the cross-entropies of start and end over a sequence's tokens; −1: not counted. */
  | { kind: 'span'; starts: Int32Array; ends: Int32Array }
  /** T² · KL(softmax(targets / T) ‖ softmax(logits / T)) by row; `targets` are logits. */
  | { kind: 'divergence'; targets: Float32Array; temperature: number }
  /** Mean over the width of (x − target)², of logits or of sentence vectors, by row. */
  | { kind: 'squares'; of: 'logits' | 'sentence'; targets: Float32Array; pooling?: Pooling }
  /** (cos(a, b) − target)² of a pair's sentence vectors; targets [pairs]. */
  | { kind: 'cosine'; targets: Float32Array; pooling: Pooling }
  /**
   * For each minibatch the mean over its rows of KL(softmax(s · C) ‖ softmax(s · Ĉ)), C being the cosines between its
   * centred sentence vectors, rows without their diagonal; `vectors` [sequences, hidden] are the dense model's.
   */
  | { kind: 'similarity'; vectors: Float32Array; pooling: Pooling; scale: number }
export type Pooling = 'mean' | 'cls' | 'max' | 'meanSqrtLength' | 'lastToken' | 'weightedMean'

/** Derivatives by gates, [units]: heads of all layers one after another (in the spec's order), or neurons likewise. */
export type GateGradients = {
  /** Σ over tokens of |g|, Σ over examples of |Σ tokens g|, Σ over minibatches of |Σ examples g|. */
  perToken: Float64Array
  perExample: Float64Array
  perBatch: Float64Array
  /** Σ g, and Σ over examples and over minibatches of (Σ g)². */
  sum: Float64Array
  exampleSquares: Float64Array
  batchSquares: Float64Array
  /** [examples, units] and [minibatches, units], where they were asked for. */
  examples?: Float32Array
  batches?: Float32Array
}

export type GradientRequest = {
  ids: Int32Array
  types: Int32Array
  offsets: Int32Array
  loss: Loss
  /** Minibatches as boundaries between sequences, first 0, last all; of `cosine` even. */
  batches: Int32Array
  /** What context of a head and activations of a neuron are multiplied with; absent: ones. */
  headGates?: Float32Array
  neuronGates?: Float32Array
  heads: boolean
  neurons: boolean
  /**
   * Units are those of weight sets, in the order of their numbers: over all applications of a set the derivatives are
   * summed before anything is reduced. Gates are given for each application all the same. Absent: false.
   */
  shared?: boolean
  /** Rows of `examples` and `batches` as well. */
  rows: boolean
  /**
   * Linear slots ('layers.0.ffnIn' …, 'pooler', 'head.transform', 'head.output') whose weights' gradients are wanted,
   * summed over everything.
   */
  weights: readonly string[]
}

export type GradientResult = {
  /** [examples] */
  losses: Float64Array
  heads?: GateGradients
  neurons?: GateGradients
  weights?: Record<string, Float32Array>
}

export type TapRequest = {
  ids: Int32Array
  types: Int32Array
  offsets: Int32Array
  headGates?: Float32Array
  neuronGates?: Float32Array
  /** Application of a layer; 'hidden' also has the embeddings at −1. */
  layer: number
  /**
   * Inputs of the four products, the layer's output, or attention's probabilities ([heads, tokens, tokens] of each
   * sequence one after another). Also what is behind the layers: logits, or pooled vectors.
   */
  what: 'input' | 'context' | 'middle' | 'neurons' | 'hidden' | 'probabilities' | 'logits' | 'sentence'
  pooling?: Pooling
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
  loadDifferentiable(
    request: { spec: NativeSpec; weights: Record<string, WeightSource>; threads: number },
    control: Control,
  ): Promise<DifferentiableHandle>
  gradients(
    encoder: DifferentiableHandle,
    request: GradientRequest,
    control: Control,
  ): Promise<GradientResult>
  tap(encoder: DifferentiableHandle, request: TapRequest, control: Control): Promise<Float32Array>
  disposeDifferentiable(encoder: DifferentiableHandle): void

  openWalk(request: WalkRequest, control: Control): Promise<WalkHandle>
  /**
   * Of the batch, [tokens, hidden] in fp32 is kept, once more for the dense model, and twice as much inside of a layer;
   * all else is as large as a chunk. Stages of a layer come in their order, and may be left out or repeated.
   */
  collectMoments(walk: WalkHandle, request: CollectRequest, control: Control): Promise<MomentsHandle>
  /** Takes the batch through the layer that it stands before. */
  advanceWalk(
    walk: WalkHandle,
    request: {
      layer: number
      weights: Record<string, WeightSource>
      denseWeights?: Record<string, WeightSource>
    },
    control: Control,
  ): Promise<void>
  /** Back before the first layer. */
  restartWalk(walk: WalkHandle, control: Control): Promise<void>
  disposeWalk(walk: WalkHandle): void
  /** Tokens, Σ x and Σ x² of moments, for tests and reports. */
  describeMoments(moments: MomentsHandle): {
    tokens: number
    columns: number
    rows: number
    sums: Float64Array
    squares: Float64Array
    /** Σ y and Σ y², [rows]. */
    targets: Float64Array
    energies: Float64Array
    /** [columns, columns] and [rows, columns]; empty where they were not collected. */
    products: Float32Array
    cross: Float32Array
  }
  /** Moments of given numbers: what solvers are tested with. */
  makeMoments(request: {
    inputs: Float32Array
    tokens: number
    targets?: Float32Array
    full: boolean
  }): MomentsHandle

  updateWeights(request: UpdateRequest, control: Control): Promise<UpdateResult>
  /** Chooses and updates in one go. */
  sparseGpt(
    request: SparseGptRequest,
    control: Control,
  ): Promise<UpdateResult & { bits: Uint8Array; kept: number; tail: number }>
  /** An order of the inputs (place i takes what stands at order[i]), and sums of the scores that N:M keeps. */
  findPermutation(
    request: PermutationRequest,
    control: Control,
  ): Promise<{
    order: Int32Array
    /** As it is, in that order, and where each row keeps its highest wherever they stand. */
    before: number
    after: number
    best: number
  }>
  /** New numbers in the stored dtype, whatever the bits say, and the bits along with them. */
  rewriteWeights(request: RewriteRequest, control: Control): Promise<{ data: Uint8Array; bits?: Uint8Array }>
  /** Moments of inputs in another order; the given ones stay. */
  reorderMoments(
    moments: MomentsHandle,
    request: { order: Int32Array },
    control: Control,
  ): Promise<MomentsHandle>
  /**
   * In which order groups of inputs can be spared, and the relative squared error of the output when those up to each are
   * gone and the weights that stay have made up for it.
   */
  structuredObs(
    request: StructuredObsRequest,
    control: Control,
  ): Promise<{ order: Int32Array; errors: Float64Array }>
  /** ‖(Ŵ − W) x + b̂ − b‖² / ‖W x‖² over the moments' tokens, with what `bits` leave of either. */
  relativeError(
    request: {
      before: WeightSource
      after: WeightSource
      beforeBias: WeightSource
      afterBias: WeightSource
      moments: MomentsHandle
      threads: number
    },
    control: Control,
  ): Promise<number>

  inspectWeights(request: { weights: WeightSource[] }, control: Control): Promise<WeightReport[]>
  /** Writes `header`, then each tensor's bytes in its form, to a new file. No fsync: the caller publishes. */
  writeTensors(
    request: { path: string; header: Uint8Array; tensors: WrittenTensor[] },
    control: Control,
  ): Promise<void>

  /** The backends' verbs one by one, for parity tests. */
  readonly ops: Ops
  /** Dense linear algebra (native/algebra) one by one, for tests. */
  readonly algebra: AlgebraOps
}

/** Matrices are row-major; strides count elements between rows. */
export type AlgebraOps = {
  /** c [m, n] + scale · a · b, with a [m, k] (transposed: [k, m]) and b [k, n]; `mirrored`: aᵀ and b are the same. */
  product<T extends Float32Array | Float64Array>(request: {
    isa: string
    a: T
    aStride: number
    transposed: boolean
    mirrored: boolean
    b: T
    bStride: number
    c: T
    cStride: number
    m: number
    k: number
    n: number
    scale: number
    threads: number
  }): T
  /**
   * Of a symmetric matrix [n, n]: L, its inverse, U with Uᵀ U = inverse, and the solution of matrix · x = right
   * [n, columns]. Or the row at which it proves not to be positive definite.
   */
  factors(request: {
    matrix: Float64Array
    n: number
    right: Float64Array
    columns: number
    threads: number
  }):
    | {
        failedAt?: undefined
        lower: Float64Array
        inverse: Float64Array
        upper: Float64Array
        solution: Float64Array
      }
    | { failedAt: number }
  /** x [rows, n] with (matrix + shift · I)_SS x_S = right_S for each row's support S, by conjugate gradients. */
  maskedSolution(request: {
    matrix: Float32Array
    n: number
    shift: number
    bits: Uint8Array
    right: Float32Array
    tolerance: number
    gain: number
    steps: number
    threads: number
  }): Float32Array
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
    request: {
      input: Float32Array
      offsets: Int32Array
      width: number
      pooling: string
      normalize: boolean
      skip: number
    },
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
  /** `sums` and Σ over tokens of aᵀ b; without `b` of aᵀ a. */
  addProducts(
    device: string,
    request: {
      a: Float32Array
      columns: number
      b?: Float32Array
      otherColumns?: number
      tokens: number
      sums: Float32Array
    },
  ): Float32Array
  activate(
    device: string,
    request: { input: Float32Array; tokens: number; width: number; activation: string },
  ): Float32Array
  scaleGroups(
    device: string,
    request: { input: Float32Array; tokens: number; width: number; factors: Float32Array; group: number },
  ): Float32Array
  add(
    device: string,
    request: { a: Float32Array; b: Float32Array; tokens: number; width: number },
  ): Float32Array
  /** [heads, tokens, tokens] of each sequence, one after another. */
  attentionProbabilities(
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
  activateBackward(
    device: string,
    request: {
      input: Float32Array
      gradient: Float32Array
      tokens: number
      width: number
      activation: string
    },
  ): Float32Array
  dotGroups(
    device: string,
    request: { a: Float32Array; b: Float32Array; tokens: number; width: number; group: number },
  ): Float32Array
  layerNormBackward(
    device: string,
    request: {
      input: Float32Array
      gradient: Float32Array
      tokens: number
      width: number
      gain: Float32Array
      bias: Float32Array
      epsilon: number
    },
  ): Float32Array
  attentionBackward(
    device: string,
    request: {
      qkv: Float32Array
      gradient: Float32Array
      offsets: Int32Array
      heads: number
      headSize: number
      bias: Float32Array | null
      span: number
    },
  ): Float32Array
}
