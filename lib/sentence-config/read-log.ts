import { relative } from 'node:path'
import { expected } from '../check.js'
import { TwofourError } from '../errors.js'
import type { FileRead, KeyRead } from '../reading.js'

/** A key of a file that changes no number, or a whole file, and why that is so. */
export type IgnoredRead = { readonly file: string; readonly key?: string; readonly why: string }

/** Collects what was read of a folder: which keys changed a number, and which did not. */
export class ReadLog {
  readonly #root: string
  readonly #files = new Map<string, KeyRead[]>()
  readonly #ignored: IgnoredRead[] = []

  constructor(root: string) {
    this.#root = root
  }

  get reads(): readonly FileRead[] {
    return [...this.#files].map(([file, keys]) => ({ file, keys }))
  }

  get ignored(): readonly IgnoredRead[] {
    return this.#ignored
  }

  /** @param file its path, as everywhere here */
  opened(file: string): void {
    this.#keysOf(file)
  }

  key(file: string, key: string, value: unknown, effect: string): void {
    this.#keysOf(file).push({ key, value, effect })
  }

  ignore(file: string, key: string | undefined, why: string): void {
    this.#ignored.push({ file: relative(this.#root, file), ...(key !== undefined && { key }), why })
  }

  #keysOf(file: string): KeyRead[] {
    const name = relative(this.#root, file)
    const keys = this.#files.get(name) ?? []
    this.#files.set(name, keys)
    return keys
  }
}

/** To throw. */
export function invalid(
  file: string,
  what: string,
  wanted: string,
  got: unknown,
  fix?: string,
): TwofourError {
  const message = `${file}: ${expected(what, wanted, got, fix)}`
  return new TwofourError('CHECKPOINT_INVALID_CONFIG', message, { file, key: what })
}

/** A flag that may be absent or null. @throws TwofourError CHECKPOINT_INVALID_CONFIG */
export function flagOf(file: string, key: string, value: unknown, absent: boolean): boolean {
  if (value === undefined || value === null) return absent
  if (typeof value === 'boolean') return value
  throw invalid(file, key, 'true or false', value)
}
