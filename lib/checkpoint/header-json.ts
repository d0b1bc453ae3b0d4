import { visit } from 'jsonc-parser'
import { checkRuns, trimBlanks } from './header-limits.js'
import { HeaderReader, type HeaderRecord } from './header-reader.js'
import { refusal } from './header-refusal.js'

export type HeaderJson = {
  /** In the order of the header. */
  readonly records: ReadonlyMap<string, HeaderRecord>
  readonly metadata: ReadonlyMap<string, string>
}

/**
 * Reads the header's JSON into records. Stricter than JSON needs to be: no key twice, no lone surrogates, numbers
 * of shapes and offsets as plain digits up to 2^64 − 1.
 * @throws TwofourError SAFETENSORS_INVALID_HEADER, SAFETENSORS_INVALID_HEADER_DESERIALIZATION,
 *   SAFETENSORS_DUPLICATE_TENSOR, SAFETENSORS_DUPLICATE_KEY or SAFETENSORS_LIMIT_EXCEEDED: the first one met
 */
export function readHeaderJson(header: Uint8Array, file: string): HeaderJson {
  const { bytes, start } = trimBlanks(header)
  const text = decode(bytes, file)
  checkRuns(bytes, file)

  const reader = new HeaderReader(text, start, file)
  visit(text, reader.visitor(), {
    disallowComments: true,
    allowTrailingComma: false,
    allowEmptyContent: false,
  })
  return reader
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    const place = { file, field: 'header' }
    throw refusal('SAFETENSORS_INVALID_HEADER', place, 'well-formed UTF-8', 'bytes that are not')
  }
}
