// Random prunings on the same examples: each is as good as its seed has it, and none is better by rule.
import { classification } from '../../lib/evaluation/classification.ts'
import { maskedLm } from '../../lib/evaluation/masked-lm.ts'
import { similarity } from '../../lib/evaluation/similarity.ts'
import type { Outcomes } from '../../lib/evaluation/task.ts'
import type { Evaluated } from '../../lib/study/beside-random.ts'
import { type Draw, times } from './draws.ts'

/** `spread`: of the seeds, as the case's own scale has it; 0 leaves the noise of the examples alone. */
export type NullCase = {
  readonly metric: string
  readonly population: string
  readonly prunings: (draw: Draw, n: number, count: number) => Evaluated[]
}

/** An example is right where what all see of it, the seed's quality and noise together are above 0. */
function classifiersCase(mean: number, spread: number): NullCase {
  return {
    ...{ metric: 'accuracy', population: `probit mean ${mean}, seeds ± ${spread}` },
    prunings: (draw, n, count) => {
      const seen = times(n, () => draw.normal())
      return times(count, () => {
        const quality = mean + spread * draw.normal()
        const right = seen.map((each) => Number(each + quality + 0.5 * draw.normal() > 0))
        return evaluationOf(
          classification(
            right,
            right.map(() => 1),
            ['no', 'yes'],
          ),
        )
      })
    },
  }
}

/** What all see of a pair, and noise of the seed's own, lognormally spread. */
function rankersCase(noise: number, spread: number): NullCase {
  return {
    ...{ metric: 'spearman', population: `noise ${noise}, seeds × e^±${spread}` },
    prunings: (draw, n, count) => {
      const gold = times(n, () => draw.normal())
      const seen = gold.map((x) => 0.85 * x + 0.5 * draw.normal())
      return times(count, () => {
        const own = noise * Math.exp(spread * draw.normal())
        return evaluationOf(
          similarity(
            seen.map((x) => x + own * draw.normal()),
            gold,
          ),
        )
      })
    },
  }
}

/** Texts whose likelihood falls by the seed's factor, lognormally spread. */
function languageModelsCase(spread: number): NullCase {
  return {
    ...{ metric: 'pseudo-perplexity', population: `seeds × e^±${spread} nats` },
    prunings: (draw, n, count) => {
      const tokens = times(n, () => draw.whole(5, 40))
      const nats = tokens.map((of) => of * 2 * Math.exp(0.4 * draw.normal()))
      return times(count, () => {
        const factor = Math.exp(spread * draw.normal())
        return evaluationOf(
          maskedLm(
            nats.map((sum) => sum * factor * Math.exp(0.1 * draw.normal())),
            tokens,
          ),
        )
      })
    },
  }
}

function evaluationOf(outcomes: Outcomes): Evaluated {
  const { metric, metrics, n } = outcomes
  return { metric, value: metrics[metric]!, n, outcomes }
}

export const nullCases: readonly NullCase[] = [
  ...[0, 0.05, 0.3].map((spread) => classifiersCase(1, spread)),
  classifiersCase(2, 0.5),
  ...[0, 0.1, 0.5].map((spread) => rankersCase(0.5, spread)),
  ...[0.02, 0.3].map(languageModelsCase),
]
