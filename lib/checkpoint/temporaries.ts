import { createHash, randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Temporary files and directories of this thread that are being written now. */
const live = new Set<string>()
let hooked = false

/** A new name in `directory` for what will become `target`: `.<name>.twofour-<pid>-<random>.tmp`. */
export function temporaryPath(directory: string, target: string): string {
  return join(directory, `${prefix(target)}${process.pid}-${randomBytes(6).toString('hex')}.tmp`)
}

/** Whether a file of a directory is a temporary one for `target`. */
export function isTemporary(name: string, target: string): boolean {
  return ownerOf(name, target) !== undefined
}

/** From here on the path is removed when the process ends; by SIGINT, SIGTERM and SIGHUP too. */
export function protect(path: string): void {
  if (!hooked) process.on('exit', removeLive)
  hooked = true
  if (live.size === 0) for (const signal of signals) process.on(signal, onSignal)
  live.add(path)
}

/** Ends `protect`, and removes what is still there. */
export async function discard(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
  } finally {
    release(path)
  }
}

/** Ends `protect`: the path has become the target. */
export function release(path: string): void {
  live.delete(path)
  if (live.size === 0) for (const signal of signals) process.off(signal, onSignal)
}

/** Removes what dead processes left in `directory` on their way to `target`. Best effort: nothing depends on it. */
export async function removeStale(directory: string, target: string): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  for (const name of names) {
    const owner = ownerOf(name, target)
    const path = join(directory, name)
    if (owner === undefined || live.has(path) || !(await isStale(path, owner))) continue
    await rm(path, { recursive: true, force: true }).catch(() => {})
  }
}

function prefix(target: string): string {
  const name = basename(target)
  // A file name has at most 255 bytes.
  const short = Buffer.byteLength(name) > 200 ? createHash('sha256').update(name).digest('hex') : name
  return `.${short}.twofour-`
}

function ownerOf(name: string, target: string): number | undefined {
  const start = prefix(target)
  if (!name.startsWith(start)) return undefined
  const match = /^(\d+)-[^/]*\.tmp$/.exec(name.slice(start.length))
  return match === null ? undefined : Number(match[1])
}

async function isStale(path: string, owner: number): Promise<boolean> {
  if (owner !== process.pid) return !isAlive(owner)
  // In a container every run of a program may have the same process id.
  const started = Date.now() - process.uptime() * 1000
  const stats = await stat(path).catch(() => undefined)
  return stats !== undefined && stats.mtimeMs < started - 1000
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function removeLive(): void {
  for (const path of live) rmSync(path, { recursive: true, force: true })
  live.clear()
}

/** Without a listener of the host the signal ends the process, and no 'exit' event would come. */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return
  removeLive()
  for (const name of signals) process.off(name, onSignal)
  process.kill(process.pid, signal)
}
