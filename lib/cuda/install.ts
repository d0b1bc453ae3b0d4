import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Progress } from '../addon.js'
import { checkKeys, checkSignal, expected } from '../check.js'
import { withTemporary, writeFileDurably } from '../checkpoint/durable.js'
import { TwofourError } from '../errors.js'
import { readJsonFile } from '../json-file.js'
import { fetchFile } from './fetch-file.js'
import { cudaCache } from './search.js'
import { nvidiaIndex, type Wheel, wheelsFor } from './wheels.js'
import { extractMember } from './zip.js'

export type CudaInstallOptions = {
  /** Where wheels are: `<index>/<project>/<file>`. @default NVIDIA's own */
  readonly index?: string | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

export type InstalledLibrary = {
  readonly file: string
  /** Of the wheel that it came out of. */
  readonly version: string
  /** False: it was there already. */
  readonly fetched: boolean
}

/**
 * Fetches cuBLASLt and cuSPARSELt out of NVIDIA's Python wheels (some 600 MB) into the user's cache directory, where
 * they are found from then on. Sizes and SHA-256 hashes are part of twofour. A file is there whole, or not at all.
 * @throws TypeError on misuse; TwofourError DOWNLOAD_FAILED, DOWNLOAD_MISMATCH, FILE_UNWRITABLE
 */
export async function installCudaLibraries(options: CudaInstallOptions = {}): Promise<InstalledLibrary[]> {
  checkKeys('options', options, ['index', 'signal', 'onProgress'])
  const wheels = wheelsFor(process.arch)
  if (wheels.length === 0) {
    throw new TwofourError(
      'DOWNLOAD_FAILED',
      `NVIDIA publishes no libraries for this processor (${process.arch}).`,
      { machine: process.arch },
    )
  }
  return installWheels(wheels, cudaCache(), options)
}

/** The same for any wheels and directory: what tests call with small ones. */
export async function installWheels(
  wheels: readonly Wheel[],
  directory: string,
  options: CudaInstallOptions,
): Promise<InstalledLibrary[]> {
  const index = checkIndex(options.index ?? nvidiaIndex)
  const signal = checkSignal(options.signal)
  const installed: InstalledLibrary[] = []
  for (const wheel of wheels) {
    const file = join(directory, basename(wheel.member))
    const fetched = !(await isInstalled(wheel, file, directory))
    if (fetched) await install(wheel, file, directory, { index, signal, onProgress: options.onProgress })
    installed.push({ file, version: wheel.version, fetched })
  }
  return installed
}

async function install(
  wheel: Wheel,
  file: string,
  directory: string,
  { index, signal, onProgress }: CudaInstallOptions,
): Promise<void> {
  const archive = join(directory, wheel.file)
  try {
    if (!(await isWhole(archive, wheel, signal))) {
      const url = `${index}/${wheel.project}/${wheel.file}`
      const onBytes = onProgress && progressOf(wheel, onProgress)
      const fetchTo = (path: string) => fetchFile({ ...wheel, url }, path, { signal, onBytes })
      await withTemporary(archive, fetchTo, { signal })
    }
    await withTemporary(file, (path) => extractMember(archive, wheel.member, path, signal), { signal })
    const versions = { ...(await readVersions(directory)), [basename(file)]: wheel.version }
    await writeFileDurably(versionsFile(directory), `${JSON.stringify(versions, null, 1)}\n`)
  } finally {
    await rm(archive, { force: true })
  }
}

function progressOf(wheel: Wheel, onProgress: (progress: Progress) => void): (done: number) => void {
  const megabytes = (bytes: number) => Math.round(bytes / 1e6)
  const stage = `fetch ${wheel.project} ${wheel.version}`
  return (done) => onProgress({ stage, done: megabytes(done), total: megabytes(wheel.bytes), unit: 'MB' })
}

/** Left by an install that was killed between fetching and unpacking. */
async function isWhole(archive: string, wheel: Wheel, signal: AbortSignal | undefined): Promise<boolean> {
  const found = await stat(archive).catch(() => undefined)
  if (found?.size !== wheel.bytes) return false
  const hash = createHash('sha256')
  await pipeline(createReadStream(archive), hash, signal === undefined ? {} : { signal })
  return hash.digest('hex') === wheel.sha256
}

async function isInstalled(wheel: Wheel, file: string, directory: string): Promise<boolean> {
  const there = await stat(file).catch(() => undefined)
  return there !== undefined && (await readVersions(directory))[basename(file)] === wheel.version
}

const versionsFile = (directory: string) => join(directory, 'versions.json')

/** File name → version; a file that is none is as good as absent. */
async function readVersions(directory: string): Promise<Record<string, unknown>> {
  const found = await readJsonFile(versionsFile(directory), 'INTERNAL').catch(() => undefined)
  return typeof found === 'object' && found !== null ? { ...found } : {}
}

function checkIndex(index: unknown): string {
  if (typeof index === 'string' && /^https?:\/\//.test(index) && URL.canParse(index))
    return index.replace(/\/+$/, '')
  throw new TypeError(expected('index', 'an http or https address', index))
}
