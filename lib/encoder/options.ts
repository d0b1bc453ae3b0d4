import type { LinearDtype, Sparsity } from '../../binding.js'
import type { Progress } from '../addon.js'
import { type LinearSlot, linearSlots } from '../architecture/spec.js'
import { checkInteger, checkKeys, checkNumber, checkOneOf, checkSignal, expected } from '../check.js'
import { type HeadChoice, headChoices } from '../checkpoint/read-head.js'
import { cudaState } from '../cuda/state.js'
import { TwofourError } from '../errors.js'
import { type Calibration, checkCalibration } from './calibration.js'
import { chooseDevice, type DeviceChoice, type EncoderDevice } from './device.js'

export type EncoderOptions = {
  /**
   * 'auto' takes the best device there is and never throws; 'cuda' throws with the reason. 'plain' is slow
   * reference loops, for checking other devices. @default 'auto'
   */
  readonly device?: string | undefined
  /**
   * What the layers' linears and their inputs are rounded to. Embeddings, attention, norms, pooler and heads stay
   * float32 on the CPU; on CUDA activations are 16 bits between verbs unless this is 'float32'.
   * @default 'auto': float32 on the CPU, bfloat16 on CUDA; never 8 bits unasked
   */
  readonly dtype?: 'auto' | 'float32' | 'float16' | 'bfloat16' | 'int8' | 'float8' | undefined
  /**
   * Typical inputs, for 'int8' and 'float8' on CUDA: while loading they are run, and linears may then scale their
   * inputs by one number instead of one for each token, where the library has that and it was measured faster.
   * `explain()` has both errors. @default none: a scale for each token
   */
  readonly calibration?: Calibration | undefined
  /** Linears of every layer that stay float32 under a smaller dtype. @default none */
  readonly keepFloat32?: readonly LinearSlot[] | undefined
  /** 'auto' uses a sparse form where it was measured faster. @default 'auto' */
  readonly sparsity?: 'auto' | 'off' | 'require' | undefined
  /**
   * Sparse and dense forms are timed while a model with zeros is loaded (on CUDA: 2:4 ones, and the algorithms of
   * every dense product in 16 or 8 bits), and the times kept in the user's cache directory. `budget`: milliseconds of it at most; Infinity measures
   * everything. @default { budget: 300 } on the CPU, { budget: 10_000 } on CUDA, 0 on an emulated device
   */
  readonly tuning?: { readonly budget?: number | undefined } | undefined
  /** Of the CPU. @default the least of physical cores, affinity and cgroup quota */
  readonly threads?: number | undefined
  /** Tokens of one forward pass; larger requests are split between sequences. @default 16384 */
  readonly maxTokens?: number | undefined
  /** Runs that may wait or run at once; one more is refused with QUEUE_FULL. @default 1024 */
  readonly maxQueue?: number | undefined
  /**
   * Milliseconds that a run may wait, while nothing runs, for others to be computed together with it: for many small
   * runs that come one by one. Runs that wait for another are computed together anyway. @default 0
   */
  readonly maxWait?: number | undefined
  /** Longest tokenised text, special tokens included. @default sentence_bert_config.json's, else the model's own */
  readonly maxLength?: number | undefined
  /** Of a path: which task head to open, as for `Checkpoint.open`. @default 'auto' */
  readonly head?: HeadChoice | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

const known = [
  'device',
  'dtype',
  'calibration',
  'keepFloat32',
  'sparsity',
  'tuning',
  'threads',
  'maxTokens',
  'maxQueue',
  'maxWait',
  'maxLength',
  'head',
  'signal',
  'onProgress',
] as const
const dtypes = ['auto', 'float32', 'float16', 'bfloat16', 'int8', 'float8'] as const

export type LoadSettings = DeviceChoice & {
  readonly dtype: LinearDtype
  readonly calibration: Calibration | undefined
  readonly keepFloat32: readonly LinearSlot[]
  readonly sparsity: Sparsity
  /** Seconds. */
  readonly tuningBudget: number
  readonly threads: number
  readonly maxTokens: number
  readonly maxQueue: number
  readonly maxWait: number
  readonly maxLength: number | undefined
  readonly head: HeadChoice | undefined
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: Progress) => void) | undefined
}

/** @throws TypeError or RangeError on misuse; TwofourError DEVICE_, DTYPE_ or SPARSITY_UNAVAILABLE */
export function loadSettings(options: EncoderOptions): LoadSettings {
  checkKeys('options', options, known)
  const threads = options.threads === undefined ? 0 : checkInteger('threads', options.threads, 1, 1024)
  const maxTokens = checkInteger('maxTokens', options.maxTokens ?? 16_384, 1, 2 ** 24)
  const maxQueue = checkInteger('maxQueue', options.maxQueue ?? 1024, 1, 2 ** 20)
  const maxWait = checkNumber('maxWait', options.maxWait ?? 0, 0, 60_000)
  const maxLength =
    options.maxLength === undefined ? undefined : checkInteger('maxLength', options.maxLength, 1)
  const head = options.head === undefined ? undefined : checkOneOf('head', options.head, headChoices)
  const { onProgress } = options
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new TypeError(expected('onProgress', 'a function', onProgress))
  }
  const signal = checkSignal(options.signal)

  const choice = chooseDevice(options.device ?? 'auto', threads)
  const dtype = chooseDtype(checkOneOf('dtype', options.dtype ?? 'auto', dtypes), choice.device)
  const calibration = checkCalibration(options.calibration, dtype, choice.device)
  const keepFloat32 = checkSlots(options.keepFloat32 ?? [])
  const sparsity = checkOneOf('sparsity', options.sparsity ?? 'auto', ['auto', 'off', 'require'])
  const common = { threads, maxTokens, maxQueue, maxWait, maxLength, head, signal, onProgress }
  const tuningBudget = checkBudget(options.tuning, choice.device) / 1000
  return { ...choice, dtype, calibration, keepFloat32, sparsity, tuningBudget, ...common }
}

function chooseDtype(dtype: (typeof dtypes)[number], { kind }: EncoderDevice): LinearDtype {
  if (dtype === 'auto') return kind === 'cuda' ? 'bfloat16' : 'float32'
  if (dtype !== 'float16' || kind !== 'cpu') return dtype
  throw new TwofourError(
    'DTYPE_UNAVAILABLE',
    "The CPU backend does not compute in float16, got 'float16'. Use 'float32', 'bfloat16' or 'int8'.",
    { dtype },
  )
}

function checkSlots(slots: unknown): readonly LinearSlot[] {
  if (!Array.isArray(slots)) throw new TypeError(expected('keepFloat32', 'an array of slots', slots))
  return slots.map((slot, i) => checkOneOf(`keepFloat32[${i}]`, slot, linearSlots))
}

function checkBudget(tuning: EncoderOptions['tuning'], { kind }: EncoderDevice): number {
  const usual = kind !== 'cuda' ? 300 : cudaState().emulated ? 0 : 10_000
  if (tuning === undefined) return usual
  checkKeys('tuning', tuning, ['budget'])
  const { budget } = tuning
  if (budget === undefined) return usual
  if (typeof budget !== 'number' || !(budget >= 0)) {
    throw new TypeError(expected('tuning.budget', 'milliseconds from 0', budget))
  }
  return budget
}
