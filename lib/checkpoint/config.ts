import { join } from 'node:path'
import type { Field } from '../architecture/family.js'
import { expected } from '../check.js'
import { TwofourError } from '../errors.js'
import type { JsonObject } from '../json-file.js'
import { readStrictJson } from './json.js'

/** Above it a size cannot be a row of anything that exists; ids and indices are int32. */
export const maxSize = 2 ** 31 - 1

const role = { code: 'CHECKPOINT_INVALID_CONFIG', maxBytes: 16 << 20 } as const

/** A config.json, whose fields are checked as they are asked for. @throws TwofourError CHECKPOINT_INVALID_CONFIG */
export class Config {
  readonly file: string
  readonly fields: JsonObject
  /** A field → its other spelling, which wins where both are there. */
  readonly #spellings: ReadonlyMap<string, string>

  constructor(file: string, fields: JsonObject, spellings: ReadonlyMap<string, string> = new Map()) {
    this.file = file
    this.fields = Object.freeze(fields)
    this.#spellings = spellings
  }

  /** @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, CHECKPOINT_INVALID_CONFIG */
  static async read(directory: string, signal?: AbortSignal): Promise<Config> {
    const file = join(directory, 'config.json')
    return new Config(file, await readStrictJson(file, role, signal))
  }

  /** The same file, read with a family's other spellings. */
  spelt(spellings: ReadonlyMap<string, string>): Config {
    return new Config(this.file, this.fields, spellings)
  }

  /** The field's own value; undefined where it is absent. Never an inherited one. */
  get(name: string): unknown {
    const spelling = this.spelling(name)
    return Object.hasOwn(this.fields, spelling) ? this.fields[spelling] : undefined
  }

  /** The key of the file that says what `name` is. */
  spelling(name: string): string {
    const other = this.#spellings.get(name)
    return other !== undefined && Object.hasOwn(this.fields, other) ? other : name
  }

  /** A whole number from `low` to `high`. */
  size([name, absent]: Field<number>, low = 1, high = maxSize): number {
    return this.checkSize(this.spelling(name), this.#or(name, absent), low, high)
  }

  /** The same for a value that lies deeper: `what` is the path to it. */
  checkSize(what: string, value: unknown, low: number, high = maxSize): number {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= low && value <= high)
      return value
    throw this.refusal(what, `a whole number from ${low} to ${high}`, value)
  }

  /** A finite number over 0; in quotes too, as writers that take 1e-12 for text make it. */
  positive([name, absent]: Field<number>): number {
    const said = this.#or(name, absent)
    const value = typeof said === 'string' && /^[\d.]+(?:[eE][+-]?\d+)?$/.test(said) ? Number(said) : said
    if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value
    throw this.refusal(name, 'a number over 0', said)
  }

  text([name, absent]: Field<string>): string {
    const value = this.#or(name, absent)
    if (typeof value === 'string') return value
    throw this.refusal(name, 'a string', value)
  }

  /** null counts as absent. */
  flag([name, absent]: Field<boolean>): boolean {
    const value = this.get(name) ?? absent
    if (typeof value === 'boolean') return value
    throw this.refusal(name, 'true or false', value)
  }

  /** To throw. */
  refusal(field: string, wanted: string, got: unknown, fix?: string): TwofourError {
    const message = expected(`${field}\` in \`${this.file}`, wanted, got, fix)
    return new TwofourError(role.code, message, { file: this.file, field, got })
  }

  /** To throw. */
  unsupported(field: string, wanted: string, got: unknown, fix: string): TwofourError {
    const message = expected(`${field}\` in \`${this.file}`, wanted, got, fix)
    return new TwofourError('CHECKPOINT_UNSUPPORTED', message, { file: this.file, field, got })
  }

  #or<T>(name: string, absent: T): unknown {
    const value = this.get(name)
    return value === undefined ? absent : value
  }
}
