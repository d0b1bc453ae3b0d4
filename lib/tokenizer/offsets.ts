/** How one tokenizer's tokens look, as far as finding them back in a text needs. */
export type Surface = {
  /** One piece of text as the tokenizer sees it: normalised and, for byte-level tokenizers, in byte letters. */
  see: (piece: string) => string
  /** Takes a token for what it shows of the text: without `##`, `▁` or `Ġ`. */
  show: (token: string) => string
  /** Blanks in what `see` returns. They match nothing. */
  blank: RegExp
  /** Whether a token stands for text that the vocabulary lacks. */
  isUnknown: (token: string) => boolean
  /** Whether such a token stands for a whole word or punctuation mark (WordPiece), or else for one character. */
  unknownIsWord: boolean
}

/** A token's place: UTF-16 indices in the text, `begin` included, `end` not. */
export type Span = { begin: number; end: number }

/**
 * Where each token stands in the text, which the library does not say. The text is walked once beside the tokens:
 * it is normalised piece by piece (a character with its combining marks), so that every normalised character knows
 * its source, and each token must continue where the one before it ended, blanks aside. A token that does not
 * (a normaliser that looks beyond a piece) is searched for a little further on, else it gets an empty span and
 * the walk goes on from there. Spans leave out surrounding blanks. Linear in the text's length.
 */
export function align(tokens: readonly string[], text: string, surface: Surface): Span[] {
  const seen = see(text, surface)
  const spans: Span[] = []
  let at = 0
  for (const token of tokens) {
    const end = findEnd(token, seen, at, surface)
    const begin = end.from
    spans.push(
      end.to > begin
        ? { begin: seen.begins[begin]!, end: seen.ends[end.to - 1]! }
        : { begin: seen.begins[at] ?? text.length, end: seen.begins[at] ?? text.length },
    )
    at = Math.max(at, end.to)
  }
  return spans
}

/** What is seen of a text, blanks left out: for each UTF-16 unit its source, and whether a blank stood before it. */
type Seen = { text: string; begins: number[]; ends: number[]; afterBlank: boolean[] }

function see(text: string, { see, blank }: Surface): Seen {
  const known = new Map<string, string>()
  const lookUp = (piece: string): string => {
    const found = known.get(piece) ?? see(piece)
    known.set(piece, found)
    return found
  }

  const out: Seen = { text: '', begins: [], ends: [], afterBlank: [] }
  const parts: string[] = []
  let gap = true
  const add = (piece: string, begin: number): void => {
    for (const character of lookUp(piece)) {
      if (blank.test(character)) {
        gap = true
        continue
      }
      parts.push(character)
      for (let unit = 0; unit < character.length; unit++) {
        out.begins.push(begin)
        out.ends.push(begin + piece.length)
        out.afterBlank.push(gap)
        gap = false
      }
    }
  }
  for (const { 0: cluster, index } of text.matchAll(/\P{M}\p{M}*|\p{M}+/gsu)) {
    const characters = [...cluster]
    const apart = characters.length > 1 && characters.map(lookUp).join('') === lookUp(cluster)
    let begin = index
    for (const piece of apart ? characters : [cluster]) {
      add(piece, begin)
      begin += piece.length
    }
  }
  return { ...out, text: parts.join('') }
}

/** How far on a token is looked for that does not stand where it should. */
const reach = 256

function findEnd(token: string, seen: Seen, at: number, surface: Surface): { from: number; to: number } {
  const shown = surface.show(token)
  if (seen.text.startsWith(shown, at)) return { from: at, to: at + shown.length }
  if (surface.isUnknown(token)) return { from: at, to: endOfUnknown(seen, at, surface.unknownIsWord) }
  const found = seen.text.slice(at, at + reach + shown.length).indexOf(shown)
  return found < 0 ? { from: at, to: at } : { from: at + found, to: at + found + shown.length }
}

const mark = /[\p{P}!-/:-@[-`{-~]/u

function endOfUnknown(seen: Seen, at: number, word: boolean): number {
  let end = at
  while (end < seen.text.length) {
    const character = String.fromCodePoint(seen.text.codePointAt(end)!)
    if (end > at && (!word || seen.afterBlank[end] || mark.test(character))) break
    end += character.length
    if (word && mark.test(character)) break
  }
  return end
}
