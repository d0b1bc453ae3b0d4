import { compare } from '../../lib/evaluation/compare.ts'
import { summarise } from '../../lib/evaluation/summarise.ts'
import { besideRandom } from '../../lib/study/beside-random.ts'
import { drawFrom } from './draws.ts'
import type { NullCase } from './null-cases.ts'
import type { PairedCase } from './paired-cases.ts'
import type { SingleCase } from './single-cases.ts'

export type Coverage = { readonly covered: number; readonly width: number; readonly empty: number }

/** How often intervals hold the truth, how wide they are, and how many have no width, by metric. */
export function coverageOf(
  { truths, outcomes }: SingleCase,
  n: number,
  runs: number,
  seed: number,
  resamples = 400,
): Record<string, Coverage> {
  const draw = drawFrom(seed)
  const counts = Object.keys(truths).map((metric) => ({ metric, covered: 0, width: 0, empty: 0 }))
  for (let run = 0; run < runs; run++) {
    const { intervals } = summarise(outcomes(draw, n), { resamples, seed: run })
    for (const count of counts) {
      const [low, high] = intervals[count.metric]!.interval
      if (holds([low, high], truths[count.metric]!)) count.covered += 1
      if (low === high) count.empty += 1
      count.width += high - low
    }
  }
  return Object.fromEntries(
    counts.map(({ metric, covered, width, empty }) => [
      metric,
      { covered: covered / runs, width: width / runs, empty },
    ]),
  )
}

function holds([low, high]: readonly [number, number], truth: number): boolean {
  return low <= truth + 1e-9 && truth - 1e-9 <= high
}

/** Of differences; `apart`: how often interval and p-value say different things of no difference. */
export type PairedCoverage = Coverage & { readonly significant: number; readonly apart: number }

export function pairedCoverageOf(one: PairedCase, n: number, runs: number, seed: number): PairedCoverage {
  const draw = drawFrom(seed)
  let [covered, width, empty, significant, apart] = [0, 0, 0, 0, 0]
  for (let run = 0; run < runs; run++) {
    const { interval, pValue } = compare(...one.outcomes(draw, n))
    const [low, high] = interval
    if (holds(interval, one.truth)) covered += 1
    if (low === high) empty += 1
    if (pValue < 0.05) significant += 1
    if (pValue < 0.05 !== (low > 0 || high < 0)) apart += 1
    width += high - low
  }
  return {
    ...{ covered: covered / runs, width: width / runs, empty },
    ...{ significant: significant / runs, apart: apart / runs },
  }
}

/** How often one more random pruning is called better, or worse, than random. */
export function nullVerdicts(one: NullCase, n: number, seeds: number, runs: number, seed: number) {
  const draw = drawFrom(seed)
  const verdicts = { better: 0, worse: 0, undecided: 0 }
  for (let run = 0; run < runs; run++) {
    const [order, ...random] = one.prunings(draw, n, seeds + 1)
    verdicts[besideRandom(order!, random).verdict] += 1
  }
  return { better: verdicts.better / runs, worse: verdicts.worse / runs }
}
