import { type JSONVisitor, printParseErrorCode } from 'jsonc-parser'
import { describe, nearMiss } from '../check.js'
import type { ErrorCode, TwofourError } from '../errors.js'
import { type Dtype, dtypes, isDtype } from './dtypes.js'
import { maxDepth, maxEntries, maxNameBytes, maxRank } from './header-limits.js'
import { refusal } from './header-refusal.js'
import { isWellFormed } from './well-formed.js'
import { readWhole, type Whole } from './whole.js'

/** A tensor as the header writes it, not yet held against other tensors or the file. */
export type HeaderRecord = {
  readonly dtype: Dtype
  readonly shape: readonly Whole[]
  readonly begin: Whole
  readonly end: Whole
}

const wantedList = 'a list of whole numbers from 0 to 2^64 − 1 in plain digits'
const wantedRecord = 'an object with dtype, shape and data_offsets'

/** Takes the events of jsonc-parser's visitor and gathers records; throws at the first thing that is not allowed. */
export class HeaderReader {
  readonly records = new Map<string, HeaderRecord>()
  readonly metadata = new Map<string, string>()
  readonly #text: string
  readonly #start: number
  readonly #file: string
  #depth = 0
  #sawMetadata = false
  /** Key in the header's object: a tensor's name, or `__metadata__`. */
  #name: string | undefined
  /** Key in a record or in `__metadata__`. */
  #field: string | undefined
  readonly #fields = new Set<string>()
  #dtype: Dtype | undefined
  #shape: Whole[] = []
  #offsets: Whole[] = []

  /** `start`: how many characters of the header stand before `text`, so that messages count from its begin. */
  constructor(text: string, start: number, file: string) {
    this.#text = text
    this.#start = start
    this.#file = file
  }

  visitor(): JSONVisitor {
    return {
      onObjectBegin: () => this.#open('an object'),
      onArrayBegin: () => this.#open('an array'),
      onObjectEnd: () => this.#closeObject(),
      onArrayEnd: () => {
        this.#depth--
      },
      onObjectProperty: (key, offset) => this.#key(key, offset),
      onLiteralValue: (value, offset, length) => this.#literal(value, offset, length),
      onError: (error, offset) => {
        throw this.#notJson(`${printParseErrorCode(error)} ${this.#at(offset)}`)
      },
    }
  }

  #open(kind: 'an object' | 'an array'): void {
    this.#depth++
    if (this.#depth > maxDepth) throw this.#wrong(`nested at most ${maxDepth} deep`, 'deeper nesting')
    if (this.#depth === 1 && kind !== 'an object') throw this.#wrong('one JSON object', kind)
    if (this.#depth === 2) this.#openEntry(kind)
    if (this.#depth === 3) this.#openValue(kind)
    if (this.#depth === 4 && this.#inList()) throw this.#wrong(wantedList, `${kind} in it`)
  }

  #openEntry(kind: string): void {
    if (kind !== 'an object') throw this.#wrong(this.#wantedEntry(), kind)
    this.#fields.clear()
    this.#dtype = undefined
    this.#shape = []
    this.#offsets = []
  }

  #openValue(kind: string): void {
    if (this.#inMetadata() || this.#field === 'dtype') throw this.#wrong('a string', kind)
    if (this.#inList() && kind !== 'an array') throw this.#wrong(wantedList, kind)
  }

  #closeObject(): void {
    if (this.#depth === 2 && !this.#inMetadata()) this.#closeRecord()
    this.#depth--
  }

  #closeRecord(): void {
    this.#field = undefined
    for (const field of ['dtype', 'shape', 'data_offsets']) {
      if (!this.#fields.has(field)) throw this.#wrong(wantedRecord, `one without ${field}`)
    }
    const [begin, end] = this.#offsets
    if (begin === undefined || end === undefined) throw this.#wrong('a record of two data_offsets', 'fewer')
    this.records.set(this.#name!, { dtype: this.#dtype!, shape: this.#shape, begin, end })
  }

  #key(key: string, offset: number): void {
    this.#checkText(key, offset)
    if (this.#depth === 1) this.#rootKey(key)
    else if (this.#depth === 2 && this.#inMetadata()) this.#metadataKey(key)
    else if (this.#depth === 2) this.#fieldKey(key)
  }

  #rootKey(key: string): void {
    this.#name = key
    this.#field = undefined
    if (!this.#inMetadata()) this.#tensorName(key)
    else if (this.#sawMetadata) throw this.#wrong('there at most once', 'it twice')
    else this.#sawMetadata = true
  }

  #tensorName(name: string): void {
    const bytes = name.length > maxNameBytes / 3 ? Buffer.byteLength(name) : 0
    if (bytes > maxNameBytes) throw this.#limit(`a name of at most ${maxNameBytes} bytes`, `${bytes}`)
    if (this.records.has(name)) throw this.#wrong('there once', 'it twice', 'SAFETENSORS_DUPLICATE_TENSOR')
    if (this.records.size === maxEntries) throw this.#limit(`one of at most ${maxEntries} tensors`, 'more')
  }

  #metadataKey(key: string): void {
    this.#field = key
    if (this.metadata.has(key)) throw this.#wrong('there once', 'it twice', 'SAFETENSORS_DUPLICATE_KEY')
    if (this.metadata.size === maxEntries) throw this.#limit(`one of at most ${maxEntries} entries`, 'more')
  }

  #fieldKey(key: string): void {
    this.#field = key
    if (this.#fields.has(key)) throw this.#wrong('there once', 'it twice')
    if (this.#fields.size === maxEntries) throw this.#limit(`one of at most ${maxEntries} fields`, 'more')
    this.#fields.add(key)
  }

  #literal(value: unknown, offset: number, length: number): void {
    if (typeof value === 'string') this.#checkText(value, offset)
    if (this.#depth === 0) throw this.#wrong('one JSON object', describe(value))
    if (this.#depth === 1) this.#entryValue(value)
    if (this.#depth === 2 && this.#inMetadata()) this.#metadataValue(value)
    else if (this.#depth === 2) this.#fieldValue(value)
    if (this.#depth === 3 && this.#inList()) this.#listItem(this.#text.slice(offset, offset + length))
  }

  #entryValue(value: unknown): void {
    if (this.#inMetadata() && value === null) return
    throw this.#wrong(this.#wantedEntry(), describe(value))
  }

  #wantedEntry(): string {
    return this.#inMetadata() ? 'an object of strings, or null' : wantedRecord
  }

  #metadataValue(value: unknown): void {
    if (typeof value !== 'string') throw this.#wrong('a string', describe(value))
    this.metadata.set(this.#field!, value)
  }

  #fieldValue(value: unknown): void {
    if (this.#inList()) throw this.#wrong(wantedList, describe(value))
    if (this.#field !== 'dtype') return
    if (!isDtype(value)) throw this.#wrong(`one of ${dtypes.join(', ')}`, sayDtype(value))
    this.#dtype = value
  }

  #listItem(digits: string): void {
    const whole = readWhole(digits)
    if (whole === undefined) throw this.#wrong(wantedList, describe(digits))
    const list = this.#field === 'shape' ? this.#shape : this.#offsets
    list.push(whole)
    if (this.#shape.length > maxRank) throw this.#limit(`of at most ${maxRank} sizes`, 'more')
    if (this.#offsets.length > 2) throw this.#wrong('two offsets', 'more')
  }

  #inMetadata(): boolean {
    return this.#name === '__metadata__'
  }

  #inList(): boolean {
    return !this.#inMetadata() && (this.#field === 'shape' || this.#field === 'data_offsets')
  }

  #checkText(text: string, offset: number): void {
    if (!isWellFormed(text)) throw this.#wrong('free of lone surrogates', `one ${this.#at(offset)}`)
  }

  /** Says no tensor: the last one seen need not be where it went wrong. */
  #notJson(got: string): TwofourError {
    const place = { file: this.#file, field: 'header' }
    return refusal('SAFETENSORS_INVALID_HEADER_DESERIALIZATION', place, 'strict JSON', got)
  }

  #limit(wanted: string, got: string): TwofourError {
    return this.#wrong(wanted, got, 'SAFETENSORS_LIMIT_EXCEEDED')
  }

  #wrong(
    wanted: string,
    got: string,
    code: ErrorCode = 'SAFETENSORS_INVALID_HEADER_DESERIALIZATION',
  ): TwofourError {
    return refusal(code, { file: this.#file, tensor: this.#name, field: this.#field }, wanted, got)
  }

  #at(offset: number): string {
    return `at character ${this.#start + offset} of the header`
  }
}

function sayDtype(value: unknown): string {
  const miss = typeof value === 'string' && value.length < 20 ? nearMiss(value, dtypes) : ''
  return miss === '' ? describe(value) : `${describe(value)}.${miss.slice(0, -1)}`
}
