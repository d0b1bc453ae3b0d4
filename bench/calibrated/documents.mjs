// Figures that a program writes into a document.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Puts `text` between `<!-- mark -->` and `<!-- /mark -->` of a document, named from the root. */
export function writeBetween(name, mark, text) {
  const file = join(import.meta.dirname, '..', '..', name)
  const [open, close] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`]
  const [before, rest] = readFileSync(file, 'utf8').split(open)
  const after = rest?.split(close)[1]
  if (after === undefined) throw new Error(`${name} has no ${open} … ${close}.`)
  writeFileSync(file, `${before}${open}\n\n${text.trimEnd()}\n\n${close}${after}`)
}
