import { visit } from 'jsonc-parser'
import { expected } from '../check.js'
import { type ErrorCode, TwofourError } from '../errors.js'
import { isJsonObject, type JsonObject } from '../json-file.js'
import { readRange, withFile } from './file-range.js'

const maxDepth = 128
/** Characters; the parser that finds errors spends some 40 bytes on each. */
const maxErrorSearch = 1 << 20

/** What a JSON file is for: the code of its refusals, and the size from which it is refused unread. */
export type JsonRole = { readonly code: ErrorCode; readonly maxBytes: number }

/**
 * Reads a file that holds one JSON object, stricter than lib/json-file.ts, because what it says decides how weights
 * are read: well-formed UTF-8, no key twice in one object, no deep nesting.
 * Keys such as `__proto__` are plain keys of the result; ask for fields with `Object.hasOwn`.
 * @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, FILE_CHANGED, or the role's code with file, line and column
 */
export async function readStrictJson(
  file: string,
  role: JsonRole,
  signal?: AbortSignal,
): Promise<JsonObject> {
  const text = await withFile(file, async (handle, { size }) => {
    if (size > role.maxBytes)
      throw refusal(file, role, `at most ${role.maxBytes} bytes long`, `${size} bytes`)
    return decode(file, role, await readRange(handle, file, 0, size, signal))
  })

  const value = parse(file, role, text)
  if (!isJsonObject(value))
    throw new TwofourError(role.code, expected(file, 'a JSON object', value), { file })
  checkKeysOnce(file, role, text)
  return value
}

function decode(file: string, role: JsonRole, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw refusal(file, role, 'well-formed UTF-8', 'bytes that are not')
  }
}

function parse(file: string, role: JsonRole, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replaceAll(/\s+/g, ' ') : String(cause)
    throw refusal(file, role, 'JSON', reason, findError(text))
  }
}

/** JSON.parse does not always say where; this does, and is only asked about what failed. */
function findError(text: string): Place | undefined {
  let offset: number | undefined
  const onError = (_code: number, at: number): void => {
    offset ??= at
  }
  try {
    const rules = { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false }
    visit(text.slice(0, maxErrorSearch), { onError }, rules)
  } catch {
    // Nested too deeply for a recursive parser: the sentence has to do without a place.
  }
  return offset === undefined ? undefined : place(text, offset)
}

/** `text` is known to be JSON: strings, braces and brackets are all there is to look at. */
function checkKeysOnce(file: string, role: JsonRole, text: string): void {
  const open: Set<string>[] = []
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (character === '{' || character === '[') open.push(new Set())
    else if (character === '}' || character === ']') open.pop()
    else if (character === '"') {
      const start = i
      i = endOfString(text, start)
      if (!isKey(text, i + 1)) continue
      const key: string = JSON.parse(text.slice(start, i + 1))
      const keys = open.at(-1)!
      if (keys.has(key)) {
        throw refusal(file, role, 'without a key twice', JSON.stringify(key), place(text, start))
      }
      keys.add(key)
    }
    if (open.length > maxDepth) throw refusal(file, role, `at most ${maxDepth} deep`, 'more', place(text, i))
  }
}

function endOfString(text: string, start: number): number {
  let end = start + 1
  while (text[end] !== '"') end += text[end] === '\\' ? 2 : 1
  return end
}

function isKey(text: string, after: number): boolean {
  let i = after
  while (text[i] === ' ' || text[i] === '\n' || text[i] === '\r' || text[i] === '\t') i++
  return text[i] === ':'
}

type Place = { readonly line: number; readonly column: number }

function place(text: string, offset: number): Place {
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: before.at(-1)!.length + 1 }
}

function refusal(file: string, role: JsonRole, wanted: string, got: string, at?: Place): TwofourError {
  const where = at === undefined ? '' : ` at line ${at.line}, column ${at.column}`
  const message = `Expected \`${file}\` to be ${wanted}, got ${got}${where}.`
  return new TwofourError(role.code, message, { file, ...at })
}
