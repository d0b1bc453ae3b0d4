import { checkInteger, checkKeys, checkString, expected } from '../check.js'
import { jaccard, jaccardByChance, topIndices } from '../evaluation/metrics/jaccard.js'
import { kendall } from '../evaluation/metrics/kendall.js'
import { spearman } from '../evaluation/metrics/spearman.js'
import { checkRows, type NamedRanking } from './rankings.js'

/** Row and column by ranking. null where a ranking tells no two heads apart, so that a correlation is undefined. */
export type RankMatrix = readonly (readonly (number | null)[])[]

export type RankingComparison = {
  readonly names: readonly string[]
  /** Heads that were ranked. */
  readonly heads: number
  readonly spearman: RankMatrix
  /** Tau-b. */
  readonly kendall: RankMatrix
  /** Of the `k` heads with the highest scores; `chance`: on average, of two rankings at random. */
  readonly jaccard: readonly { readonly k: number; readonly chance: number; readonly matrix: RankMatrix }[]
}

export type CompareRankingsOptions = {
  /** How many of the highest are looked at. @default a quarter, half and three quarters of the heads */
  readonly top?: readonly number[] | undefined
}

/**
 * How far rankings of the same heads agree, each with each.
 * @throws TypeError, RangeError for fewer than two rankings, names that repeat, or other heads
 */
export function compareRankings(
  rankings: readonly NamedRanking[],
  options: CompareRankingsOptions = {},
): RankingComparison {
  if (!Array.isArray(rankings) || rankings.length < 2) {
    throw new TypeError(expected('rankings', 'a list of at least two', rankings))
  }
  checkKeys('options', options, ['top'])
  const names = checkNames(rankings)
  const scores = alignedScores(rankings)
  const heads = scores[0]!.length
  const quarters = [0.25, 0.5, 0.75].map((share) => Math.round(share * heads)).filter((k) => k > 0)
  const top = options.top ?? [...new Set(quarters)]
  const matrix = (agreement: (a: number[], b: number[]) => number): RankMatrix =>
    scores.map((a) => scores.map((b) => definedOrNull(agreement(a, b))))
  return {
    names,
    heads,
    spearman: matrix(spearman),
    kendall: matrix(kendall),
    jaccard: top.map((value, at) => {
      const k = checkInteger(`top[${at}]`, value, 1, heads)
      const agreement = (a: number[], b: number[]) => jaccard(topIndices(a, k), topIndices(b, k))
      return { k, chance: jaccardByChance(heads, k), matrix: matrix(agreement) }
    }),
  }
}

/** Every ranking's scores in the order of layers and heads. @throws RangeError where one has other heads */
function alignedScores(rankings: readonly NamedRanking[]): number[][] {
  const [first, ...others] = rankings.map(({ heads }, at) => {
    const rows = checkRows(`rankings[${at}].heads`, heads)
    return rows.toSorted((a, b) => a[0] - b[0] || a[1] - b[1])
  })
  const keys = first!.map(([layer, head]) => `${layer} ${head}`).join()
  if (keys === '') throw new RangeError(expected('rankings[0].heads', 'a list of at least one head', []))
  for (const [at, rows] of others.entries()) {
    if (rows.map(([layer, head]) => `${layer} ${head}`).join() === keys) continue
    const [name, other] = [rankings[0]!.name, rankings[at + 1]!.name]
    throw new RangeError(
      `Expected all rankings to be of the same heads, got ${first!.length} of \`${name}\` and others (${rows.length}) of \`${other}\`. Only models of the same layers and heads can be compared.`,
    )
  }
  return [first!, ...others].map((rows) => rows.map(([, , score]) => score))
}

function checkNames(rankings: readonly NamedRanking[]): string[] {
  const names = rankings.map(({ name }, at) => checkString(`rankings[${at}].name`, name))
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice === undefined) return names
  throw new RangeError(`Expected \`rankings\` to have different names, got \`${twice}\` twice.`)
}

function definedOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value
}
