/** HTML or SVG that is known to be well-formed: only `markup` makes it, so text never gets in unescaped. */
export type Markup = { readonly source: string }

export type MarkupValue = string | number | Markup | readonly Markup[]

/**
 * A template whose values are escaped unless they are markup themselves. Numbers are written with at most two
 * decimals: enough for a coordinate.
 * @throws RangeError on a number that is not finite
 */
export function markup(strings: TemplateStringsArray, ...values: readonly MarkupValue[]): Markup {
  const source = strings.reduce((done, piece, index) => done + sourceOf(values[index - 1]!) + piece)
  return { source }
}

/** Text that is safe between tags and inside quoted attributes; control characters become visible. */
export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!).replace(controls, '\u{fffd}')
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
/** HTML has no way to write these; line breaks and tabs stay. */
const controls = /[^\P{Cc}\t\n\r]|\p{Cs}/gu

function sourceOf(value: MarkupValue): string {
  if (typeof value === 'string') return escapeText(value)
  if (typeof value === 'number') return numberSource(value)
  return 'source' in value ? value.source : value.map(({ source }) => source).join('')
}

function numberSource(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`Expected a finite number in markup, got ${value}.`)
  return String(Math.round(value * 100) / 100)
}
