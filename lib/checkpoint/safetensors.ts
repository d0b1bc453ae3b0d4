import type { Stats } from 'node:fs'
import { checkKeys, checkSignal, checkString, expected } from '../check.js'
import { type ErrorCode, TwofourError } from '../errors.js'
import { changed, readRange, withFile } from './file-range.js'
import { findLookalike } from './lookalikes.js'
import {
  type Header,
  lengthBytes,
  parseHeader,
  parseHeaderLength,
  type TensorEntry,
} from './safetensors-header.js'

export type { Dtype } from './dtypes.js'
export type { TensorEntry } from './safetensors-header.js'

export type SafetensorsOptions = {
  /** Rejects with its reason. */
  readonly signal?: AbortSignal
}

/** Enough of a file to see what it is when it is no safetensors file. */
const firstBytes = 512

/** An opened safetensors file: its checked header. The file itself is closed again, and never mapped. Immutable. */
export class Safetensors {
  readonly file: string
  /** Name → dtype, shape and range in the data section, in the order of the header. */
  readonly tensors: ReadonlyMap<string, TensorEntry>
  readonly metadata: ReadonlyMap<string, string>
  /** Bytes of the file. */
  readonly size: number
  /** Bytes of the header's JSON, without the 8 of its length. */
  readonly headerBytes: number
  /** Absolute offset of the data section, from which `begin` and `end` count. */
  readonly dataOffset: number
  /** With `size` and `ino`, the identity of what was read: a file that differs was changed since. */
  readonly mtimeMs: number
  readonly ino: number

  private constructor(file: string, header: Header, headerBytes: number, { size, mtimeMs, ino }: Stats) {
    this.file = file
    this.tensors = header.tensors
    this.metadata = header.metadata
    this.size = size
    this.headerBytes = headerBytes
    this.dataOffset = lengthBytes + headerBytes
    this.mtimeMs = mtimeMs
    this.ino = ino
  }

  /**
   * Reads and checks the header of a file; strict, and no tensor's bytes are touched.
   * @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, FILE_CHANGED, or a SAFETENSORS_ code
   */
  static async open(file: string, options: SafetensorsOptions = {}): Promise<Safetensors> {
    checkString('file', file)
    checkKeys('options', options, ['signal'])
    const signal = checkSignal(options.signal)

    return withFile(file, async (handle, stats) => {
      const first = await readRange(handle, file, 0, Math.min(firstBytes, stats.size), signal)
      try {
        const headerBytes = parseHeaderLength(first.subarray(0, lengthBytes), stats.size, file)
        const bytes = await readRange(handle, file, lengthBytes, headerBytes, signal)
        return new Safetensors(file, parseHeader(bytes, stats.size, file), headerBytes, stats)
      } catch (error) {
        throw nameLookalike(error, first, file)
      }
    })
  }

  /**
   * The bytes of one tensor, copied into memory of their own.
   * @throws RangeError when there is no such tensor; TwofourError FILE_CHANGED when the file is no longer the one
   *   that was opened, OUT_OF_MEMORY, FILE_NOT_FOUND or FILE_UNREADABLE
   */
  async read(name: string, options: SafetensorsOptions = {}): Promise<Uint8Array> {
    checkKeys('options', options, ['signal'])
    const signal = checkSignal(options.signal)
    const tensor = this.tensors.get(name)
    if (tensor === undefined) throw new RangeError(expected('name', `a tensor of ${this.file}`, name))

    return withFile(this.file, async (handle, stats) => {
      this.#checkSame(stats)
      const { begin, end } = tensor
      return readRange(handle, this.file, this.dataOffset + begin, end - begin, signal)
    })
  }

  /** @throws TwofourError FILE_CHANGED when the file is no longer the one that was opened; or FILE_NOT_FOUND */
  async checkUnchanged(): Promise<void> {
    await withFile(this.file, async (_, stats) => this.#checkSame(stats))
  }

  #checkSame({ size, mtimeMs, ino }: Stats): void {
    if (size !== this.size || mtimeMs !== this.mtimeMs || ino !== this.ino) throw changed(this.file)
  }
}

/** The same refusal, in words that say what the file is where its first bytes tell. */
function nameLookalike(error: unknown, first: Uint8Array, file: string): unknown {
  if (!(error instanceof TwofourError) || !textCodes.includes(error.code)) return error
  const like = findLookalike(first)
  if (like === undefined) return error
  const message = `Expected \`${file}\` to be a safetensors file, got ${like.what}. ${like.fix}`
  return new TwofourError(
    error.code,
    message,
    { ...error.facts, file, lookalike: like.what },
    { cause: error },
  )
}

const textCodes: readonly ErrorCode[] = [
  'SAFETENSORS_HEADER_TOO_SMALL',
  'SAFETENSORS_HEADER_TOO_LARGE',
  'SAFETENSORS_INVALID_HEADER_LENGTH',
  'SAFETENSORS_INVALID_HEADER',
  'SAFETENSORS_INVALID_HEADER_DESERIALIZATION',
]
