import type { OptionValues } from './option-values.js'

/** `sentence1=5,score=label` → which column lies where. @throws TypeError */
export function columnsOption(options: OptionValues, option = 'columns'): Record<string, string> | undefined {
  const text = options.text(option)
  if (text === undefined) return undefined
  const columns: Record<string, string> = {}
  for (const part of text.split(',')) {
    const at = part.indexOf('=')
    const [name, place] = [part.slice(0, at).trim(), part.slice(at + 1).trim()]
    if (at < 0 || name === '' || place === '') {
      throw new TypeError(`Expected --${option} to be pairs as sentence1=5,score=gold, got '${text}'.`)
    }
    columns[name] = place
  }
  return columns
}
