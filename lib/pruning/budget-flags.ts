import { checkString } from '../check.js'

/** Budgets as command-line flags; which fields they become depends on the pattern. */
export type BudgetFlags = {
  /** Milliseconds of a batch. */
  readonly targetLatency?: string | undefined
  /** Shares of what heads and neurons take. */
  readonly targetOperations?: string | undefined
  readonly targetBytes?: string | undefined
  /** Tokens that operations are counted for. */
  readonly tokens?: string | undefined
  readonly keepHeads?: string | undefined
  /** Linears of a step over weights. */
  readonly leaveDense?: string | undefined
}

export const budgetFlagNames = [
  'targetLatency',
  'targetOperations',
  'targetBytes',
  'tokens',
  'keepHeads',
  'leaveDense',
] as const

type ReadNumber = (flag: string, text: string) => number

/** Fields of a step: of one over weights what stays dense, else what the model may cost. @throws TypeError */
export function budgetFields(
  flags: BudgetFlags,
  pattern: string,
  readNumber: ReadNumber,
): Record<string, unknown> {
  const given = budgetFlagNames.flatMap((name) => {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    const text = flags[name]
    return text === undefined ? [] : [[name, readNumber(flag, checkString(flag, text))] as const]
  })
  const { targetLatency, targetOperations, targetBytes, tokens, keepHeads, leaveDense } =
    Object.fromEntries(given)
  const overWeights = pattern === 'unstructured' || pattern.includes(':')
  const mixed = present({ dense: leaveDense, ...(overWeights && { milliseconds: targetLatency }) })
  const budget = present({
    operations: targetOperations,
    bytes: targetBytes,
    ...(!overWeights && { milliseconds: targetLatency }),
  })
  return {
    ...(Object.keys(mixed).length > 0 && { mixed }),
    ...(Object.keys(budget).length > 0 && { budget }),
    ...present({ tokens, heads: keepHeads }),
  }
}

function present(fields: Record<string, number | undefined>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
