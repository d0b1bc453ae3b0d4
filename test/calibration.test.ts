import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { Calibration, type CalibrationLabels, Checkpoint, type Sequence } from 'twofour'
import { Draws } from '../lib/calibration/draw.js'
import { type MakeOptions, makeCheckpoint } from './make-checkpoint.js'
import { newDirectory } from './pruned-weights.js'
import { byteLevelJson, put, vocabTxt } from './tiny-tokenizers.js'

/** A model with a tokenizer of 21 tokens, where 2 … 3 are around a text, 4 is the mask, 5 `the`, 6 `cat`. */
async function withTokenizer(options: MakeOptions = {}): Promise<Checkpoint> {
  const directory = await makeCheckpoint(options)
  await put(directory, { 'vocab.txt': vocabTxt })
  return Checkpoint.open(directory)
}

async function file(name: string, content: string): Promise<string> {
  const path = join(await newDirectory(), name)
  await writeFile(path, content)
  return path
}

/** Token ids of each sequence. */
function sequencesOf({ ids, offsets }: Calibration): number[][] {
  return Array.from({ length: offsets.length - 1 }, (_, i) => [...ids.slice(offsets[i], offsets[i + 1])])
}

function numbersOf(labels: CalibrationLabels | null): number[] {
  if (labels === null) return []
  if (labels.kind === 'scores') return [...labels.scores]
  return labels.kind === 'spans' ? [...labels.starts, ...labels.ends] : [...labels.labels]
}

test('texts and pairs become token ids as the tokenizer of the model makes them', async (t) => {
  const checkpoint = await withTokenizer()
  const calibration = await Calibration.fromTexts(checkpoint, ['the cat', ['the', 'mat.']])
  t.deepEqual(sequencesOf(calibration), [
    [2, 5, 6, 3],
    [2, 5, 3, 20, 11, 3],
  ])
  t.deepEqual([...calibration.types], [0, 0, 0, 0, 0, 0, 0, 1, 1, 1])
  t.like(calibration, {
    examples: 2,
    sequences: 2,
    tokens: 10,
    labels: null,
    task: null,
    truncated: 0,
    notes: [],
  })
})

test('token ids are taken as they are, and cut to the positions of the model', async (t) => {
  const checkpoint = await Checkpoint.open(await makeCheckpoint({ positions: 5 }))
  const long = [1, 2, 3, 4, 5, 6, 7]
  const sequences = [[9], Int32Array.from(long), { inputIds: long, tokenTypeIds: long.map(() => 1) }]
  const calibration = await Calibration.fromIds(checkpoint, sequences)
  t.deepEqual(sequencesOf(calibration), [[9], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]])
  t.deepEqual([...calibration.types], [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
  t.is(calibration.truncated, 2)
  t.deepEqual(calibration.notes, ['Of 2 of them something was cut off.'])
})

test('a limit draws different examples under a seed, in their order', async (t) => {
  const checkpoint = await Checkpoint.open(await makeCheckpoint())
  const all = Array.from({ length: 60 }, (_, id) => [id])
  const drawn = async (seed: number) => {
    const calibration = await Calibration.fromIds(checkpoint, all, { limit: 20, seed })
    t.deepEqual(calibration.notes, ['20 of 60 examples were drawn.'])
    return { ids: sequencesOf(calibration).flat(), digest: calibration.digest }
  }
  const [first, again, other] = [await drawn(1), await drawn(1), await drawn(2)]
  t.deepEqual(again, first)
  t.notDeepEqual(other.ids, first.ids)
  t.not(other.digest, first.digest)
  t.deepEqual(
    first.ids,
    [...new Set(first.ids)].sort((a, b) => a - b),
  )
  t.is(first.ids.length, 20)
  const every = await Calibration.fromIds(checkpoint, all, { limit: Infinity })
  t.deepEqual(sequencesOf(every), all)
})

test('every example is drawn about as often as the others', (t) => {
  const counts = new Float64Array(10)
  for (let seed = 0; seed < 2000; seed++) for (const at of new Draws(seed).without(10, 3)) counts[at]!++
  // 600 each; eight standard deviations of a binomial.
  for (const count of counts) t.true(Math.abs(count - 600) < 8 * Math.sqrt(2000 * 0.3 * 0.7), `${count}`)
})

test('similarity pairs are two sequences each, with their scores as the file has them', async (t) => {
  const data = await file('pairs.tsv', 'a\tb\tgold\nthe\tcat\t2.5\nthe cat\tsat\t5\n')
  const columns = { sentence1: 'a', sentence2: 'b', score: 'gold' }
  const calibration = await Calibration.open(await withTokenizer(), data, { task: 'similarity', columns })
  t.deepEqual(sequencesOf(calibration), [
    [2, 5, 3],
    [2, 6, 3],
    [2, 5, 6, 3],
    [2, 8, 3],
  ])
  t.like(calibration, { examples: 2, sequences: 4, task: 'similarity' })
  t.is(calibration.labels!.kind, 'scores')
  t.deepEqual(numbersOf(calibration.labels), [2.5, 5])
})

test('labels of texts become indices where the model chooses between labels, else a note', async (t) => {
  const data = await file('data.csv', 'sentence,label\nthe cat,label 2\nsat,LABEL 0\n')
  const classifier = await withTokenizer({ head: 'ForSequenceClassification' })
  const calibration = await Calibration.open(classifier, data, { task: 'classification' })
  t.is(calibration.labels!.kind, 'classes')
  t.deepEqual(numbersOf(calibration.labels), [2, 0])

  const plain = await Calibration.open(await withTokenizer(), data, { task: 'classification' })
  t.is(plain.labels, null)
  t.regex(plain.notes[0]!, /does not choose between labels/)
  t.deepEqual(sequencesOf(plain), sequencesOf(calibration))
})

test('labels of words stand at their first tokens', async (t) => {
  const data = await file('data.conll', 'the label 1\nsatting label 2\ncat other\n')
  const tagger = await withTokenizer({ head: 'ForTokenClassification' })
  const text = 'the\tlabel 1\nsatting\tlabel 2\ncat\tother\n'
  const spaced = await file('tagged.conll', text.replaceAll('label ', 'label_'))
  const config = { id2label: { 0: 'label_0', 1: 'label_1', 2: 'label_2' } }
  const named = await withTokenizer({ head: 'ForTokenClassification', config })
  const calibration = await Calibration.open(named, spaced, { task: 'token-classification' })
  t.deepEqual(sequencesOf(calibration), [[2, 5, 8, 10, 6, 3]])
  t.is(calibration.labels!.kind, 'tokens')
  t.deepEqual(numbersOf(calibration.labels), [-1, 1, 2, -1, -1, -1])

  const unknown = await Calibration.open(tagger, data, { task: 'token-classification' })
  t.true(numbersOf(unknown.labels).every((label) => label === -1))
})

test('questions come with the window that holds the answer, and its span', async (t) => {
  const context = `${'the '.repeat(60)}cat sat . ${'the '.repeat(20)}`
  const lines = [
    { question: 'sat the', context: 'the cat sat .', answers: ['cat sat'] },
    { question: 'sat the', context: 'the cat', answers: [] },
    { question: 'the', context, answers: ['nowhere', 'cat'] },
    { question: 'the', context, answers: ['nowhere'] },
  ]
  const data = await file('data.jsonl', lines.map((line) => JSON.stringify(line)).join('\n'))
  const model = await withTokenizer({ head: 'ForQuestionAnswering' })
  const calibration = await Calibration.open(model, data, { task: 'question-answering' })

  const [first, second, third, fourth] = sequencesOf(calibration)
  t.deepEqual(first, [2, 8, 5, 3, 5, 6, 8, 11, 3])
  t.deepEqual(second, [2, 8, 5, 3, 5, 6, 3])
  t.true(third!.length <= 40 && third!.includes(6))
  t.false(fourth!.includes(6))
  const { starts, ends } = calibration.labels as CalibrationLabels & { kind: 'spans' }
  t.deepEqual([...starts.slice(0, 2), ...ends.slice(0, 2)], [5, 0, 6, 0])
  t.is(third![starts[2]!], 6)
  t.is(ends[2], starts[2])
  t.deepEqual([starts[3], ends[3]], [-1, -1])
  t.is(calibration.truncated, 2)
})

test('masks stand for 15 % of the tokens of each text, the same under a seed', async (t) => {
  const model = await withTokenizer({ head: 'ForMaskedLM' })
  const data = await file('texts.txt', `cat\n${'the cat sat . '.repeat(5)}\n`)
  const masked = (seed: number) => Calibration.open(model, data, { task: 'masked-lm', seed })
  const calibration = await masked(1)
  const labels = numbersOf(calibration.labels)
  const plain = await Calibration.open(model, data)
  t.deepEqual(
    [...calibration.ids].map((id, at) => (labels[at] === -1 ? id : labels[at]!)),
    [...plain.ids],
  )
  for (const [at, label] of labels.entries()) if (label !== -1) t.is(calibration.ids[at], 4)
  t.is(labels.slice(0, 3).filter((label) => label !== -1).length, 1)
  t.is(labels.slice(3).filter((label) => label !== -1).length, 3)
  t.deepEqual((await masked(1)).ids, calibration.ids)
  t.notDeepEqual((await masked(2)).ids, calibration.ids)
  // A mask hides no overlap.
  t.deepEqual(calibration.overlap(plain), { examples: 2, sequences: 2 })
})

test('an overlap counts what of other data is here too', async (t) => {
  const model = await withTokenizer()
  const pairs = async (text: string) => {
    const data = await file('pairs.tsv', `sentence1\tsentence2\tscore\n${text}`)
    return Calibration.open(model, data, { task: 'similarity' })
  }
  const here = await pairs('the\tcat\t1\nsat\tmat\t2\n')
  const there = await pairs('cat\tthe\t5\nthe\tmat\t1\n.\t,\t0\n')
  t.deepEqual(here.overlap(there), { examples: 1, sequences: 4 })
  t.deepEqual(there.overlap(here), { examples: 1, sequences: 3 })
  t.deepEqual(here.overlap(await Calibration.fromTexts(model, ['.', '!'])), { examples: 0, sequences: 0 })
})

test('data of any family can be read; one without token types gets none', async (t) => {
  const directory = await makeCheckpoint({ family: 'roberta', vocab: 300 })
  await put(directory, { 'tokenizer.json': byteLevelJson() })
  const calibration = await Calibration.fromTexts(await Checkpoint.open(directory), [['the cat', 'the']])
  t.is(calibration.types.length, 0)
  t.true(calibration.tokens > 5)
})

test('reading can be followed and stopped', async (t) => {
  const model = await withTokenizer()
  const texts = Array.from({ length: 40 }, () => 'the cat')
  const seen: [string, number, number][] = []
  const onProgress = ({ stage, done, total }: { stage: string; done: number; total: number }) => {
    seen.push([stage, done, total])
  }
  await Calibration.fromTexts(model, texts, { onProgress })
  t.deepEqual(seen, [
    ['tokenise', 16, 40],
    ['tokenise', 32, 40],
    ['tokenise', 40, 40],
  ])
  const controller = new AbortController()
  const reason = new Error('enough')
  const stopped = Calibration.fromTexts(model, texts, {
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  })
  t.is(await t.throwsAsync(stopped), reason)
})

test('data made for another model is refused where that model cannot read it', async (t) => {
  const model = await Checkpoint.open(await makeCheckpoint())
  const calibration = await Calibration.fromIds(model, [[1, 50, 3], { inputIds: [1], tokenTypeIds: [1] }])
  t.notThrows(() => calibration.checkFits(model.spec))
  t.throws(() => calibration.checkFits({ ...model.spec, vocab: 50 }), {
    instanceOf: RangeError,
    message: /token ids up to 49, got 50.*same checkpoint/,
  })
  t.throws(() => calibration.checkFits({ ...model.spec, positions: 2 }), { message: /up to 2, got 3/ })
  t.throws(() => calibration.checkFits({ ...model.spec, tokenTypes: 0 }), { message: /types up to 0, got 1/ })
})

test('what is no calibration data is refused', async (t) => {
  const model = await withTokenizer()
  const { fromIds, fromTexts, open } = Calibration
  const refused = async (promise: Promise<unknown>, message: RegExp) => t.throwsAsync(promise, { message })
  await refused(fromIds('model' as never, []), /`checkpoint`.*open Checkpoint/)
  await refused(fromIds(model, 'ids' as never), /`sequences`/)
  await refused(fromIds(model, [[1], null as never]), /`sequences\[1\]`/)
  await refused(fromIds(model, [[1], { inputIds: [1], tokenTypeIds: [] }]), /sequences\[1\].tokenTypeIds/)
  await refused(fromIds(model, [[1], [99]] as Sequence[]), /`sequences\[1\].inputIds\[0\]`/)
  await refused(fromIds(model, []), /at least one example/)
  await refused(fromIds(model, [[1]], { limit: 0 }), /`limit`/)
  await refused(fromIds(model, [[1]], { limt: 1 } as never), /Did you mean `limit`/)
  await refused(fromTexts(model, ['a', 3 as never]), /texts\[1\]/)
  await refused(open(model, 'nowhere.txt'), /found none/)
  await refused(open(model, await file('a.tsv', 'text\nthe\n')), /column named `sentence`/)
  await refused(open(model, 'a.tsv', { task: 'similarty' as never }), /Did you mean `similarity`/)
  const bare = await Checkpoint.open(await makeCheckpoint())
  await t.throwsAsync(fromTexts(bare, ['the']), { code: 'TOKENIZER_MISSING' })
})

test('examples of which another set holds a sequence are left out of what was drawn', async (t) => {
  const checkpoint = await withTokenizer()
  const pairs = await file(
    'pairs.tsv',
    'sentence1\tsentence2\tscore\nthe\tcat\t1\nmat\tsat\t2\nthe mat\t.\t3\n',
  )
  const exclude = await Calibration.fromTexts(checkpoint, ['sat', 'the cat'])
  const left = await Calibration.open(checkpoint, pairs, { task: 'similarity', exclude })
  t.deepEqual([left.examples, left.sequences, numbersOf(left.labels)], [2, 4, [1, 3]])
  t.deepEqual(left.notes, ['1 of 3 examples were left out, for sequences that are excluded.'])
  t.deepEqual(left.overlap(exclude), { examples: 0, sequences: 0 })

  const all = await Calibration.open(checkpoint, pairs, { task: 'similarity' })
  const none = Calibration.open(checkpoint, pairs, { task: 'similarity', exclude: all })
  await t.throwsAsync(none, {
    instanceOf: RangeError,
    message: /at least one example beside the excluded ones/,
  })
  await t.throwsAsync(Calibration.fromIds(checkpoint, [[5]], { exclude: [] as never }), {
    message: /`exclude` to be a Calibration/,
  })
})
