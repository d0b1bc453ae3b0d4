import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { installation } from '../index.js'

/** What a number must be read with. */
export type Machine = {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly system: string
  readonly node: string
  readonly version: string
  /** Null outside a clone. */
  readonly commit: string | null
}

export async function describeMachine(): Promise<Machine> {
  const { version, root } = installation()
  return {
    cpu: cpus()[0]?.model.trim() || 'unknown processor',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    node: process.version,
    version,
    commit: await commitOf(root),
  }
}

/** Runnable threads over the last minute: above the number of cores, others compete. */
export function loadAverage(): number {
  return Math.round(loadavg()[0]! * 100) / 100
}

async function commitOf(directory: string): Promise<string | null> {
  // A package inside some other repository has no commit of its own.
  if (!existsSync(join(directory, '.git'))) return null
  try {
    const git = (...args: string[]) => promisify(execFile)('git', ['-C', directory, ...args])
    const { stdout: hash } = await git('rev-parse', '--short=12', 'HEAD')
    const { stdout: changes } = await git('status', '--porcelain', '--untracked-files=no')
    return changes === '' ? hash.trim() : `${hash.trim()}, with changes`
  } catch {
    return null
  }
}
