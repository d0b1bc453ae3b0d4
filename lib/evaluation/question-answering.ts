import { clopperPearson } from './intervals/clopper-pearson.js'
import { single, sumsOf } from './intervals/clusters.js'
import type { Interval } from './intervals/interval.js'
import { boundedMean } from './intervals/korn-graubard.js'
import { answerF1, exactMatch } from './metrics/answers.js'
import { checkExamples } from './outcome-checks.js'
import type { Outcomes } from './task.js'

/**
 * Predicted answers against the accepted ones of every question, as SQuAD scores them: in percent, from 0 to 100.
 * A question without accepted answers is answered rightly by ''.
 *
 * @throws RangeError on lists of unequal or no length.
 */
export function questionAnswering(
  predicted: readonly string[],
  answers: readonly (readonly string[])[],
): Outcomes {
  checkExamples('predicted', predicted, 'answers', answers)

  const n = answers.length
  const f1s = answers.map((accepted, i) => answerF1(predicted[i]!, accepted))
  const matches = answers.reduce((sum, accepted, i) => sum + exactMatch(predicted[i]!, accepted), 0)
  const sums = sumsOf(
    f1s,
    f1s.map(() => 1),
  )
  return {
    task: 'question-answering',
    metric: 'f1',
    n,
    metrics: { f1: 100 * sums.mean, exact_match: (100 * matches) / n },
    intervals: ({ level }) => {
      const { interval, method } = boundedMean(sums, level)
      return {
        f1: { interval: percent(interval), method },
        exact_match: { interval: percent(clopperPearson(matches, n, level)), method: 'clopper_pearson' },
      }
    },
    examples: { kind: 'units', clusters: single(f1s), binary: false, scale: 100 },
    notes: [],
    gold: answers,
  }
}

function percent([low, high]: Interval): Interval {
  return [100 * low, 100 * high]
}
