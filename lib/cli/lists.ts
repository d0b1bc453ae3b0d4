import type { OptionValues } from './option-values.js'

/** `a, b` → its parts. @throws TypeError for an empty part */
export function listOption(options: OptionValues, name: string): string[] | undefined {
  const parts = options
    .text(name)
    ?.split(',')
    .map((part) => part.trim())
  if (parts?.includes('') !== true) return parts
  throw new TypeError(`Expected --${name} to be names with commas between them, got '${options.text(name)}'.`)
}

/** @throws TypeError where a part is no number */
export function numbersOption(options: OptionValues, name: string): number[] | undefined {
  return listOption(options, name)?.map((part) => {
    if (/^(\d+\.?\d*|\.\d+)$/.test(part)) return Number(part)
    throw new TypeError(`Expected --${name} to be numbers with commas between them, got '${part}'.`)
  })
}
