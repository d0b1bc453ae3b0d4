import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Measurement } from '../../binding.js'
import { addon } from '../addon.js'
import { writeFileDurably } from '../checkpoint/durable.js'
import { cudaState } from '../cuda/state.js'
import { TwofourError } from '../errors.js'

type Cache = { [machine: string]: Measurement[] }

/** Where measurements are kept: a file of the user's cache directory (XDG), and what they depend on beside shapes. */
export type TuningCache = {
  readonly file: string
  /** Nothing measured under another key is used. */
  readonly key: string
}

export function cpuTuning(threads: number): TuningCache {
  const cpu = addon().cpu()
  return cache('cpu', [cpu.name, cpu.isa, `${threads} threads`])
}

/** Of the device of this index. */
export function cudaTuning(index: number): TuningCache {
  const { devices, driverVersion, emulated, libraries } = cudaState()
  const device = devices.find((each) => each.index === index)
  const versions = libraries.map(({ name, version }) => `${name} ${version}`)
  const machine = [`${device?.name} ${device?.computeCapability}`, `driver ${driverVersion}`, ...versions]
  return cache('cuda', emulated ? [...machine, 'emulated'] : machine)
}

function cache(kind: 'cpu' | 'cuda', machine: readonly string[]): TuningCache {
  const directory = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'twofour')
  const key = [`twofour ${addon().version}`, ...machine].join(', ')
  return { file: join(directory, `${kind}-tuning.json`), key }
}

export async function knownMeasurements(cache: TuningCache | undefined): Promise<readonly Measurement[]> {
  return cache === undefined ? [] : ((await readCache(cache.file, warn))[cache.key] ?? [])
}

/** Adds to what is on disk now. A cache that cannot be written costs the next load its time, and a warning. */
export async function keepMeasurements(
  tuning: TuningCache | undefined,
  measured: readonly Measurement[],
): Promise<void> {
  if (tuning === undefined || measured.length === 0) return
  const { file, key } = tuning
  // Loading said already what is wrong with it.
  const cache = await readCache(file, () => {})
  cache[key] = [
    ...(cache[key] ?? []).filter((old) => !measured.some((fresh) => same(old, fresh))),
    ...measured,
  ]
  try {
    await writeFileDurably(file, `${JSON.stringify(cache, null, 1)}\n`)
  } catch (error) {
    if (!(error instanceof TwofourError)) throw error
    warn(`${error.message} The next load measures again.`)
  }
}

/** A file that cannot be read as one is as good as empty, and replaced when something was measured. */
async function readCache(file: string, tell: (message: string) => void): Promise<Cache> {
  const text = await readFile(file, 'utf8').catch(() => '{}')
  const cache = parsed(text)
  if (isObject(cache) && Object.values(cache).every(isMeasurements)) return cache as Cache
  tell(`${file} is not what twofour writes there, so it is not used. It can be deleted.`)
  return {}
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function warn(message: string): void {
  process.emitWarning(message, { code: 'TWOFOUR_TUNING' })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const counts = ['rows', 'columns', 'kept', 'tokens'] as const
const names = ['dense', 'sparse', 'epilogue'] as const

function isMeasurements(value: unknown): value is Measurement[] {
  return Array.isArray(value) && value.every(isMeasurement)
}

function isMeasurement(value: unknown): boolean {
  if (!isObject(value)) return false
  const { dense, sparse, epilogue = '', algorithm = '', denseMicroseconds, sparseMicroseconds } = value
  return (
    counts.every((key) => Number.isSafeInteger(value[key]) && (value[key] as number) >= 0) &&
    [dense, sparse, epilogue, algorithm].every((text) => typeof text === 'string') &&
    isTime(denseMicroseconds) &&
    (sparse === '' ? sparseMicroseconds === undefined : isTime(sparseMicroseconds))
  )
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && value > 0
}

function same(a: Measurement, b: Measurement): boolean {
  return [...counts, ...names].every((key) => a[key] === b[key])
}
