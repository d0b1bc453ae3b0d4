import type { FolderReport } from '../index.js'
import { alignedTable } from './table.js'

/** A key that changed nothing; `value` is that of config.json. */
export type KeyIgnored = {
  readonly file: string
  readonly key: string
  readonly value?: unknown
  readonly reason: string
}

/** The files that were read with their keys, the keys that changed nothing, and the other files. */
export function folderText({ reads, ignored }: FolderReport, ignoredKeys: readonly KeyIgnored[]): string {
  const keys = reads.flatMap(({ file, keys: each }) =>
    each.length === 0
      ? [[file, '', '', '']]
      : each.map(({ key, value, effect }) => [file, key, short(value), effect]),
  )
  const parts = [alignedTable(['read', 'key', 'value', 'decides'], keys)]
  if (ignoredKeys.length > 0) {
    const rows = ignoredKeys.map(({ file, key, value, reason }) => [
      oneLine(`${file}: ${key}`),
      value === undefined ? '' : short(value),
      reason,
    ])
    parts.push(alignedTable(['ignored key', 'value', 'since'], rows))
  }
  if (ignored.length > 0) {
    const rows = ignored.map(({ file, reason }) => [oneLine(file), reason])
    parts.push(alignedTable(['ignored file', 'since'], rows))
  }
  return parts.join('\n\n')
}

function short(value: unknown): string {
  const text = oneLine(JSON.stringify(value) ?? `${value}`)
  return text.length > 40 ? `${text.slice(0, 39)}…` : text
}

/** A name from a file must not move the cursor. */
function oneLine(text: string): string {
  return text.replace(/\p{C}/gu, (character) => JSON.stringify(character).slice(1, -1))
}
