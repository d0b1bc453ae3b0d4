import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Measurement } from '../../binding.js'
import { addon } from '../addon.js'
import { writeFileDurably } from '../checkpoint/durable.js'
import { TwofourError } from '../errors.js'
import { packageVersion } from '../installation.js'

type Cache = { [machine: string]: Measurement[] }

/** Where measurements are kept: the user's cache directory (XDG). A file that cannot be read as one is replaced. */
function cacheFile(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'twofour', 'cpu-tuning.json')
}

/** What a measurement depends on beside its shape: nothing measured under another key is used. */
export function machineKey(threads: number): string {
  const cpu = addon().cpu()
  return `twofour ${packageVersion()}, ${cpu.name}, ${cpu.isa}, ${threads === 0 ? cpu.threads : threads} threads`
}

export async function knownMeasurements(key: string): Promise<readonly Measurement[]> {
  return (await readCache())[key] ?? []
}

/** Adds to what is on disk now. A cache that cannot be written costs the next load its time, and a warning. */
export async function keepMeasurements(key: string, measured: readonly Measurement[]): Promise<void> {
  if (measured.length === 0) return
  const cache = await readCache()
  cache[key] = [
    ...(cache[key] ?? []).filter((old) => !measured.some((fresh) => same(old, fresh))),
    ...measured,
  ]
  try {
    await writeFileDurably(cacheFile(), `${JSON.stringify(cache, null, 1)}\n`)
  } catch (error) {
    if (!(error instanceof TwofourError)) throw error
    process.emitWarning(`${error.message} Sparse forms are measured again at the next load.`, {
      code: 'TWOFOUR_TUNING',
    })
  }
}

async function readCache(): Promise<Cache> {
  const text = await readFile(cacheFile(), 'utf8').catch(() => '{}')
  try {
    const cache: unknown = JSON.parse(text)
    return isObject(cache) && Object.values(cache).every(isMeasurements) ? (cache as Cache) : {}
  } catch {
    return {}
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const counts = ['rows', 'columns', 'kept', 'tokens'] as const
const names = ['dense', 'sparse'] as const
const times = ['denseMicroseconds', 'sparseMicroseconds'] as const

function isMeasurements(value: unknown): value is Measurement[] {
  return Array.isArray(value) && value.every(isMeasurement)
}

function isMeasurement(value: unknown): boolean {
  if (!isObject(value)) return false
  return (
    counts.every((key) => Number.isSafeInteger(value[key]) && (value[key] as number) >= 0) &&
    names.every((key) => typeof value[key] === 'string') &&
    times.every((key) => typeof value[key] === 'number' && (value[key] as number) > 0)
  )
}

function same(a: Measurement, b: Measurement): boolean {
  return [...counts, ...names].every((key) => a[key] === b[key])
}
