import type { Progress } from '../addon.js'
import {
  checkInteger,
  checkKeys,
  checkNumber,
  checkOneOf,
  checkSignal,
  describe,
  expected,
} from '../check.js'
import { devices, noCuda } from '../devices.js'
import { TwofourError } from '../errors.js'

export type EncoderOptions = {
  /**
   * 'auto' takes the best device there is and never throws; 'cuda' throws with the reason. 'plain' and
   * 'plain:int8' are slow reference loops, for checking other devices. @default 'auto'
   */
  readonly device?: string | undefined
  /** @default 'auto': float32 on the CPU */
  readonly dtype?: 'auto' | 'float32' | 'float16' | 'bfloat16' | 'int8' | 'float8' | undefined
  /** 'auto' uses a sparse form where it was measured faster. @default 'auto' */
  readonly sparsity?: 'auto' | 'off' | 'require' | undefined
  /** @default the least of physical cores, affinity and cgroup quota */
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
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

const known = [
  'device',
  'dtype',
  'sparsity',
  'threads',
  'maxTokens',
  'maxQueue',
  'maxWait',
  'maxLength',
  'signal',
  'onProgress',
] as const
const dtypes = ['auto', 'float32', 'float16', 'bfloat16', 'int8', 'float8'] as const

/** What an encoder was loaded on, and why. */
export type EncoderDevice = {
  readonly kind: 'cpu' | 'cuda' | 'plain'
  readonly name: string
  readonly reason: string
}

export type LoadSettings = {
  readonly device: EncoderDevice
  /** The native name of the backend. */
  readonly backend: string
  readonly threads: number
  readonly maxTokens: number
  readonly maxQueue: number
  readonly maxWait: number
  readonly maxLength: number | undefined
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
  const { onProgress } = options
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new TypeError(expected('onProgress', 'a function', onProgress))
  }
  const signal = checkSignal(options.signal)

  const choice = chooseDevice(options.device ?? 'auto', threads)
  checkDtype(checkOneOf('dtype', options.dtype ?? 'auto', dtypes))
  checkSparsity(checkOneOf('sparsity', options.sparsity ?? 'auto', ['auto', 'off', 'require']))
  return { ...choice, threads, maxTokens, maxQueue, maxWait, maxLength, signal, onProgress }
}

function chooseDevice(wanted: unknown, threads: number): { device: EncoderDevice; backend: string } {
  if (wanted === 'plain' || wanted === 'plain:int8') {
    const storage = wanted === 'plain' ? 'fp32' : 'int8 activations'
    return {
      device: { kind: 'plain', name: `Reference loops, ${storage}`, reason: 'Asked for by name.' },
      backend: wanted,
    }
  }
  if (wanted === 'auto' || wanted === 'cpu') {
    const cpu = devices().find((device) => device.kind === 'cpu')!
    const count = threads === 0 ? cpu.threads! : threads
    const name = `CPU, ${cpu.isa}, ${count} ${count === 1 ? 'thread' : 'threads'}`
    return {
      device: { kind: 'cpu', name, reason: wanted === 'cpu' ? 'Asked for by name.' : noCuda },
      backend: 'cpu',
    }
  }
  if (typeof wanted === 'string' && /^cuda(:\d{1,3})?$/.test(wanted)) {
    throw new TwofourError(
      'DEVICE_UNAVAILABLE',
      `Device '${wanted}' cannot be used. ${noCuda} Use device 'auto' or 'cpu'.`,
      {
        device: wanted,
      },
    )
  }
  throw new TypeError(expected('device', "'auto', 'cpu', 'cuda', 'cuda:N', 'plain' or 'plain:int8'", wanted))
}

function checkDtype(dtype: (typeof dtypes)[number]): void {
  if (dtype === 'auto' || dtype === 'float32') return
  throw new TwofourError(
    'DTYPE_UNAVAILABLE',
    `The CPU backend computes in float32 only, got ${describe(dtype)}. Use dtype 'auto'.`,
    {
      dtype,
    },
  )
}

function checkSparsity(sparsity: string): void {
  if (sparsity !== 'require') return
  throw new TwofourError(
    'SPARSITY_UNAVAILABLE',
    "The CPU backend has no sparse form yet, so `sparsity: 'require'` cannot be met. Use 'auto': zeros then run dense.",
  )
}
