// What one model does on examples, drawn so that the true value of its metric is known.
import { classification } from '../../lib/evaluation/classification.ts'
import { maskedLm } from '../../lib/evaluation/masked-lm.ts'
import { questionAnswering } from '../../lib/evaluation/question-answering.ts'
import { similarity } from '../../lib/evaluation/similarity.ts'
import type { Outcomes } from '../../lib/evaluation/task.ts'
import { tokenClassification } from '../../lib/evaluation/token-classification.ts'
import { type Draw, times } from './draws.ts'

/** A population, and what metrics, by their names in the results, come to there. */
export type SingleCase = {
  readonly population: string
  readonly truths: Readonly<Record<string, number>>
  readonly outcomes: (draw: Draw, n: number) => Outcomes
}

const yesNo = ['no', 'yes']

function accuracyCase(truth: number): SingleCase {
  return {
    ...{ population: `right ${truth}`, truths: { accuracy: truth } },
    outcomes: (draw, n) => {
      const right = times(n, () => Number(draw.chance(truth)))
      return classification(
        right,
        right.map(() => 1),
        yesNo,
      )
    },
  }
}

/** Labels that are `balanced` or rare, right with one chance, wrong ones equally likely. */
function confused(labels: number, right: number, shares: readonly number[]) {
  return (draw: Draw, n: number): Outcomes => {
    const gold = times(n, () => {
      let [label, rest] = [0, draw.uniform()]
      while (label < labels - 1 && rest >= shares[label]!) rest -= shares[label++]!
      return label
    })
    const predicted = gold.map((label) =>
      draw.chance(right) ? label : (label + draw.whole(1, labels - 1)) % labels,
    )
    return classification(
      predicted,
      gold,
      times(labels, (label) => `label ${label}`),
    )
  }
}

/** F1 and Matthews's correlation of a population, from its shares of gold and predicted labels. */
function confusionTruth(labels: number, right: number, shares: readonly number[]) {
  const wrong = (1 - right) / (labels - 1)
  const predicted = shares.map((share) => share * right + (1 - share) * wrong)
  const f1s = shares.map((share, label) => (2 * share * right) / (share + predicted[label]!))
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  const together = right - sum(shares.map((share, label) => share * predicted[label]!))
  const spread = (values: readonly number[]) => Math.sqrt(1 - sum(values.map((value) => value * value)))
  return {
    f1: f1s[1]!,
    macro_f1: sum(f1s) / labels,
    matthews: together / spread(shares) / spread(predicted),
  }
}

function confusionCase(labels: number, right: number, shares: readonly number[]): SingleCase {
  const { f1, macro_f1, matthews } = confusionTruth(labels, right, shares)
  const rarest = Math.min(...shares)
  return {
    population: `${labels} labels, the rarest ${rarest}, right ${right}`,
    truths: labels === 2 ? { f1, matthews } : { macro_f1, matthews },
    outcomes: confused(labels, right, shares),
  }
}

/** Words of a sentence are right with a chance of their sentence's own, a Beta variable: `alike` is their correlation. */
function wordsCase(truth: number, alike: number): SingleCase {
  const total = 1 / alike - 1
  return {
    population: `words right ${truth}, correlation in a sentence ${alike}`,
    truths: { accuracy: truth },
    outcomes: (draw, n) => {
      const gold = times(n, () => times(draw.whole(4, 20), () => 'X'))
      const predicted = gold.map((words) => {
        const chance = draw.beta(truth * total, (1 - truth) * total)
        return words.map(() => (draw.chance(chance) ? 'X' : 'Y'))
      })
      return tokenClassification(predicted, gold)
    },
  }
}

/** Sentences of up to three entities, found with a chance of their sentence's own; as many are missed as are invented. */
function entitiesCase(found: number): SingleCase {
  return {
    population: `entities found ${found}`,
    truths: { entity_f1: found, entity_precision: found, entity_recall: found },
    outcomes: (draw, n) => {
      const gold = times(n, () =>
        times(draw.whole(0, 3), () => ['B-A', 'O'])
          .flat()
          .concat('O', 'B-A'),
      )
      const predicted = gold.map((labels) => {
        const chance = draw.beta(found * 9, (1 - found) * 9)
        return labels.map((label) => (label === 'O' || draw.chance(chance) ? label : 'B-B'))
      })
      return tokenClassification(predicted, gold)
    },
  }
}

/** Answers of F1 0, 1, or between: words of ten, of which some are right. */
function answersCase(whole: number, none: number): SingleCase {
  // k of 10 words right, k from 1 to 9, equally likely.
  const between = times(9, (k) => (k + 1) / 10).reduce((sum, value) => sum + value, 0) / 9
  const answer = 'b c d e f g h i j k'.split(' ')
  return {
    population: `answers right ${whole}, wrong ${none}, the rest in part`,
    truths: { f1: 100 * (whole + (1 - whole - none) * between), exact_match: 100 * whole },
    outcomes: (draw, n) => {
      const predicted = times(n, () => {
        const place = draw.uniform()
        const right = place < whole ? 10 : place < whole + none ? 0 : draw.whole(1, 9)
        return [...answer.slice(0, right), ...times(10 - right, () => 'z')].join(' ')
      })
      return questionAnswering(
        predicted,
        predicted.map(() => [answer.join(' ')]),
      )
    },
  }
}

/** Texts of 5 to 40 tokens whose mean negative log-likelihood is `mean` times a lognormal of that spread. */
function textsCase(mean: number, spread: number): SingleCase {
  return {
    population: `${mean} nats a token, lognormal ${spread} by text`,
    truths: { pseudo_perplexity: Math.exp(mean) },
    outcomes: (draw, n) => {
      const tokens = times(n, () => draw.whole(5, 40))
      const sums = tokens.map(
        (count) => count * mean * Math.exp(spread * draw.normal() - (spread * spread) / 2),
      )
      return maskedLm(sums, tokens)
    },
  }
}

/** Normal pairs of that correlation. */
function pairsCase(correlation: number): SingleCase {
  return {
    population: `normal pairs of correlation ${correlation}`,
    truths: { pearson: correlation, spearman: (6 / Math.PI) * Math.asin(correlation / 2) },
    outcomes: (draw, n) => {
      const pairs = times(n, () => {
        const x = draw.normal()
        return [x, correlation * x + Math.sqrt(1 - correlation ** 2) * draw.normal()] as const
      })
      return similarity(
        pairs.map(([x]) => x),
        pairs.map(([, y]) => y),
      )
    },
  }
}

export const singleCases: readonly SingleCase[] = [
  ...[0.5, 0.9, 0.99, 1].map(accuracyCase),
  confusionCase(2, 0.9, [0.5, 0.5]),
  confusionCase(2, 0.99, [0.5, 0.5]),
  confusionCase(2, 0.9, [0.9, 0.1]),
  confusionCase(2, 0.99, [0.9, 0.1]),
  confusionCase(5, 0.5, [0.2, 0.2, 0.2, 0.2, 0.2]),
  confusionCase(5, 0.9, [0.2, 0.2, 0.2, 0.2, 0.2]),
  confusionCase(5, 0.99, [0.2, 0.2, 0.2, 0.2, 0.2]),
  confusionCase(3, 0.9, [0.9, 0.05, 0.05]),
  ...[0.5, 0.9, 0.99].flatMap((truth) => [wordsCase(truth, 0.02), wordsCase(truth, 0.2)]),
  ...[0.5, 0.9, 0.99].map(entitiesCase),
  ...[answersCase(0.5, 0.3), answersCase(0.8, 0.1), answersCase(0.98, 0.01)],
  ...[textsCase(0.5, 0.8), textsCase(2, 0.5), textsCase(3, 0.2)],
  ...[0, 0.5, 0.9, 0.98].map(pairsCase),
]
