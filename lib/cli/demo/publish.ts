import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { TwofourError } from '../../index.js'

/** Refuses early what would only fail after a minute's work. @throws TwofourError FILE_UNWRITABLE */
export async function checkPublishable(file: string): Promise<void> {
  const there = await stat(file).catch(() => undefined)
  if (!there?.isDirectory()) return
  throw new TwofourError('FILE_UNWRITABLE', `Expected \`${file}\` to be a file to write, got a directory.`, {
    file,
  })
}

/**
 * Writes a text file in one step: readers see the old one or the whole new one.
 * @throws TwofourError FILE_UNWRITABLE; `signal.reason`
 */
export async function publish(file: string, text: string, signal?: AbortSignal): Promise<void> {
  const target = resolve(file)
  const part = join(dirname(target), `.${basename(target)}.${randomUUID()}.part`)
  try {
    signal?.throwIfAborted()
    await mkdir(dirname(target), { recursive: true })
    await writeFile(part, text, { flag: 'wx' })
    signal?.throwIfAborted()
    await rename(part, target)
  } catch (cause) {
    await rm(part, { force: true }).catch(() => {})
    signal?.throwIfAborted()
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new TwofourError('FILE_UNWRITABLE', `Cannot write ${file}: ${reason}.`, { file }, { cause })
  }
}
