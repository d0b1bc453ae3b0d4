import test from 'ava'
import fc from 'fast-check'
import { bootstrap } from '../bench/coverage/bootstrap.js'
import { bootstrapCases, bootstrapCoverageOf } from '../bench/coverage/bootstrap-cases.js'
import { coverageOf, nullVerdicts, pairedCoverageOf } from '../bench/coverage/coverage.js'
import { drawFrom, times } from '../bench/coverage/draws.js'
import { nullCases } from '../bench/coverage/null-cases.js'
import { pairedCases } from '../bench/coverage/paired-cases.js'
import { singleCases } from '../bench/coverage/single-cases.js'
import { classification } from '../lib/evaluation/classification.js'
import { compare } from '../lib/evaluation/compare.js'
import { clopperPearson } from '../lib/evaluation/intervals/clopper-pearson.js'
import {
  betaQuantile,
  normalCdf,
  normalQuantile,
  tQuantile,
  twoSidedT,
  zQuantile,
} from '../lib/evaluation/intervals/distributions.js'
import { tango } from '../lib/evaluation/intervals/tango.js'
import { maskedLm } from '../lib/evaluation/masked-lm.js'
import { mcnemarMidP } from '../lib/evaluation/mcnemar.js'
import { pearson, pearsonWithoutOne } from '../lib/evaluation/metrics/pearson.js'
import { spearman, spearmanWithoutOne } from '../lib/evaluation/metrics/spearman.js'
import { questionAnswering } from '../lib/evaluation/question-answering.js'
import { similarity } from '../lib/evaluation/similarity.js'
import { summarise } from '../lib/evaluation/summarise.js'
import type { Outcomes } from '../lib/evaluation/task.js'
import { tokenClassification } from '../lib/evaluation/token-classification.js'
import { besideRandom, type Evaluated } from '../lib/study/beside-random.js'

const yesNo = ['no', 'yes']
const near = (a: number, b: number, tolerance = 1e-9) => Math.abs(a - b) <= tolerance

/** n sentences of which so many are wrong. */
function classified(n: number, wrong: number): Outcomes {
  const gold = times(n, (i) => i % 2)
  return classification(
    gold.map((label, i) => (i < wrong ? 1 - label : label)),
    gold,
    yesNo,
  )
}

test('quantiles and distributions are those of scipy 1.17.1', (t) => {
  t.true(near(betaQuantile(0.025, 60, 1), 0.9403705077138331))
  t.true(near(betaQuantile(0.5, 0.3, 4.7), 0.01663657846169441))
  t.true(near(betaQuantile(0.975, 812.5, 97.25), 0.9123342264844462))
  t.true(near(tQuantile(0.95, 1), 12.706204736174694))
  t.true(near(tQuantile(0.95, 9), 2.262157162798205))
  t.true(near(tQuantile(0.99, 37), 2.7154087215499882))
  t.true(near(tQuantile(0.95, 9999), 1.960201263621357))
  t.true(near(zQuantile(0.95), 1.959963984540054))
  t.true(near(normalQuantile(0.9995), 3.2905267314919255))
  t.true(near(normalCdf(-1.3), 0.09680048458561036))
  t.true(near(twoSidedT(2.5, 4), 0.06676654481198814))
  t.true(near(twoSidedT(8, 12), 3.759898224750258e-6, 1e-15))
})

test('Clopper and Pearson’s intervals are those of scipy’s binomtest', (t) => {
  const cases = [
    [60, 60, 0.9403705077136653, 1],
    [0, 10, 0, 0.30849710781876294],
    [1, 20, 0.0012650894979560339, 0.24873276277202772],
    [780, 872, 0.8721822101858091, 0.9140982638358871],
    [7, 9, 0.3999064262836879, 0.9718550265221126],
  ] as const
  for (const [right, n, low, high] of cases) {
    const interval = clopperPearson(right, n, 0.95)
    t.true(near(interval[0], low) && near(interval[1], high), `${right} of ${n}: ${interval}`)
  }
  const [low, high] = clopperPearson(95, 100, 0.99)
  t.true(near(low, 0.8648553174643762) && near(high, 0.9890596664152524))
})

test('Tango’s intervals are the published one, and those found by maximising the likelihood with scipy', (t) => {
  // 1 and 7 of 21: Fagerland, Lydersen and Laake (2014), who give −0.517 to −0.026.
  const cases = [
    [1, 7, 21, -0.5172322772711506, -0.026003032255964488],
    [10, 2, 100, 0.014296465258076908, 0.1580402029310862],
    [0, 1, 44, -0.11807710137258062, 0.05939323105468436],
    [0, 0, 60, -0.06017185446447174, 0.060171852142301814],
    [30, 12, 872, 0.006368173879308402, 0.03640837798531415],
  ] as const
  for (const [first, second, n, low, high] of cases) {
    const interval = tango(first, second, n, zQuantile(0.95))
    // The search of the likelihood ends at about 1e-8.
    t.true(near(interval[0], low, 3e-8) && near(interval[1], high, 3e-8), `${first} ${second}: ${interval}`)
  }
})

test('McNemar’s mid-p is scipy’s binomial tail less half of the observed', (t) => {
  const cases = [
    [0, 0, 1],
    [5, 5, 1],
    [10, 2, 0.022460937499999976],
    [1, 7, 0.039062500000000014],
    [120, 80, 0.00466005197464012],
    [0, 30, 9.313225746154769e-10],
    [4, 0, 0.0625],
  ] as const
  for (const [b, c, p] of cases) t.true(Math.abs(mcnemarMidP(b, c) / p - 1) < 1e-11, `${b} ${c}`)
})

test('McNemar’s mid-p is symmetric, a probability, and falls as the split grows uneven', (t) => {
  fc.assert(
    fc.property(fc.nat(3000), fc.nat(3000), (b, c) => {
      const p = mcnemarMidP(b, c)
      return (
        p === mcnemarMidP(c, b) &&
        p >= 0 &&
        p <= 1 &&
        mcnemarMidP(b, b + c + 1) <= mcnemarMidP(b, b + c) + 1e-12
      )
    }),
  )
  t.throws(() => mcnemarMidP(-1, 2), { instanceOf: RangeError })
})

test('the BCa interval that ours are compared with is the published one of the spatial test data', (t) => {
  // Efron and Tibshirani (1993), tables 14.1 and 14.2: acceleration 0.061, 90 % interval 115.8 to 259.6 of 2000 resamples.
  const scores = [
    ...[48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6],
    ...[0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41],
  ]
  const variance = (indices: readonly number[]) => {
    const mean = indices.reduce((sum, i) => sum + scores[i]!, 0) / indices.length
    return indices.reduce((sum, i) => sum + (scores[i]! - mean) ** 2, 0) / indices.length
  }
  const { acceleration, bca } = bootstrap(26, variance, 4000, drawFrom(1), 0.9)
  t.true(near(acceleration, 0.061, 0.0005), `${acceleration}`)
  // Ends of 2000 resamples differ by a few units from one draw to another.
  t.true(near(bca[0], 115.8, 6) && near(bca[1], 259.6, 8), `${bca}`)
})

test('the bootstrap, which ours replace, falls short of an accuracy near 1', (t) => {
  const { percentile, bca } = bootstrapCoverageOf(bootstrapCases[1]!, 60, 100, 1)
  t.true(percentile < 0.6 && bca < 0.8, `${percentile} ${bca}`)
})

test('correlations without one example each are those of the lists without it', (t) => {
  const numbers = fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 6 })), {
    minLength: 3,
    maxLength: 20,
  })
  fc.assert(
    fc.property(numbers, (pairs) => {
      const [a, b] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)]
      for (const [whole, withoutOne] of [
        [spearman, spearmanWithoutOne],
        [pearson, pearsonWithoutOne],
      ] as const) {
        for (const [i, value] of withoutOne(a, b).entries()) {
          const rest = whole(
            a.filter((_, k) => k !== i),
            b.filter((_, k) => k !== i),
          )
          if (Number.isNaN(rest) ? !Number.isNaN(value) : !near(rest, value)) return false
        }
      }
      return true
    }),
  )
  t.pass()
})

test('60 of 60 right is compatible with 94 %', (t) => {
  const { interval, intervalMethod, intervals } = summarise(classified(60, 0))
  t.is(intervalMethod, 'clopper_pearson')
  t.true(near(interval[0], 0.9403705077136653) && interval[1] === 1)
  // 30 of 30 of the second label.
  t.true(near(intervals.f1!.interval[0], (2 * 0.025 ** (1 / 30)) / (1 + 0.025 ** (1 / 30))))
  t.true(intervals.matthews!.interval[0] < 0.95 && intervals.matthews!.interval[1] === 1)
})

/** Exactly, for each number of right ones with its chance. */
function exactCoverage(n: number, truth: number): number {
  // From all right down, since the chance of none can be too small for a number.
  let chance = truth ** n
  let covered = 0
  for (let right = n; right >= 0; right--) {
    const [low, high] = clopperPearson(right, n, 0.95)
    if (low <= truth && truth <= high) covered += chance
    chance *= (right / (n - right + 1)) * ((1 - truth) / truth)
  }
  return covered
}

test('an accuracy’s interval holds the truth in 95 % of all samples at least, whatever it is', (t) => {
  for (const n of [5, 20, 60, 200]) {
    for (const truth of [0.5, 0.8, 0.9, 0.95, 0.99, 0.997, 0.999]) {
      const covered = exactCoverage(n, truth)
      t.true(covered >= 0.95 - 1e-9, `${truth} of ${n}: ${covered}`)
    }
  }
})

/** Three standard errors of a share of about 0.95 among so many runs. */
const runs = 150
const chance = 3 * Math.sqrt((0.95 * 0.05) / runs)

test('every interval holds the truth as often as its row in the docs says, and none is empty', (t) => {
  for (const one of singleCases) {
    for (const n of [20, 60]) {
      for (const [metric, { covered, empty }] of Object.entries(coverageOf(one, n, runs, n, 150))) {
        const least = (metric === 'pseudo_perplexity' ? 0.91 : 0.94) - chance
        t.true(covered >= least, `${metric}, ${one.population}, n = ${n}: ${covered}`)
        t.is(empty, 0, `${metric}, ${one.population}`)
      }
    }
  }
})

test('every interval of a difference holds the truth, and agrees with its p-value', (t) => {
  for (const one of pairedCases) {
    for (const n of [20, 60]) {
      const { covered, empty, apart, significant } = pairedCoverageOf(one, n, runs, n)
      const name = `${one.metric}, ${one.population}, n = ${n}`
      const least = one.population.includes('broken') ? 0.8 : 0.92
      t.true(covered >= least - chance, `${name}: ${covered}`)
      t.is(empty, 0, name)
      t.is(apart, 0, name)
      if (one.truth === 0) t.true(significant <= 0.05 + chance, `${name}: ${significant} significant`)
    }
  }
})

test('one more random pruning is better than random in one of forty cases at most, and worse in another', (t) => {
  for (const one of nullCases) {
    for (const [n, seeds] of [
      [60, 2],
      [60, 10],
      [200, 10],
    ] as const) {
      const { better, worse } = nullVerdicts(one, n, seeds, runs, n + seeds)
      const name = `${one.metric}, ${one.population}, ${seeds} seeds, n = ${n}`
      const most = 3 * Math.sqrt((0.025 * 0.975) / runs)
      t.true(better <= 0.025 + most, `${name}: better in ${better}`)
      t.true(worse <= 0.05 + most, `${name}: worse in ${worse}`)
    }
  }
})

function evaluationOf(outcomes: Outcomes): Evaluated {
  const { metric, metrics, n } = outcomes
  return { metric, value: metrics[metric]!, n, outcomes }
}

test('a model that no random pruning comes near is better than random, and its reverse worse', (t) => {
  const random = [40, 41, 43, 44].map((wrong) => evaluationOf(classified(200, wrong)))
  const best = besideRandom(evaluationOf(classified(200, 2)), random)
  t.is(best.verdict, 'better')
  t.true(best.interval[0] > 0 && best.pValue < 0.05)
  t.is(best.better, 4)
  const worst = besideRandom(evaluationOf(classified(200, 120)), random)
  t.is(worst.verdict, 'worse')
  t.true(worst.interval[1] < 0 && worst.pValue < 0.05)
  const same = besideRandom(evaluationOf(classified(200, 42)), random)
  t.is(same.verdict, 'undecided')
})

test('a perplexity is better than random where it is lower', (t) => {
  const draw = drawFrom(3)
  const tokens = times(60, () => 20)
  const texts = times(60, () => 60 * Math.exp(0.1 * draw.normal()))
  const model = (factor: number) =>
    evaluationOf(
      maskedLm(
        texts.map((sum) => sum * factor),
        tokens,
      ),
    )
  const random = [1, 1.02, 0.98, 1.01].map(model)
  t.is(besideRandom(model(0.7), random).verdict, 'better')
  t.is(besideRandom(model(1.4), random).verdict, 'worse')
})

test('one random pruning tells no spread: no verdict, however far it is', (t) => {
  const found = besideRandom(evaluationOf(classified(200, 0)), [evaluationOf(classified(200, 190))])
  t.like(found, { verdict: 'undecided', pValue: 1, interval: [-1, 1], seeds: 1, better: 1 })
})

test('random prunings that are all the same leave the noise of the examples', (t) => {
  const random = times(10, () => evaluationOf(classified(200, 20)))
  const { verdict, interval } = besideRandom(evaluationOf(classified(200, 20)), random)
  t.is(verdict, 'undecided')
  t.true(interval[0] < 0 && interval[1] > 0)
})

test('a model that does as another does on every example differs from it by an interval with a width', (t) => {
  const draw = drawFrom(1)
  const scores = times(40, () => draw.normal())
  const outcomes = [
    similarity(
      scores.map((x) => x + draw.normal()),
      scores,
    ),
    similarity(scores, scores),
    classified(40, 5),
    classified(40, 0),
    tokenClassification([['X', 'Y'], ['X'], []], [['X', 'X'], ['X'], []]),
    questionAnswering(['a', 'b c', 'd'], [['b'], ['c'], ['d']]),
    maskedLm([1, 2, 9], [2, 3, 5]),
  ]
  for (const outcome of outcomes) {
    const { difference, interval, pValue } = compare(outcome, outcome)
    t.deepEqual([difference, pValue], [0, 1], outcome.task)
    t.true(interval[0] < 0 && interval[1] > 0, outcome.task)
  }
})

test('one example that tells two models apart is no difference, and four on one side are none yet', (t) => {
  const gold = times(60, () => 1)
  const model = (wrong: number) =>
    classification(
      gold.map((_, i) => (i < wrong ? 0 : 1)),
      gold,
      yesNo,
    )
  for (const apart of [1, 4]) {
    const { interval, pValue, test: name } = compare(model(0), model(apart))
    t.true(interval[0] <= 0 && interval[1] > 0 && pValue >= 0.05, `${apart}: ${interval}, ${pValue}`)
    t.is(name, 'mcnemar_mid_p')
  }
  const five = compare(model(0), model(5))
  t.true(five.interval[0] > 0 && five.pValue < 0.05)
})

test('swapping the models turns the difference round and keeps the p-value', (t) => {
  const draw = drawFrom(2)
  for (const one of pairedCases) {
    const [first, second] = one.outcomes(draw, 30)
    const [there, back] = [compare(first, second), compare(second, first)]
    t.true(near(there.difference, -back.difference) && near(there.pValue, back.pValue), one.metric)
    t.true(
      near(there.interval[0], -back.interval[1]) && near(there.interval[1], -back.interval[0]),
      one.metric,
    )
  }
})

test('words of a sentence that are right together count as fewer', (t) => {
  const sentences = times(40, () => times(10, () => 'X'))
  const together = sentences.map((words, i) => words.map(() => (i < 8 ? 'Y' : 'X')))
  const apart = sentences.map((words) => words.map((_, k) => (k < 2 ? 'Y' : 'X')))
  const width = (predicted: string[][]) => {
    const { interval, intervalMethod } = summarise(tokenClassification(predicted, sentences))
    t.is(intervalMethod, 'korn_graubard')
    return interval[1] - interval[0]
  }
  t.true(width(together) > 2.5 * width(apart))
})

test('a metric that the data do not define has its whole range as interval, and a note where it counts as 0', (t) => {
  const constant = summarise(similarity([1, 1, 1], [1, 2, 3]))
  t.deepEqual([constant.value, constant.interval, constant.intervalMethod], [0, [-1, 1], 'whole_range'])
  t.regex(constant.notes![0]!, /All predicted similarities are equal/)
  const right = new Int32Array(40)
  const { metrics, intervals } = summarise(classification(right, right, ['a', 'b']))
  t.deepEqual(metrics, { accuracy: 1, f1: 0, matthews: 0 })
  t.deepEqual(intervals.f1, { interval: [0, 1], method: 'whole_range' })
  t.deepEqual(intervals.matthews, { interval: [-1, 1], method: 'whole_range' })
  const none = summarise(tokenClassification([['O', 'O'], ['O']], [['B-A', 'O'], ['O']]))
  t.deepEqual(none.intervals.entity_precision!.interval, [0, 1])
  t.true(none.intervals.entity_recall!.interval[1] > 0.9)
  t.deepEqual(summarise(maskedLm([3], [2])).interval, [1, Number.POSITIVE_INFINITY])
})

test('a perfect order of few pairs is compatible with a lower correlation, and of fewer than five with any', (t) => {
  const up = times(20, (i) => i)
  const { intervals } = summarise(similarity(up, up))
  for (const name of ['spearman', 'pearson']) {
    const [low, high] = intervals[name]!.interval
    t.true(near(low, 0.025 ** (1 / 20)) && high === 1, `${name}: ${low}`)
  }
  t.deepEqual(summarise(similarity([1, 2, 3, 4], [1, 2, 3, 4])).interval, [-1, 1])
})

test('every interval holds its value and stays within the metric’s range, and a higher level holds a lower one', (t) => {
  const ranges: Readonly<Record<string, readonly [number, number]>> = {
    ...{ spearman: [-1, 1], pearson: [-1, 1], matthews: [-1, 1], exact_match: [0, 100] },
    ...{ pseudo_perplexity: [1, Infinity], negative_log_likelihood: [0, Infinity] },
  }
  const cases = fc.constantFrom(...singleCases)
  fc.assert(
    fc.property(cases, fc.nat(1000), fc.integer({ min: 1, max: 40 }), (one, seed, n) => {
      const outcomes = one.outcomes(drawFrom(seed), n)
      if (outcomes.task === 'token-classification' && n === 0) return
      const [narrow, wide] = [0.9, 0.99].map((level) => summarise(outcomes, { level, resamples: 200 }))
      for (const [name, value] of Object.entries(narrow!.metrics)) {
        const [low, high] = narrow!.intervals[name]!.interval
        const [lower, higher] = wide!.intervals[name]!.interval
        const [least, most] = ranges[name] ?? [0, outcomes.task === 'question-answering' ? 100 : 1]
        const told = `${name} of ${n}: ${value} in ${low}, ${high} in ${lower}, ${higher}`
        t.true(lower <= low + 1e-9 && high <= higher + 1e-9, told)
        t.true(least <= low && low <= value + 1e-12 && value <= high + 1e-12 && high <= most, told)
        t.true(low < high, told)
      }
    }),
    { numRuns: 150, seed: 7 },
  )
})

test('equal seeds give equal draws, other seeds other ones', (t) => {
  const outcomes = classified(50, 7)
  const drawn = (seed: number) => summarise(outcomes, { seed, resamples: 100 }).intervals.matthews!.interval
  t.deepEqual(drawn(5), drawn(5))
  t.is(new Set([0, 1, 2, 2 ** 32, Number.MAX_SAFE_INTEGER].map((seed) => `${drawn(seed)}`)).size, 5)
})

test('bad options of intervals are refused', (t) => {
  const outcomes = classified(10, 1)
  t.throws(() => summarise(outcomes, { resamples: 0 }), { instanceOf: RangeError })
  t.throws(() => summarise(outcomes, { seed: -1 }), { instanceOf: RangeError })
  t.throws(() => summarise(outcomes, { level: 95 }), { instanceOf: RangeError })
  t.throws(() => compare(outcomes, outcomes, { level: 2 }), { instanceOf: RangeError })
  t.throws(() => summarise(outcomes, { sead: 1 } as object), {
    instanceOf: TypeError,
    message: /Did you mean `seed`/,
  })
  t.throws(() => summarise(outcomes, { truncated: 11 }), { instanceOf: RangeError })
})
