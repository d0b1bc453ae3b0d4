// Ratios of speeds out of what bench/encoder.ts printed, for bench/goals.mjs.
import { geometricMean, medianInterval, quantile } from '../dist/bench/quantile.js'

/** Speed of `subject` as a multiple of `other`'s in the same rounds, per model and work that has both. */
export function ratiosOf(results, subject, other, wanted) {
  return results.flatMap(({ model, shape, timings }) =>
    timings
      .filter((timing) => timing.subject === subject && wanted(timing))
      .flatMap((timing) => {
        const { work, tokens, texts, rounds } = timing
        const against = timings.find((each) => each.subject === other && each.work === work)
        if (against === undefined) return []
        const each = rounds.map((seconds, round) => against.rounds[round] / seconds)
        const interval = medianInterval(each)
        return [{ model, shape, work, tokens, texts, median: quantile(each, 0.5), interval }]
      }),
  )
}

export function meanOf(found) {
  return found.length === 0 ? undefined : geometricMean(found.map(({ median }) => median))
}

export function range(found) {
  const sorted = found.toSorted((a, b) => a.median - b.median)
  return found.length < 2 ? undefined : `from ${place(sorted[0])} to ${place(sorted.at(-1))}`
}

export function place({ model, work, median, interval }) {
  return `${median.toFixed(2)} [${interval.map((end) => end.toFixed(2)).join(', ')}] (${model}, ${work})`
}
