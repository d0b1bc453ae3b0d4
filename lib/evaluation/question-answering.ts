import { everyIndex, type Statistic } from './bootstrap.js'
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

  const f1s = Float64Array.from(answers, (accepted, i) => 100 * answerF1(predicted[i]!, accepted))
  const matches = Float64Array.from(answers, (accepted, i) => 100 * exactMatch(predicted[i]!, accepted))
  const every = everyIndex(answers.length)
  return {
    task: 'question-answering',
    metric: 'f1',
    n: answers.length,
    statistic: meanOf(f1s),
    metrics: { f1: meanOf(f1s)(every), exact_match: meanOf(matches)(every) },
    notes: [],
    gold: answers,
  }
}

function meanOf(values: Float64Array): Statistic {
  return (indices) => {
    let sum = 0
    for (const i of indices) sum += values[i]!
    return sum / indices.length
  }
}
