import test from 'ava'
import fc from 'fast-check'
import { classification } from '../lib/evaluation/classification.js'
import { compare } from '../lib/evaluation/compare.js'
import { maskedLm } from '../lib/evaluation/masked-lm.js'
import { accuracy, tokenAccuracy } from '../lib/evaluation/metrics/accuracy.js'
import { answerF1, answerWords, exactMatch } from '../lib/evaluation/metrics/answers.js'
import { cosineOfRows } from '../lib/evaluation/metrics/cosine.js'
import { entitiesOf, isEntityNotation } from '../lib/evaluation/metrics/entities.js'
import { pearson } from '../lib/evaluation/metrics/pearson.js'
import { pseudoPerplexity } from '../lib/evaluation/metrics/pseudo-perplexity.js'
import { spearman } from '../lib/evaluation/metrics/spearman.js'
import { questionAnswering } from '../lib/evaluation/question-answering.js'
import { xoshiro128 } from '../lib/evaluation/random.js'
import { similarity } from '../lib/evaluation/similarity.js'
import { summarise } from '../lib/evaluation/summarise.js'
import { tokenClassification } from '../lib/evaluation/token-classification.js'

// Expected values: scipy 1.17.1 (correlations), scikit-learn 1.9.1 (labels), seqeval 1.2.2 (entities).
const near = (a: number | undefined, b: number) => Math.abs((a ?? Number.NaN) - b) <= 1e-12
const predicted = [0.1, 0.4, 0.4, 0.9, -0.3, 0.7, 0.7, 0.7, 0.2, 1]
const scores = [1, 2, 2.5, 5, 0, 3, 2.5, 4.8, 2.5, 3]

test('spearman and pearson of lists with ties are the reference values', (t) => {
  t.true(near(spearman(predicted, scores), 0.8624999999999999))
  t.true(near(pearson(predicted, scores), 0.8243795087553831))
})

test('a correlation with equal values throughout is undefined', (t) => {
  t.is(spearman([1, 1, 1], [1, 2, 3]), Number.NaN)
  t.is(pearson([1, 2, 3], [0.1, 0.1, 0.1]), Number.NaN)
})

test('two labels give the reference accuracy, F1 of the second and Matthews correlation', (t) => {
  const { metrics } = classification(
    [0, 1, 0, 0, 1, 1, 0, 1, 1, 0],
    [0, 1, 1, 0, 1, 0, 0, 1, 1, 1],
    ['no', 'yes'],
  )
  t.deepEqual(Object.keys(metrics), ['accuracy', 'f1', 'matthews'])
  t.true(near(metrics.accuracy, 0.7))
  t.true(near(metrics.f1, 0.7272727272727273))
  t.true(near(metrics.matthews, 0.408248290463863))
})

test('more labels give macro F1 over those that occur, and the multi-class Matthews correlation', (t) => {
  const names = ['a', 'b', 'c', 'never']
  const { metrics } = classification([0, 2, 2, 0, 1, 1, 0, 1, 2, 1], [0, 1, 2, 0, 1, 2, 0, 0, 2, 1], names)
  t.true(near(metrics.macro_f1, 0.6984126984126983))
  t.true(near(metrics.matthews, 0.5606060606060606))
})

test('token accuracy weighs sentences by their words', (t) => {
  t.is(tokenAccuracy([['X'], ['Y', 'Y', 'X']], [['X'], ['Y', 'X', 'Y']]), 0.5)
  t.is(accuracy(['a', 'b'], ['a', 'c']), 0.5)
})

test('entities follow the conlleval rules, odd sequences included', (t) => {
  const spans = (labels: string) =>
    entitiesOf(labels.split(' ')).map(({ type, first, last }) => `${type}${first}-${last}`)
  t.deepEqual(spans('I-A I-A B-A I-B O I-B'), ['A0-1', 'A2-2', 'B3-3', 'B5-5'])
  t.deepEqual(spans('B-A I-A E-A S-B E-B I-A'), ['A0-2', 'B3-3', 'B4-4', 'A5-5'])
  t.deepEqual(spans('E-A E-A S-A I-A B-B-C I-B-C'), ['A0-0', 'A1-1', 'A2-2', 'A3-3', 'B-C4-5'])
  t.deepEqual(spans('U-A U-A B-A L-A O'), ['A0-0', 'A1-1', 'A2-3'])
})

test('entity notation is told from other labels', (t) => {
  t.true(isEntityNotation(['O', 'B-PER', 'I-PER']))
  t.false(isEntityNotation(['O', 'O']))
  t.false(isEntityNotation(['NOUN', 'B-PER']))
})

test('entity F1, precision and recall are the reference values', (t) => {
  const gold = ['B-PER I-PER O B-LOC', 'O B-ORG I-ORG O', 'I-LOC B-LOC O'].map((line) => line.split(' '))
  const labels = ['B-PER I-PER O B-ORG', 'O I-ORG I-ORG O', 'B-LOC I-LOC O'].map((line) => line.split(' '))
  const { metrics } = tokenClassification(labels, gold)
  t.true(near(metrics.entity_f1, 0.4444444444444445))
  t.true(near(metrics.entity_precision, 0.5))
  t.true(near(metrics.entity_recall, 0.4))
})

test('labels that are no entity notation get token accuracy alone', (t) => {
  t.deepEqual(tokenClassification([['NOUN', 'X']], [['NOUN', 'VERB']]).metrics, { accuracy: 0.5 })
})

test('answers are compared without case, punctuation, articles and spacing', (t) => {
  t.deepEqual(answerWords(' The  U.S., an\tÜber-state'), ['us', 'überstate'])
  t.deepEqual(answerWords('caña Theatre'), ['caña', 'theatre'])
  t.is(exactMatch('the Denver Broncos!', ['Broncos', 'Denver broncos']), 1)
  t.is(exactMatch('Denver', ['Denver Broncos']), 0)
  t.true(near(answerF1('the Denver Denver team', ['Denver Broncos', 'no']), 0.4))
})

test('a question without an answer is answered by the empty string', (t) => {
  t.deepEqual([exactMatch('', []), answerF1('', [])], [1, 1])
  t.deepEqual([exactMatch('some', []), answerF1('some', [])], [0, 0])
  t.deepEqual([exactMatch('', ['some']), answerF1('', ['some'])], [0, 0])
  t.is(answerF1('the', ['a']), 1)
})

test('question answering is scored in percent', (t) => {
  const { metrics } = questionAnswering(['Denver', 'x'], [['Denver Broncos'], ['X', 'y']])
  t.is(metrics.exact_match, 50)
  t.true(near(metrics.f1, (200 / 3 + 100) / 2))
})

test('a uniform guess among v tokens has pseudo-perplexity v', (t) => {
  t.true(Math.abs(pseudoPerplexity([3 * Math.log(50), Math.log(50), 0], [3, 1, 0]) - 50) < 1e-10)
  t.true(near(maskedLm([2, 4], [1, 2]).metrics.negative_log_likelihood, 2))
})

test('the cosine of rows is 1 for parallel, 0 for orthogonal and for zero rows', (t) => {
  const vectors = Float32Array.of(3, 4, 6, 8, -4, 3, 0, 0)
  t.deepEqual(
    [1, 2, 3].map((row) => cosineOfRows(vectors, 2, 0, row)),
    [1, 0, 0],
  )
})

test('the generator gives the published sequence of xoshiro128**', (t) => {
  const random = xoshiro128(1, 2, 3, 4)
  t.deepEqual([1, 2, 3, 4, 5, 6].map(random), [11520, 0, 5927040, 70819200, 2031721883, 1637235492])
})

test('a result carries the value, its interval, the notes and what was cut', (t) => {
  const result = summarise(similarity(predicted, scores), {
    truncated: 2,
    notes: ['read as TSV'],
    resamples: 200,
  })
  t.is(result.value, spearman(predicted, scores))
  t.true(result.interval[0] < result.value && result.value <= result.interval[1])
  t.is(result.intervalMethod, 'jackknife_fisher_z')
  t.deepEqual(Object.keys(result.intervals), Object.keys(result.metrics))
  t.deepEqual([result.metric, result.n, result.truncated], ['spearman', 10, 2])
  t.deepEqual(result.notes, [
    'read as TSV',
    'Only 10 examples: intervals are wide, and those that are not exact may hold the true value less often than they say.',
  ])
})

test('spearman depends on nothing but order', (t) => {
  fc.assert(
    fc.property(pairsOfLists, (pairs) => {
      const first = pairs.map(([x]) => x)
      const second = pairs.map(([, y]) => y)
      const value = spearman(first, second)
      return (
        Object.is(
          spearman(
            first.map((x) => x ** 3 + 7),
            second,
          ),
          value,
        ) &&
        Object.is(spearman(second, first), value) &&
        (Number.isNaN(value) ||
          near(
            spearman(
              first.map((x) => -x),
              second,
            ),
            -value,
          ))
      )
    }),
  )
  t.pass()
})

test('swapping the models turns the difference round and keeps the p-value', (t) => {
  const [first, second] = [similarity(predicted, scores), similarity(scores.map(Math.sqrt).reverse(), scores)]
  const [one, other] = [compare(first, second), compare(second, first)]
  t.is(one.difference, -other.difference)
  t.is(one.pValue, other.pValue)
  t.true(near(one.interval[0], -other.interval[1]) && near(one.interval[1], -other.interval[0]))
})

test('outcomes of unequal or no length are refused', (t) => {
  t.throws(() => similarity([1], [1, 2]), { instanceOf: RangeError, message: /`predicted.length` to be 2/ })
  t.throws(() => similarity([], []), { instanceOf: RangeError, message: /at least 1/ })
  t.throws(() => classification([0], [], ['a', 'b']), { instanceOf: RangeError })
  t.throws(() => tokenClassification([['X', 'X']], [['X']]), { message: /`predicted\[0\].length` to be 1/ })
  t.throws(() => tokenClassification([['X'], []], [[], ['X']]), {
    message: /`predicted\[0\].length` to be 0/,
  })
  t.throws(() => tokenClassification([[]], [[]]), { instanceOf: RangeError })
  t.throws(() => questionAnswering(['a'], []), { instanceOf: RangeError })
  t.throws(() => maskedLm([0], [0]), { instanceOf: RangeError, message: /at least 1 in some text/ })
})

test('outcomes that are no numbers of their kind are refused', (t) => {
  t.throws(() => similarity([Number.NaN, 1], [1, 2]), {
    message: /`predicted\[0\]` to be a finite number, got NaN/,
  })
  t.throws(() => classification([2], [0], ['a', 'b']), {
    message: /`predicted\[0\]` to be a whole number from 0 to 1/,
  })
  t.throws(() => classification([0], [0.5], ['a', 'b']), { instanceOf: TypeError })
  t.throws(() => classification([0], [0], ['a']), { message: /`labelNames.length`/ })
  t.throws(() => maskedLm([Number.POSITIVE_INFINITY], [1]), { message: /`sums\[0\]` to be a finite number/ })
  t.throws(() => maskedLm([1], [-1]), { message: /`tokens\[0\]`/ })
})

test('outcomes on other examples are not compared', (t) => {
  const first = similarity([1, 2], [1, 2])
  t.throws(() => compare(first, similarity([1, 2], [1, 3])), {
    instanceOf: RangeError,
    message: /`second.gold\[1\]`/,
  })
  t.throws(() => compare(first, similarity([1, 2, 3], [1, 2, 3])), { message: /`second.n` to be 2/ })
  t.throws(() => compare(first, maskedLm([1, 2], [1, 2])), { message: /`second.task`/ })
})

test('language models that cut texts into other tokens are not compared', (t) => {
  t.throws(() => compare(maskedLm([1, 2], [3, 4]), maskedLm([1, 2], [3, 5])), {
    code: 'TASK_UNSUPPORTED',
    message: /got 4 and 5 tokens for text 1/,
  })
})

const pairsOfLists = fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 })), {
  minLength: 1,
  maxLength: 30,
})
