import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { compareEvaluations, Encoder, type EncoderOptions, evaluate } from 'twofour'
import { spearman } from '../lib/evaluation/metrics/spearman.js'
import { bestWindows, questionWindows } from '../lib/evaluation/tasks/question-windows.js'
import { type MakeOptions, makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'
import { onDevice } from './test-device.js'

const demo = join(import.meta.dirname, '..', 'models', 'demo')
const words =
  'the cat sat on a mat dog ran to red blue house and bird flew over big small tree old new'.split(' ')
const vocabulary = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words, '##s', '##ing', '.', ',']

/** A text of `count` words; the same number gives the same text. */
function textOf(number: number, count: number): string {
  return Array.from({ length: count }, (_, i) => words[(number * 7 + i * (number + 3)) % words.length]).join(
    ' ',
  )
}

/** Loads a random model with a tokenizer for the words above; it goes with the test. */
async function load(
  t: ExecutionContext,
  options: MakeOptions,
  encoderOptions: EncoderOptions = {},
): Promise<Encoder> {
  const directory = await makeCheckpoint(options)
  await writeFile(join(directory, 'vocab.txt'), vocabulary.join('\n'))
  return loadFrom(t, directory, encoderOptions)
}

async function loadFrom(t: ExecutionContext, directory: string, options: EncoderOptions = {}) {
  const encoder = await Encoder.load(directory, { ...onDevice, ...options })
  t.teardown(() => encoder.dispose())
  return encoder
}

async function write(name: string, lines: readonly string[]): Promise<string> {
  const file = join(temporaryDirectory('data'), name)
  await writeFile(file, `${lines.join('\n')}\n`)
  return file
}

function argmax(values: Float32Array): number {
  return values.indexOf(Math.max(...values))
}

const similarity = { task: 'similarity', data: join(demo, 'eval.tsv') } as const
const labelOf = ['O', 'B-animal', 'I-animal']
const entityLabels = { id2label: { 0: labelOf[0], 1: labelOf[1], 2: labelOf[2] } }

test('the demo model has its measured Spearman correlation', async (t) => {
  const encoder = await loadFrom(t, join(demo, 'model'))
  const { outcomes, ...result } = await evaluate(encoder, similarity)
  t.like(result, { task: 'similarity', metric: 'spearman', n: 375, truncated: 0, notes: [] })
  t.true(Math.abs(result.value - 0.91416) < 0.0005, `${result.value}`)
  t.is(result.metrics.spearman, result.value)
  t.true(result.interval[0] < result.value && result.value < result.interval[1])
  t.is(outcomes.n, 375)
})

test('similarity is the rank correlation of the cosines of embeddings made one by one', async (t) => {
  const encoder = await loadFrom(t, join(demo, 'model'))
  const steps: number[] = []
  const { value } = await evaluate(encoder, {
    ...similarity,
    limit: 60,
    onProgress: ({ done, total, unit }) => {
      t.deepEqual([total, unit], [60, 'examples'])
      steps.push(done)
    },
  })
  t.is(steps.at(-1), 60)

  const rows = (await readFile(similarity.data, 'utf8')).split('\n').slice(1, 61)
  const cosines: number[] = []
  const scores: number[] = []
  for (const row of rows) {
    const [first, second, score] = row.split('\t')
    const { vectors } = await encoder.embed([first!])
    const other = (await encoder.embed([second!])).vectors
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0)
    cosines.push(dot(vectors, other) / Math.sqrt(dot(vectors, vectors) * dot(other, other)))
    scores.push(Number(score))
  }
  t.true(Math.abs(value - spearman(cosines, scores)) < 1e-6)
})

test('equal arguments give equal intervals, and pooling another value', async (t) => {
  const encoder = await loadFrom(t, join(demo, 'model'))
  const options = { ...similarity, limit: 40 }
  const first = await evaluate(encoder, options)
  const again = await evaluate(encoder, { ...options, resamples: 10, seed: 1 })
  const cls = await evaluate(encoder, { ...options, pooling: 'cls' })
  t.deepEqual(first.intervals, again.intervals)
  t.is(first.intervalMethod, 'jackknife_fisher_z')
  t.deepEqual(first.intervals.spearman, { interval: first.interval, method: first.intervalMethod })
  t.not(cls.value, first.value)
})

test('classification is the share of sentences whose likeliest label is in the file', async (t) => {
  const encoder = await load(t, { head: 'ForSequenceClassification' }, { maxTokens: 64 })
  const sentences = Array.from({ length: 40 }, (_, i) => textOf(i, 3 + (i % 9)))
  const gold = sentences.map((_, i) => i % 3)
  let right = 0
  for (const [i, sentence] of sentences.entries()) {
    const [{ label } = { label: '' }] = await encoder.classify([sentence])
    if (label === `label ${gold[i]}`) right++
  }
  const row = (label: string, i: number) => `${sentences[i]}\t${label}`
  for (const spelt of [String, (label: number) => `label ${label}`]) {
    const data = await write('numbers.tsv', [
      'sentence\tlabel',
      ...gold.map((label, i) => row(spelt(label), i)),
    ])
    const result = await evaluate(encoder, { task: 'classification', data })
    t.like(result, { metric: 'accuracy', value: right / 40, n: 40, notes: [] })
    t.deepEqual(Object.keys(result.metrics), ['accuracy', 'macro_f1', 'matthews'])
  }
  const shouted = gold.map((label, i) => row(`LABEL ${label}`, i))
  const data = await write('names.tsv', ['sentence\tlabel', ...shouted])
  const { value, notes } = await evaluate(encoder, { task: 'classification', data })
  t.is(value, right / 40)
  t.regex(notes.join(), /differ from the model's in case/)
})

test('labels of one name count as one label, whichever of them is predicted', async (t) => {
  const sentences = Array.from({ length: 12 }, (_, i) => textOf(i, 4 + (i % 3)))
  for (const id2label of [
    { 0: 'yes', 1: 'yes', 2: 'yes' },
    { 0: 'no', 1: 'yes', 2: 'yes' },
    { 0: 'yes', 1: 'no', 2: 'yes' },
  ]) {
    const encoder = await load(t, { head: 'ForSequenceClassification', config: { id2label } })
    const found = await encoder.classify(sentences)
    for (const { label, score, scores } of found) t.is(scores[label], score)
    const rows = found.map(({ label }, i) => `${sentences[i]}\t${label}`)
    const data = await write('names.tsv', ['sentence\tlabel', ...rows])
    const { value, notes } = await evaluate(encoder, { task: 'classification', data })
    t.is(value, 1, JSON.stringify(id2label))
    t.regex(notes.join(), /labels have one name \(yes\)/)
    const shouted = found.map(({ label }, i) => `${sentences[i]}\t${label.toUpperCase()}`)
    const upper = await write('upper.tsv', ['sentence\tlabel', ...shouted])
    t.is((await evaluate(encoder, { task: 'classification', data: upper })).value, 1)
    const indices = found.map(({ label }, i) => `${sentences[i]}\t${Object.values(id2label).indexOf(label)}`)
    const numbered = await write('numbers.tsv', ['sentence\tlabel', ...indices])
    t.is((await evaluate(encoder, { task: 'classification', data: numbered })).value, 1)
  }
})

test('token classification reads the label at the first token of every word', async (t) => {
  const options = { head: 'ForTokenClassification', config: entityLabels } as const
  const encoder = await load(t, options, { maxTokens: 50 })
  const tokenizer = await encoder.tokenizer()
  const sentences = Array.from({ length: 12 }, (_, i) =>
    textOf(i, 2 + i)
      .split(' ')
      .map((word, k) => (k % 4 === 1 ? `${word}s` : word)),
  )
  let right = 0
  let count = 0
  const lines: string[] = []
  for (const [i, sentence] of sentences.entries()) {
    const { inputIds, firstPiece } = await tokenizer.encodeWords(sentence)
    const { logits } = await encoder.run([inputIds], { outputs: ['logits'] })
    for (const [k, word] of sentence.entries()) {
      const gold = labelOf[(i + k) % 3]!
      const at = firstPiece[k]!
      if (labelOf[argmax(logits!.subarray(3 * at, 3 * at + 3))] === gold) right++
      count++
      lines.push(`${word}\t${gold}`)
    }
    lines.push('')
  }
  const data = await write('words.conll', lines)
  const result = await evaluate(encoder, { task: 'token-classification', data })
  t.like(result, { metric: 'accuracy', value: right / count, n: 12, truncated: 0 })
  t.deepEqual(result.notes, [
    'Only 12 examples: intervals are wide, and those that are not exact may hold the true value less often than they say.',
  ])
  t.deepEqual(Object.keys(result.metrics), ['accuracy', 'entity_f1', 'entity_precision', 'entity_recall'])
})

test('words that were cut off or have no token count as wrong, and notes say how many', async (t) => {
  const options = { head: 'ForTokenClassification', config: entityLabels } as const
  const encoder = await load(t, options, { maxLength: 6 })
  const sentence = [...textOf(1, 3).split(' '), '\u0007', ...textOf(2, 5).split(' ')]
  const rightly = async (labels: readonly string[]) => {
    const data = await write(
      'long.conll',
      sentence.map((word, i) => `${word}\t${labels[i]}`),
    )
    return evaluate(encoder, { task: 'token-classification', data })
  }
  let right = 0
  for (const label of labelOf) {
    const { value, truncated, notes, metrics } = await rightly(sentence.map(() => label))
    right += Math.round(value * sentence.length)
    t.is(truncated, 1)
    t.regex(notes.join(), /^5 words were counted as wrong: beyond/)
    t.is(metrics.entity_f1 === undefined, label === 'O')
  }
  t.is(right, 4)
  const { notes } = await rightly(sentence.map((_, i) => (i === 0 ? 'I-unheard' : 'O')))
  t.regex(notes.join(), /1 word was counted as wrong: their labels are not among the model's \(I-unheard\)/)
})

/** The answer of all spans of all windows, each window run by itself. */
async function bruteForce(encoder: Encoder, question: string, context: string, mayLack: boolean) {
  const tokenizer = await Encoder.load(encoder.checkpoint).then((whole) => whole.tokenizer())
  const encoding = await tokenizer.encodeQuestion(question, context)
  const windows = questionWindows(encoding, (await encoder.tokenizer()).limit)
  const best = bestWindows(windows)
  let answer = { score: -Infinity, text: '' }
  let none = Infinity
  for (const [k, { sequence, first, end, contextBegin }] of windows.entries()) {
    const { logits } = await encoder.run([sequence], { outputs: ['logits'] })
    none = Math.min(none, logits![0]! + logits![1]!)
    for (let i = first; i < end; i++) {
      for (let j = i; j < end && best[i] === k; j++) {
        const at = (token: number) => 2 * (contextBegin + token - first)
        const score = logits![at(i)]! + logits![at(j) + 1]!
        const { begin } = encoding.contextTokens[i]!
        const text = context.slice(begin, encoding.contextTokens[j]!.end)
        if (score > answer.score) answer = { score, text }
      }
    }
  }
  return mayLack && none > answer.score ? '' : answer.text
}

test('question answering finds the best of all spans, in one window or several', async (t) => {
  const options = { head: 'ForQuestionAnswering', labels: 2, positions: 200 } as const
  // At most 20 tokens a window, so that the 20 candidates for either end are all tokens.
  const encoder = await load(t, { ...options, seed: 3 }, { maxLength: 20, maxTokens: 70 })
  const asked = Array.from({ length: 8 }, (_, i) => ({
    question: textOf(i, 4),
    context: `${textOf(i + 1, 6 + 4 * i)}.`,
  }))
  const answers = await Promise.all(asked.map((one) => bruteForce(encoder, one.question, one.context, false)))
  const lines = asked.map((one, i) => JSON.stringify({ ...one, answers: [answers[i]] }))
  const data = await write('questions.jsonl', lines)
  const result = await evaluate(encoder, { task: 'question-answering', data })
  t.deepEqual(result.metrics, { f1: 100, exact_match: 100 })
  t.like(result, { metric: 'f1', value: 100, n: 8, truncated: 0 })
  t.regex(result.notes.join(), /6 contexts were read in several windows/)
})

test('where a question of the file has no answer the model may give none', async (t) => {
  const options = { head: 'ForQuestionAnswering', labels: 2, positions: 200 } as const
  const found = new Set<boolean>()
  for (const seed of [3, 4, 5, 6]) {
    const encoder = await load(t, { ...options, seed }, { maxLength: 20 })
    const asked = [0, 1, 2, 3].map((i) => ({
      question: textOf(i, 3),
      context: textOf(i + 1, [1, 2, 15, 33][i]!),
    }))
    const answers = await Promise.all(
      asked.map((one) => bruteForce(encoder, one.question, one.context, true)),
    )
    for (const answer of answers) found.add(answer === '')
    const qas = asked.map(({ question, context }, i) => {
      const text = answers[i]!
      const qa = {
        id: String(i),
        question,
        is_impossible: text === '',
        answers: text === '' ? [] : [{ text }],
      }
      return { context, qas: [qa] }
    })
    const unanswered = { id: 'none', question: 'the', is_impossible: true, answers: [] }
    qas.push({ context: 'cat', qas: [unanswered] })
    const data = await write('squad.json', [JSON.stringify({ data: [{ paragraphs: qas }] })])
    const { value, notes } = await evaluate(encoder, { task: 'question-answering', data, limit: 4 })
    t.is(value, 100)
    t.regex(notes.join(), /may give none/)
  }
  t.is(found.size, 2)
})

test('windows cover the context, repeat the question, and begin one step apart', async (t) => {
  const encoder = await load(t, { head: 'ForQuestionAnswering', labels: 2, positions: 400 })
  const tokenizer = await encoder.tokenizer()
  const encoding = await tokenizer.encodeQuestion('the cat', textOf(4, 100))
  const windows = questionWindows(encoding, 45, 15)
  t.deepEqual(
    windows.map(({ first, end }) => [first, end]),
    [
      [0, 40],
      [15, 55],
      [30, 70],
      [45, 85],
      [60, 100],
    ],
  )
  for (const { sequence, tokens, first, end, contextBegin } of windows) {
    const { inputIds, tokenTypeIds } = sequence as { inputIds: number[]; tokenTypeIds: number[] }
    const alone = encoding.inputIds.slice(contextBegin + first, contextBegin + end)
    t.deepEqual(inputIds, [...encoding.inputIds.slice(0, contextBegin), ...alone, tokenizer.special.sep])
    t.deepEqual([inputIds.length, tokenTypeIds.length], [tokens, tokens])
  }
  // Token 34 has 34 before it and 5 behind in the first window, 19 and 20 in the second.
  const best = bestWindows(windows)
  t.deepEqual([best[0], best[34], best[35], best[99]], [0, 1, 1, 4])

  const empty = questionWindows(await tokenizer.encodeQuestion('the cat', ''), 45)
  t.deepEqual([empty.length, empty[0]!.tokens, bestWindows(empty).length], [1, 5, 0])
  t.throws(() => questionWindows(encoding, 5), { code: 'TASK_UNSUPPORTED' })
})

test('a long question is cut, and a context of no tokens is answered by nothing', async (t) => {
  const encoder = await load(t, { head: 'ForQuestionAnswering', labels: 2 }, { maxLength: 20 })
  const line = { question: textOf(1, 50), context: textOf(2, 9), answers: ['cat'] }
  const empty = { question: 'the cat', context: ' ', answers: [] }
  const data = await write('q.jsonl', [JSON.stringify(line), JSON.stringify(empty)])
  const { truncated, notes, metrics } = await evaluate(encoder, { task: 'question-answering', data })
  t.is(truncated, 1)
  t.regex(notes.join(), /1 question was cut/)
  t.true(metrics.exact_match === 50 || metrics.exact_match === 100)
})

/** Every token masked in a run of its own, with the softmax over the whole vocabulary. */
async function slowPseudoPerplexity(encoder: Encoder, texts: readonly string[]): Promise<number> {
  const tokenizer = await encoder.tokenizer()
  let sum = 0
  let count = 0
  for (const text of texts) {
    const { inputIds } = await tokenizer.encode(text)
    for (let at = 1; at < inputIds.length - 1; at++) {
      const masked = inputIds.with(at, tokenizer.special.mask!)
      const { logits, dims } = await encoder.run([masked], { outputs: ['logits'] })
      const width = dims.logits![1]!
      const row = Array.from(logits!.subarray(at * width, (at + 1) * width))
      const total = row.reduce((all, logit) => all + Math.exp(logit), 0)
      sum -= Math.log(Math.exp(row[inputIds[at]!]!) / total)
      count++
    }
  }
  return Math.exp(sum / count)
}

test('the pseudo-perplexity is that of masked runs one by one, however they are batched', async (t) => {
  const options = { head: 'ForMaskedLM', vocab: vocabulary.length } as const
  const texts = ['the cat sat on a mat.', 'xyzzy ran', textOf(3, 20), 'bird']
  const data = await write('texts.txt', ['', ...texts.flatMap((text) => [text, '', ' '])])
  for (const maxTokens of [1, 40, 16384]) {
    const encoder = await load(t, options, { maxTokens: Math.max(maxTokens, 40) })
    const expected = await slowPseudoPerplexity(encoder, texts)
    const result = await evaluate(encoder, { task: 'masked-lm', data })
    t.like(result, { metric: 'pseudo_perplexity', n: 4, truncated: 0 })
    t.true(Math.abs(result.value - expected) < 1e-5 * expected, `${result.value} ${expected}`)
    t.is(result.metrics.negative_log_likelihood, Math.log(result.value))

    const two = await evaluate(encoder, { task: 'masked-lm', data, limit: 2 })
    t.is(two.n, 2)
    t.true(Math.abs(two.value - (await slowPseudoPerplexity(encoder, texts.slice(0, 2)))) < 1e-3)
  }
})

test('a model compared with itself has no difference, with another one the difference of the values', async (t) => {
  const rows = Array.from({ length: 40 }, (_, i) => `${textOf(i, 5)}\t${i % 3}`)
  const data = await write('sentences.tsv', ['sentence\tlabel', ...rows])
  const options = { task: 'classification', data } as const
  const first = await evaluate(await load(t, { head: 'ForSequenceClassification' }), options)
  const other = await evaluate(await load(t, { head: 'ForSequenceClassification', seed: 7 }), options)
  const same = compareEvaluations(first, first)
  t.like(same, { difference: 0, pValue: 1, test: 'mcnemar_mid_p', intervalMethod: 'tango' })
  t.true(same.interval[0] < 0 && same.interval[1] > 0)
  const { difference, n } = compareEvaluations(first, other, { resamples: 100, seed: 2 })
  t.deepEqual([difference, n], [first.value - other.value, 40])
})

test('evaluations of different tasks, sizes or tokens are not compared', async (t) => {
  const data = await write('texts.txt', [textOf(1, 12), textOf(2, 5)])
  const options = { head: 'ForMaskedLM', vocab: vocabulary.length } as const
  const encoder = await load(t, options)
  const both = await evaluate(encoder, { task: 'masked-lm', data })
  const one = await evaluate(encoder, { task: 'masked-lm', data, limit: 1 })
  const cut = await evaluate(await load(t, options, { maxLength: 8 }), { task: 'masked-lm', data })
  t.is(cut.truncated, 1)
  const pairs = await write('pairs.tsv', ['sentence1\tsentence2\tscore', 'a\tb\t1', 'a\ta\t5'])
  const alike = await evaluate(encoder, { task: 'similarity', data: pairs })
  t.throws(() => compareEvaluations(both, alike), { instanceOf: RangeError, message: /task/ })
  t.throws(() => compareEvaluations(both, one), { instanceOf: RangeError, message: /second.n/ })
  t.throws(() => compareEvaluations(both, cut), { code: 'TASK_UNSUPPORTED' })
  t.throws(() => compareEvaluations(both, {} as never), { instanceOf: TypeError, message: /`second`/ })
})

test('a model without the head is refused before the file is read', async (t) => {
  const encoder = await load(t, {})
  const tasks = ['classification', 'token-classification', 'question-answering', 'masked-lm'] as const
  for (const task of tasks) {
    const refusal = await t.throwsAsync(evaluate(encoder, { task, data: 'not there' }))
    t.like(refusal, { code: 'TASK_UNSUPPORTED' }, task)
    t.regex(refusal!.message, /needs a model with a .* head; this one has no head/)
  }
})

test('heads that give a number or several labels are refused for classification', async (t) => {
  const head = 'ForSequenceClassification'
  const cases = [
    [{ head, labels: 1 }, /a number/],
    [{ head, config: { problem_type: 'regression' } }, /a number/],
    [{ head, config: { problem_type: 'multi_label_classification' } }, /any number of labels/],
  ] as const
  for (const [options, message] of cases) {
    const encoder = await load(t, options)
    const task = evaluate(encoder, { task: 'classification', data: 'not there' })
    await t.throwsAsync(task, { code: 'TASK_UNSUPPORTED', message })
  }
})

test('labels of another task are refused with the line', async (t) => {
  const sentences = await write('s.tsv', ['sentence\tlabel', 'the cat\tlabel 1', 'a dog\tblue'])
  const classifier = await load(t, { head: 'ForSequenceClassification' })
  const refused = { code: 'DATA_INVALID', message: /line 3: .*'blue'/ }
  await t.throwsAsync(evaluate(classifier, { task: 'classification', data: sentences }), refused)

  const tagged = await write('w.conll', ['the\tDET', 'cat\tNOUN'])
  const tagger = await load(t, { head: 'ForTokenClassification' })
  await t.throwsAsync(evaluate(tagger, { task: 'token-classification', data: tagged }), {
    code: 'DATA_INVALID',
    message: /line 1: .*label 0.*DET, NOUN/,
  })
})

test('weights that give no numbers are refused', async (t) => {
  const directory = await makeCheckpoint({ head: 'ForSequenceClassification' })
  await writeFile(join(directory, 'vocab.txt'), vocabulary.join('\n'))
  const file = join(directory, 'model.safetensors')
  const bytes = await readFile(file)
  const header = Number(bytes.readBigUInt64LE(0))
  const entries = JSON.parse(bytes.toString('utf8', 8, 8 + header))
  bytes.writeFloatLE(Number.NaN, 8 + header + entries['classifier.bias'].data_offsets[0])
  await writeFile(file, bytes)
  const data = await write('s.tsv', ['sentence\tlabel', 'the cat\t1'])
  await t.throwsAsync(evaluate(await loadFrom(t, directory), { task: 'classification', data }), {
    code: 'CHECKPOINT_UNSUPPORTED',
    message: /computes NaN for the label of a sentence/,
  })
})

test('misuse is refused by name, and an aborted signal rejects with its reason', async (t) => {
  const encoder = await load(t, {})
  const data = await write('p.tsv', ['sentence1\tsentence2\tscore', 'a\tb\t1'])
  const options = { task: 'similarity', data } as const
  const cases: [object, RegExp][] = [
    [{ ...options, limits: 3 }, /`limits`.*`limit`/],
    [{ ...options, task: 'similarities' }, /`task`.*similarity/],
    [{ ...options, limit: 0 }, /`limit`/],
    [{ ...options, data: '' }, /`data`/],
    [{ ...options, resamples: 0 }, /`resamples`/],
    [{ ...options, pooling: 'median' }, /`pooling`/],
    [{ ...options, format: 'squad' }, /`format`/],
    [{ ...options, onProgress: 1 }, /`onProgress`/],
    [{ ...options, task: 'masked-lm', pooling: 'cls' }, /`pooling`.*similarity/],
  ]
  for (const [wrong, message] of cases) {
    const error = await t.throwsAsync(evaluate(encoder, wrong as never), { message })
    t.true(error instanceof TypeError || error instanceof RangeError, String(message))
  }
  const answers = await load(t, { head: 'ForQuestionAnswering', labels: 2 })
  const columns = evaluate(answers, { task: 'question-answering', data, columns: { question: 1 } })
  await t.throwsAsync(columns, { instanceOf: TypeError, message: /`question` in `columns`/ })
  await t.throwsAsync(evaluate({} as never, options), { instanceOf: TypeError, message: /`encoder`/ })

  const reason = new Error('enough')
  const signal = AbortSignal.abort(reason)
  t.is(await t.throwsAsync(evaluate(encoder, { ...options, signal })), reason)
  const controller = new AbortController()
  const many = await write('m.tsv', ['sentence1\tsentence2\tscore', ...Array(300).fill('a\tb\t1')])
  const onProgress = () => controller.abort(reason)
  const late = evaluate(encoder, { ...options, data: many, signal: controller.signal, onProgress })
  t.is(await t.throwsAsync(late), reason)
})
