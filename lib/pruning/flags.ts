import { checkKeys, checkString, expected } from '../check.js'
import { type BudgetFlags, budgetFields, budgetFlagNames } from './budget-flags.js'
import type { Recipe, RecipeStep } from './recipe-types.js'

/** One step of a recipe as command-line flags: texts, but for one that stands alone. */
export type RecipeFlags = BudgetFlags & {
  readonly pattern?: string | undefined
  readonly score?: string | undefined
  readonly update?: string | undefined
  readonly damping?: string | undefined
  readonly target?: string | undefined
  readonly reverse?: boolean | undefined
  readonly permute?: boolean | undefined
  readonly loss?: string | undefined
  readonly estimator?: string | undefined
  readonly normalise?: string | undefined
  readonly rounds?: string | undefined
  readonly by?: string | undefined
  readonly batch?: string | undefined
  readonly steps?: string | undefined
  readonly learningRate?: string | undefined
  readonly penalty?: string | undefined
  /** A JSON file. */
  readonly ranking?: string | undefined
  readonly fraction?: string | undefined
  readonly per?: string | undefined
  readonly remove?: string | undefined
  readonly minimum?: string | undefined
  /** Heads as `0:0,1,2;2:3,11`, layers as `4,5`. */
  readonly list?: string | undefined
  readonly slots?: string | undefined
  readonly layers?: string | undefined
  readonly seed?: string | undefined
}

/** Which flags there are, and how each one's text becomes a field of a step. */
const fields = {
  score: (text: string) => text,
  update: (text: string) => text,
  damping: (text: string) => (text === 'auto' ? text : readNumber('--damping', text)),
  target: (text: string) => text,
  loss: (text: string) => text,
  estimator: (text: string) => text,
  normalise: (text: string) => text,
  rounds: (text: string) => readNumber('--rounds', text),
  by: (text: string) => text,
  batch: (text: string) => readNumber('--batch', text),
  steps: (text: string) => readNumber('--steps', text),
  learningRate: (text: string) => readNumber('--learning-rate', text),
  penalty: (text: string) => readNumber('--penalty', text),
  ranking: (text: string) => text,
  fraction: (text: string) => readNumber('--fraction', text),
  per: (text: string) => text,
  remove: (text: string) => readNumber('--remove', text),
  minimum: (text: string) => readNumber('--minimum', text),
  list: (text: string, pattern: string) =>
    pattern === 'heads' ? readHeads(text) : readIndices('--list', text),
  slots: (text: string) => text.split(',').map((slot) => slot.trim()),
  layers: (text: string) => readIndices('--layers', text),
} as const

/**
 * The recipe of one step that flags spell. Whether the fields fit the pattern is checked by `prune`.
 * @throws TypeError when a text is not of its form
 */
export function recipeFromFlags(flags: RecipeFlags): Recipe {
  checkKeys('flags', flags, [
    ...['pattern', ...Object.keys(fields), 'reverse', 'permute', 'seed'],
    ...budgetFlagNames,
  ])
  const pattern = checkString('--pattern', flags.pattern)
  const step: Record<string, unknown> = { pattern }
  for (const [name, read] of Object.entries(fields)) {
    const text = flags[name as keyof typeof fields]
    if (text !== undefined) step[name] = read(checkString(`--${name}`, text), pattern)
  }
  Object.assign(step, budgetFields(flags, pattern, readNumber))
  if (flags.reverse !== undefined) step.reverse = flags.reverse
  if (flags.permute !== undefined) step.permute = flags.permute
  const seed = flags.seed === undefined ? {} : { seed: readNumber('--seed', flags.seed) }
  return { steps: [step as RecipeStep], ...seed }
}

function readNumber(flag: string, text: string): number {
  if (/^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(text)) return Number(text)
  throw new TypeError(expected(flag, 'a number', text))
}

function readIndices(flag: string, text: string): number[] {
  return text.split(',').map((part) => {
    if (/^\s*\d+\s*$/.test(part)) return Number(part)
    throw new TypeError(expected(flag, 'indices with commas between them, as 4,5', text))
  })
}

function readHeads(text: string): Record<string, number[]> {
  const list: Record<string, number[]> = {}
  for (const part of text.split(';')) {
    const [, layer, heads] = /^\s*(\d+)\s*:\s*(\d[\d,\s]*)$/.exec(part) ?? []
    if (layer === undefined || heads === undefined) {
      throw new TypeError(expected('--list', 'layers with their heads, as 0:0,1,2;2:3,11', text))
    }
    list[Number(layer)] = [...(list[Number(layer)] ?? []), ...readIndices('--list', heads)]
  }
  return list
}
