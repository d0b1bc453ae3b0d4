import { readFile } from 'node:fs/promises'
import { TwofourError } from '../errors.js'

/** A text file in memory, without a byte order mark. */
export type Source = { file: string; text: string }

/**
 * Reads a UTF-8 file whole.
 *
 * @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, or DATA_INVALID where the bytes are not UTF-8;
 * `signal.reason` when aborted.
 */
export async function readSource(file: string, signal?: AbortSignal): Promise<Source> {
  signal?.throwIfAborted()
  const bytes = await readFile(file, signal === undefined ? {} : { signal }).catch((cause: unknown) => {
    signal?.throwIfAborted()
    throw unreadable(file, cause)
  })

  try {
    return { file, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch (cause) {
    const message = `Expected ${file} to be UTF-8 text, got bytes that are not. Convert it, e.g. with iconv.`
    throw new TwofourError('DATA_INVALID', message, { file }, { cause })
  }
}

/** The lines of a text, LF or CRLF, without the empty ones at its end. Line 1 is `lines[0]`. */
export function linesOf(text: string): string[] {
  const lines = text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
  while (lines.at(-1) === '') lines.pop()
  return lines
}

/** Without the blanks and tabs around it. What else Unicode calls white space may be a word. */
export function trimmed(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '')
}

/** A DATA_INVALID that names the file and, where known, the line (from 1). */
export function invalid(
  file: string,
  line: number | undefined,
  sentence: string,
  facts: Record<string, unknown> = {},
): TwofourError {
  const place = line === undefined ? file : `${file}, line ${line}`
  const lineFact = line === undefined ? {} : { line }
  return new TwofourError('DATA_INVALID', `${place}: ${sentence}`, { file, ...lineFact, ...facts })
}

function unreadable(file: string, cause: unknown): TwofourError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
  return missing
    ? new TwofourError(
        'FILE_NOT_FOUND',
        `Expected a file at ${file}, found none. Check the path.`,
        { file },
        { cause },
      )
    : new TwofourError('FILE_UNREADABLE', `Could not read ${file}: ${reason}.`, { file }, { cause })
}
