// Two models on the same examples, drawn so that the true difference of their metric is known.
import { classification } from '../../lib/evaluation/classification.ts'
import { maskedLm } from '../../lib/evaluation/masked-lm.ts'
import { questionAnswering } from '../../lib/evaluation/question-answering.ts'
import { similarity } from '../../lib/evaluation/similarity.ts'
import type { Outcomes } from '../../lib/evaluation/task.ts'
import { tokenClassification } from '../../lib/evaluation/token-classification.ts'
import { type Draw, times } from './draws.ts'

export type PairedCase = {
  readonly metric: string
  readonly population: string
  readonly truth: number
  readonly outcomes: (draw: Draw, n: number) => [Outcomes, Outcomes]
}

/** Both right with the chance that is left when one alone or none is. */
function classifiersCase(onlyFirst: number, onlySecond: number, none: number): PairedCase {
  return {
    metric: 'accuracy',
    population: `only one right ${onlyFirst} and ${onlySecond}, none ${none}`,
    truth: onlyFirst - onlySecond,
    outcomes: (draw, n) => {
      const places = times(n, () => draw.uniform())
      const both = 1 - onlyFirst - onlySecond - none
      const right = (alone: (place: number) => boolean) =>
        classification(
          places.map((place) => Number(place < both || alone(place))),
          places.map(() => 1),
          ['no', 'yes'],
        )
      return [
        right((place) => place < both + onlyFirst),
        right((place) => place >= both + onlyFirst && place < both + onlyFirst + onlySecond),
      ]
    },
  }
}

/** Each word differs with a chance of its sentence's own; half of those that differ are the first's, or all of them. */
function taggersCase(differing: number, onesided: boolean): PairedCase {
  const firsts = onesided ? 1 : 0.5
  return {
    metric: 'token accuracy',
    population: `words that differ ${differing}, ${onesided ? 'all' : 'half'} right in the first`,
    truth: differing * (2 * firsts - 1),
    outcomes: (draw, n) => {
      const gold = times(n, () => times(draw.whole(4, 20), () => 'X'))
      const first = gold.map((words) => words.map(() => (draw.chance(0.9) ? 'X' : 'Y')))
      const second = first.map((words) => [...words])
      for (const [i, words] of gold.entries()) {
        const chance = draw.beta(differing * 9, (1 - differing) * 9)
        for (const k of words.keys()) {
          if (!draw.chance(chance)) continue
          const better = draw.chance(firsts)
          first[i]![k] = better ? 'X' : 'Y'
          second[i]![k] = better ? 'Y' : 'X'
        }
      }
      return [tokenClassification(first, gold), tokenClassification(second, gold)]
    },
  }
}

/** Answers of ten words: the second loses up to nine of them with that chance, the first as often by `equal`. */
function answersCase(losing: number, equal: boolean): PairedCase {
  const answer = 'b c d e f g h i j k'.split(' ')
  return {
    metric: 'QA F1',
    population: `answers that lose words ${losing}, ${equal ? 'of either' : 'of the second'}`,
    truth: equal ? 0 : 100 * losing * 0.5,
    outcomes: (draw, n) => {
      const answered = (chance: number) =>
        times(n, () => {
          const lost = draw.chance(chance) ? draw.whole(1, 9) : 0
          return [...answer.slice(lost), ...times(lost, () => 'z')].join(' ')
        })
      const gold = times(n, () => [answer.join(' ')])
      return [
        questionAnswering(answered(equal ? losing : 0), gold),
        questionAnswering(answered(losing), gold),
      ]
    },
  }
}

/** The second's likelihoods are the first's times `factor` and a lognormal of that spread, text by text. */
function languageModelsCase(factor: number, spread: number): PairedCase {
  return {
    metric: 'pseudo-perplexity',
    population: `${factor} times the nats, lognormal ${spread}`,
    truth: Math.exp(2) - Math.exp(2 * factor),
    outcomes: (draw, n) => {
      const tokens = times(n, () => draw.whole(5, 40))
      const sums = tokens.map((count) => count * 2 * Math.exp(0.4 * draw.normal() - 0.08))
      const others = sums.map(
        (sum) => sum * factor * Math.exp(spread * draw.normal() - (spread * spread) / 2),
      )
      return [maskedLm(sums, tokens), maskedLm(others, tokens)]
    },
  }
}

/** Both see normal pairs of that correlation, each with noise of its own, of which the second has `more`. */
function rankersCase(correlation: number, noise: number, more: number): PairedCase {
  const truthOf = (own: number) => (6 / Math.PI) * Math.asin(correlation / Math.sqrt(1 + own * own) / 2)
  return {
    metric: 'spearman',
    population: `ρ ${correlation}, noise ${noise} and ${more} of its own`,
    truth: truthOf(noise) - truthOf(more),
    outcomes: (draw, n) => {
      const gold = times(n, () => draw.normal())
      const seen = gold.map((x) => correlation * x + Math.sqrt(1 - correlation ** 2) * draw.normal())
      const noisy = (own: number) =>
        similarity(
          seen.map((x) => x + own * draw.normal()),
          gold,
        )
      return [noisy(noise), noisy(more)]
    },
  }
}

/** Both see the same, but of a tenth of the pairs the second sees little: noise of one and a half besides. */
function brokenCase(correlation: number): PairedCase {
  const [share, noise] = [0.1, 1.5]
  const parts = [
    { weight: 1 - share, variance: 1 },
    { weight: share, variance: 1 + noise * noise },
  ]
  // Of a mixture of normal pairs, over every two parts: the arc sine of the correlation of differences.
  const mixed = parts.flatMap((a) =>
    parts.map((b) => a.weight * b.weight * Math.asin(correlation / Math.sqrt(2 * (a.variance + b.variance)))),
  )
  const second = (6 / Math.PI) * mixed.reduce((sum, part) => sum + part, 0)
  return {
    metric: 'spearman',
    population: `ρ ${correlation}, the second broken on a tenth of the pairs`,
    truth: (6 / Math.PI) * Math.asin(correlation / 2) - second,
    outcomes: (draw, n) => {
      const gold = times(n, () => draw.normal())
      const seen = gold.map((x) => correlation * x + Math.sqrt(1 - correlation ** 2) * draw.normal())
      const broken = seen.map((x) => (draw.chance(share) ? x + noise * draw.normal() : x))
      return [similarity(seen, gold), similarity(broken, gold)]
    },
  }
}

export const pairedCases: readonly PairedCase[] = [
  classifiersCase(0.05, 0.05, 0.2),
  classifiersCase(0.01, 0.01, 0.05),
  classifiersCase(0.15, 0.05, 0.2),
  classifiersCase(0.02, 0, 0.05),
  classifiersCase(0, 0.001, 0),
  taggersCase(0.1, false),
  taggersCase(0.02, true),
  answersCase(0.3, true),
  answersCase(0.1, false),
  languageModelsCase(1, 0.1),
  languageModelsCase(1.1, 0.2),
  ...[
    [0.8, 0.1, 0.1],
    [0.8, 0.1, 0.5],
    [0.95, 0.02, 0.1],
    [0.98, 0.02, 0.02],
  ].map(([correlation, noise, more]) => rankersCase(correlation!, noise!, more!)),
  brokenCase(0.8),
]
