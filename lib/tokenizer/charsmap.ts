/**
 * The normaliser of SentencePiece's tokenizers (XLM-RoBERTa, ALBERT, DeBERTa): a table in the file says what each
 * character becomes. The library guesses at the usual table (Unicode's NFKC and a few blanks); this reads it.
 *
 * The form, in base64: the trie's size in bytes (u32, little endian), the trie, and replacements that end with NUL.
 * The trie is a double array of u32, as Darts-clone lays it out: from a unit, the unit of the next byte stands at
 * (position xor offset) xor byte, and a unit with a leaf has its value, a place in the replacements, at its offset.
 * @throws Error when it is cut short
 */
export function readCharsmap(base64: string): (text: string) => string {
  const bytes = Buffer.from(base64, 'base64')
  const size = bytes.length < 4 ? Number.NaN : bytes.readUInt32LE(0)
  if (!(size % 4 === 0 && size <= bytes.length - 4)) throw new Error('`precompiled_charsmap` is cut short')
  const units = Uint32Array.from({ length: size / 4 }, (_, index) => bytes.readUInt32LE(4 + 4 * index))
  const replacements = bytes.subarray(4 + size)

  const known = new Map<string, string | undefined>()
  const replace = (piece: string): string | undefined => {
    if (known.has(piece)) return known.get(piece)
    const found = readReplacement(replacements, findFirst(units, Buffer.from(piece)))
    // Most texts are of few characters; clusters of several are without number.
    if (known.size < 65_536) known.set(piece, found)
    return found
  }
  return (text) =>
    text.replace(runs, (run, ascii?: string) =>
      ascii === undefined ? clusters(run, replace) : each(run, replace),
    )
}

/** Printable ASCII is its own cluster where no mark follows it; looking for clusters is slow. */
const runs = /([ -~]+(?=[ -~]|$))|(?:(?![ -~]{2}|[ -~]$).)+/gsu
const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })

/**
 * As the reference does it (`Precompiled` in Hugging Face tokenizers): a cluster below 6 bytes is looked up whole,
 * and where only its beginning is found, all of it is replaced; else its characters are looked up one by one.
 */
function clusters(text: string, replace: (piece: string) => string | undefined): string {
  let out = ''
  for (const segment of segments(text)) {
    const whole = segment.length < 6 && Buffer.byteLength(segment) < 6 ? replace(segment) : undefined
    out += whole ?? each(segment, replace)
  }
  return out
}

/** Clusters by windows: V8's segmenter takes time by the square of what it is given. */
function* segments(text: string): Generator<string> {
  let size = 256
  for (let at = 0; at < text.length; ) {
    const window = wholeCharacters(text, at, size)
    const found = Array.from(segmenter.segment(window), ({ segment }) => segment)
    // The window may have cut the last one. Where that is the only one, a longer window shows its end.
    if (at + window.length < text.length) found.pop()
    yield* found
    at += found.reduce((sum, segment) => sum + segment.length, 0)
    size = found.length === 0 ? 2 * size : 256
  }
}

/** Half a character at the end would hide a mark that belongs to what stands before it. */
function wholeCharacters(text: string, begin: number, size: number): string {
  const end = begin + size
  const inside = /[\ud800-\udbff]/.test(text[end - 1] ?? '') && /[\udc00-\udfff]/.test(text[end] ?? '')
  return text.slice(begin, inside ? end + 1 : end)
}

function each(text: string, replace: (piece: string) => string | undefined): string {
  let out = ''
  for (const character of text) out += replace(character) ?? character
  return out
}

/** The value of the shortest key that `piece` begins with. */
function findFirst(units: Uint32Array, piece: Uint8Array): number | undefined {
  let at = offsetOf(units[0])
  for (const byte of piece) {
    if (byte === 0) return undefined
    at ^= byte
    const unit = units[at]
    if (unit === undefined || (unit & 0x800000ff) !== byte) return undefined
    at ^= offsetOf(unit)
    if ((unit & 0x100) !== 0) return (units[at] ?? 0) & 0x7fffffff
  }
  return undefined
}

function offsetOf(unit = 0): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6)
}

function readReplacement(replacements: Buffer, begin: number | undefined): string | undefined {
  if (begin === undefined) return undefined
  const end = replacements.indexOf(0, begin)
  return replacements.toString('utf8', begin, end < 0 ? replacements.length : end)
}
