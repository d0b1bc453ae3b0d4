/** Turns indices of code points in `text` into UTF-16 indices. Half of a surrogate pair is a code point of its own. */
export function codePointsToUtf16(text: string): (index: number) => number {
  if (!/[\ud800-\udbff][\udc00-\udfff]/.test(text)) return (index) => index
  const begins: number[] = []
  let at = 0
  for (const character of text) {
    begins.push(at)
    at += character.length
  }
  begins.push(at)
  return (index) => begins[index] ?? at
}
