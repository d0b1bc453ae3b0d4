import { closest, distance } from 'fastest-levenshtein'

/** " Did you mean `x`?" where one of `names` is near what was written, else "". */
export function nearMiss(written: string, names: readonly string[]): string {
  if (names.length === 0) return ''
  const near = closest(written.toLowerCase(), names)
  const furthest = Math.max(2, written.length / 3)
  return distance(written.toLowerCase(), near) <= furthest ? ` Did you mean \`${near}\`?` : ''
}
