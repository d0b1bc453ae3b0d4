import { readFile } from 'node:fs/promises'
import { expected } from './check.js'
import { type ErrorCode, TwofourError } from './errors.js'
import { sayDangling } from './links.js'

/** A JSON object as it came: every value still to be checked. */
export type JsonObject = { readonly [key: string]: unknown }

/** The largest published tokenizer.json is near 40 MB; JSON.parse takes several times the file's size. */
const largestFile = 256 * 1024 * 1024

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * The text of a UTF-8 file, or `undefined` where there is no such file.
 * @param mark whether a byte order mark is part of the text
 * @throws TwofourError FILE_NOT_FOUND for a link to a file that is missing, FILE_UNREADABLE, or `code` when the file is
 *   too large or not UTF-8
 */
export async function readTextFile(
  file: string,
  code: ErrorCode,
  mark: 'drop' | 'keep' = 'drop',
): Promise<string | undefined> {
  const bytes = await readFile(file).catch(async (cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return refuseDangling(file, cause)
    throw new TwofourError('FILE_UNREADABLE', `Cannot read ${file}: ${cause.message}.`, { file }, { cause })
  })
  if (bytes === undefined) return undefined
  if (bytes.length > largestFile) {
    throw new TwofourError(
      code,
      `Expected ${file} to be at most ${largestFile} bytes, got ${bytes.length}.`,
      {
        file,
        bytes: bytes.length,
      },
    )
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: mark === 'keep' }).decode(bytes)
  } catch (cause) {
    throw new TwofourError(code, `Expected ${file} to be UTF-8 text, got other bytes.`, { file }, { cause })
  }
}

/**
 * The JSON value in a file, or `undefined` where there is no such file.
 * @throws TwofourError FILE_UNREADABLE, or `code` when the file is not JSON
 */
export async function readJsonFile(file: string, code: ErrorCode): Promise<unknown> {
  const text = await readTextFile(file, code)
  return text === undefined ? undefined : parseJson(text, file, code)
}

/** The JSON value of a file's text. @throws TwofourError `code` when it is not JSON */
export function parseJson(text: string, file: string, code: ErrorCode): unknown {
  if (text.startsWith('version https://git-lfs')) {
    throw new TwofourError(code, `${file} is a Git LFS pointer, not the file itself. Run \`git lfs pull\`.`, {
      file,
    })
  }
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new TwofourError(code, `Expected ${file} to be JSON: ${why}.`, { file }, { cause })
  }
}

/** Like `readJsonFile`, for a file that holds one object. @throws TwofourError `code` when it holds anything else */
export async function readJsonObject(file: string, code: ErrorCode): Promise<JsonObject | undefined> {
  const value = await readJsonFile(file, code)
  if (value === undefined || isJsonObject(value)) return value
  throw new TwofourError(code, expected(file, 'a JSON object', value), { file })
}

/** A link to nothing is a broken download, not an absent file. */
async function refuseDangling(file: string, cause: unknown): Promise<undefined> {
  const message = await sayDangling(file)
  if (message !== undefined) throw new TwofourError('FILE_NOT_FOUND', message, { file }, { cause })
}
