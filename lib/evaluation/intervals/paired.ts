import { mcnemarMidP } from '../mcnemar.js'
import type { Comparison, JackknifeOutcomes, UnitOutcomes } from '../task.js'
import { clusterSums } from './clusters.js'
import { tQuantile, twoSidedT, zQuantile } from './distributions.js'
import { type Interval, within } from './interval.js'
import { cautiousError, influencesOf, jackknifeInterval, pValueOf } from './jackknife.js'
import { tango } from './tango.js'

type Paired = Pick<Comparison, 'interval' | 'intervalMethod' | 'pValue' | 'test'>

/**
 * The difference of two means of the same units. Units that are right or wrong and stand alone: Tango's interval and
 * McNemar's mid-p; where that is not below 1 − `level` the interval reaches to 0 at least. Others: both for the effective sample size, with t for z, so that they agree.
 */
export function unitDifference(first: UnitOutcomes, second: UnitOutcomes, level: number): Paired {
  const { scale } = first
  const counts = discordance(first, second)
  const { units, clusters } = counts.sums
  const scaled = ([low, high]: Interval): Interval => [scale * low, scale * high]
  if (first.binary && units === clusters) {
    const pValue = mcnemarMidP(counts.first, counts.second)
    const interval = tango(counts.first, counts.second, units, zQuantile(level))
    return {
      interval: scaled(pValue < 1 - level ? interval : within(interval, 0, -1, 1)),
      intervalMethod: 'tango',
      ...{ pValue, test: 'mcnemar_mid_p' },
    }
  }

  const test = 'score_clustered'
  if (clusters < 2) return { interval: [-scale, scale], intervalMethod: 'whole_range', pValue: 1, test }
  const effect = designEffect(counts, first.binary)
  const [b, c, n] = [counts.first / effect, counts.second / effect, units / effect]
  return {
    interval: scaled(tango(b, c, n, tQuantile(level, clusters - 1))),
    intervalMethod: 'tango_clustered',
    pValue: b + c === 0 ? 1 : twoSidedT((b - c) / Math.sqrt(b + c), clusters - 1),
    test,
  }
}

/** By how much the first is above the second where it is, and the other way round, summed over units. */
function discordance(first: UnitOutcomes, second: UnitOutcomes) {
  const { units, offsets } = first.clusters
  const others = second.clusters.units
  let [onlyFirst, onlySecond] = [0, 0]
  for (let unit = 0; unit < units.length; unit++) {
    const difference = units[unit]! - others[unit]!
    if (difference > 0) onlyFirst += difference
    else onlySecond -= difference
  }
  const sums = clusterSums((unit) => units[unit]! - others[unit]!, offsets)
  return { first: onlyFirst, second: onlySecond, sums }
}

/**
 * The variance of the difference by that of units that are right or wrong each on its own, drawn towards whole clusters
 * that differ, with the weight of two differing units, one each way. At least 1 for words, whose errors come together;
 * at most 1 for values between 0 and 1, which vary less than right and wrong do.
 */
function designEffect({ first, second, sums }: ReturnType<typeof discordance>, binary: boolean): number {
  const alone = first + second - sums.units * sums.mean ** 2
  const effect = (sums.squares + 2 * sums.wholeEffect) / (Math.max(0, alone) + 2)
  return binary ? Math.max(1, effect) : Math.min(1, effect)
}

/** The difference of two metrics by the jackknife over the examples: ± t standard errors. */
export function jackknifeDifference(
  difference: number,
  first: JackknifeOutcomes,
  second: JackknifeOutcomes,
  level: number,
): Paired {
  const n = first.withoutOne.length
  const reach = first.range[1] - first.range[0]
  if (n < first.fewest) {
    return { interval: [-reach, reach], intervalMethod: 'whole_range', pValue: 1, test: 'jackknife_t' }
  }

  const influences = influencesOf(first.withoutOne.map((one, i) => one - second.withoutOne[i]!))
  // One more example each way.
  const pulled = cautiousError(influences, 2)
  const error = pulled > 0 ? pulled : unpulledError(first, second, n)
  return {
    interval: within(jackknifeInterval(difference, error, n, level), difference, -reach, reach),
    intervalMethod: 'jackknife_t',
    pValue: pValueOf(difference, error, n - 1),
    test: 'jackknife_t',
  }
}

/** Where no example tells the models apart: as if two more did, by as much as examples differ from one another. */
function unpulledError(first: JackknifeOutcomes, second: JackknifeOutcomes, n: number): number {
  return Math.max(first.error, second.error) * Math.sqrt(2 / n)
}
