import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import bindings from 'bindings'
import type { Addon, Control } from '../binding.js'
import { watchSignal } from './abort.js'
import { type ErrorCode, errorCodes, TwofourError } from './errors.js'

/** The package's own folder: where `build/` and `package.json` are. */
export const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)))

let loaded: Addon | undefined

/**
 * The native addon, loaded at first use, so that reading a file or asking for help works without it.
 * `TWOFOUR_ADDON` names another binary (CI's sanitised one).
 * @throws TwofourError ADDON_MISSING with the command that builds it.
 */
export function addon(): Addon {
  loaded ??= load()
  return loaded
}

function load(): Addon {
  const forced = process.env.TWOFOUR_ADDON
  try {
    if (forced !== undefined && forced !== '') return openAddon(forced)
    return bindings({ bindings: 'twofour.node', module_root: packageRoot }) as Addon
  } catch (cause) {
    const where = forced ?? join(packageRoot, 'build', 'Release', 'twofour.node')
    const reason = existsSync(where) && cause instanceof Error ? `${cause.message}.` : 'it is not there.'
    throw new TwofourError(
      'ADDON_MISSING',
      `Cannot load the native addon ${where}: ${reason} Compile it for this machine with \`npx twofour build\` (needs a C++20 compiler and CMake).`,
      { file: where },
      { cause },
    )
  }
}

function openAddon(file: string): Addon {
  const module = { exports: {} as Addon }
  process.dlopen(module, file)
  return module.exports
}

export type Progress = { stage: string; done: number; total: number; unit: string }

export type NativeOptions = {
  signal?: AbortSignal | undefined
  onProgress?: ((done: number, total: number) => void) | undefined
}

let tickets = 0

/**
 * Starts native work and waits for it: gives it a ticket, cancels it when `signal` fires (then rejects with
 * `signal.reason`) or `onProgress` throws (then with what it threw), and turns its errors into TwofourErrors.
 */
export async function native<T>(
  call: (control: Control) => Promise<T>,
  options: NativeOptions = {},
): Promise<T> {
  const { signal, onProgress } = options
  signal?.throwIfAborted()
  tickets = (tickets + 1) >>> 0
  const ticket = tickets
  if (signal === undefined && onProgress === undefined) return call({ ticket }).catch(rethrow)
  const cancel = () => addon().cancel(ticket)
  let thrown: { readonly error: unknown } | undefined
  const report = (done: number, total: number) => {
    try {
      if (thrown === undefined) onProgress?.(done, total)
    } catch (error) {
      thrown = { error }
      cancel()
    }
  }
  const stopped = () => {
    signal?.throwIfAborted()
    if (thrown !== undefined) throw thrown.error
  }
  const unwatch = signal && watchSignal(signal, cancel)
  try {
    const result = await call(onProgress === undefined ? { ticket } : { ticket, onProgress: report })
    // The work may have ended before it noticed.
    stopped()
    return result
  } catch (error) {
    stopped()
    throw translated(error)
  } finally {
    unwatch?.()
  }
}

function rethrow(error: unknown): never {
  throw translated(error)
}

/** A native error with a code of ours becomes a TwofourError; anything else stays what it is. */
export function translated(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TwofourError || !('code' in error)) return error
  const code = error.code as ErrorCode
  return errorCodes.includes(code) ? new TwofourError(code, error.message, {}, { cause: error }) : error
}
