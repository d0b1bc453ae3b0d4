import type { Progress } from '../addon.js'
import { checkInteger, checkKeys, checkOneOf } from '../check.js'
import { type EncoderOptions, type LoadSettings, loadSettings } from '../encoder/options.js'

/** What is timed: a batch, and what it runs on. */
export type LatencyOptions = Pick<EncoderOptions, 'device' | 'dtype' | 'threads' | 'signal'> & {
  /** Sequences that are computed together. @default 1 */
  readonly batch?: number | undefined
  /** Tokens of each. */
  readonly length: number
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

export type LatencySettings = {
  readonly batch: number
  readonly length: number
  readonly load: LoadSettings
}

const known = ['batch', 'length', 'device', 'dtype', 'threads', 'signal', 'onProgress']

/** @throws TypeError, RangeError; as `Encoder.load` for devices; `signal.reason` */
export function checkLatencyOptions(options: LatencyOptions, longest: number): LatencySettings {
  checkKeys('options', options, known)
  const { device, dtype, threads, signal, onProgress } = options
  const tuning = { budget: Number.POSITIVE_INFINITY }
  return {
    batch: checkInteger('batch', options.batch ?? 1, 1, 65_536),
    length: checkInteger('length', options.length, 1, longest),
    load: loadSettings({ device, dtype, threads, signal, onProgress, tuning, maxTokens: 2 ** 24 }),
  }
}

/** @throws TypeError */
export function checkPattern(what: string, value: unknown): string {
  return checkOneOf(what, value ?? '2:4', ['1:2', '1:4', '2:4', '4:8'])
}
