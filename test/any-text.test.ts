import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { Calibration, Checkpoint, Encoder, evaluate } from 'twofour'
import { type MadeFamily, madeFamilies, type madeHeads, makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'
import { bertJson, byteLevelJson, put, unigramJson, vocabTxt } from './tiny-tokenizers.js'

const texts = [
  ...[
    '',
    ' ',
    '\t\n',
    'the cat sat.',
    'The  CAT',
    'naïve café',
    '中𠀀',
    '👩\u200d👧',
    '\ud83d',
    'a\udc00b',
    '\0\u0001',
  ],
  ...['\ufeff\u0085\u200d', '[CLS] [SEP] <s> </s> <pad>', 'x'.repeat(300), 'the '.repeat(200)],
]
const files = {
  'vocab.txt': vocabTxt,
  WordPiece: bertJson(),
  'byte-level': byteLevelJson(),
  Unigram: unigramJson(),
}
type Kind = keyof typeof files
const kinds = Object.keys(files) as readonly Kind[]

/** Where a vocabulary names its special tokens otherwise than the family's own class, the config says so. */
const genericConfig = { tokenizer_class: 'PreTrainedTokenizerFast' }

const labels = { id2label: { 0: 'label_0', 1: 'label_1' } }

async function model(family: MadeFamily, head: (typeof madeHeads)[number], kind: Kind): Promise<Encoder> {
  const directory = await makeCheckpoint({ family, head, vocab: 300, labels: 2, config: labels })
  if (kind === 'vocab.txt')
    await put(directory, {
      'vocab.txt': vocabTxt,
      'tokenizer_config.json': { tokenizer_class: 'BertTokenizer' },
    })
  else await put(directory, { 'tokenizer.json': files[kind], 'tokenizer_config.json': genericConfig })
  return Encoder.load(await Checkpoint.open(directory), { threads: 1 })
}

async function file(name: string, content: string): Promise<string> {
  const path = join(temporaryDirectory('any-text'), name)
  await writeFile(path, content)
  return path
}

for (const family of madeFamilies) {
  test(`any text, pair, word list and question runs on ${family} with every kind of tokenizer`, async (t) => {
    const pairs = texts.flatMap((first, i) => [[first, texts.at(-1 - i)!] as const])
    // A file holds whole characters.
    const whole = texts.map((text) => text.replace(/\p{Surrogate}/gu, '\ufffd'))
    const questions = whole.map((context, id) => {
      return { id: `${id}`, question: whole.at(-1 - id)!, context, answers: ['cat'] }
    })
    const squad = await file('squad.jsonl', questions.map((each) => JSON.stringify(each)).join('\n'))
    const conll = await file(
      'words.conll',
      'the label_0\n👩\u200d👧 label_1\n\ufeff label_1\n\nCAT label_0\n',
    )
    for (const kind of kinds) {
      const encoder = await model(family, 'Model', kind)
      const { hidden } = encoder.spec
      for (const some of [texts, pairs]) {
        const { vectors, dims } = await encoder.embed(some)
        t.deepEqual(dims, [texts.length, hidden])
        t.true(vectors.every(Number.isFinite), kind)
      }
      t.is((await Calibration.fromTexts(encoder.checkpoint, pairs)).examples, pairs.length)
      encoder.dispose()

      const classifier = await model(family, 'ForSequenceClassification', kind)
      t.is((await classifier.classify([...texts, ...pairs])).length, texts.length + pairs.length)
      classifier.dispose()

      const asked = await model(family, 'ForQuestionAnswering', kind)
      const answered = await evaluate(asked, { task: 'question-answering', data: squad, resamples: 10 })
      t.is(answered.n, questions.length)
      asked.dispose()

      const tagger = await model(family, 'ForTokenClassification', kind)
      const tagged = await evaluate(tagger, { task: 'token-classification', data: conll, resamples: 10 })
      t.is(tagged.n, 2)
      tagger.dispose()

      const filler = await model(family, 'ForMaskedLM', kind)
      const { mask } = (await filler.tokenizer()).special
      if (mask !== undefined) {
        const token = (await filler.tokenizer()).tokenOf(mask)
        const filled = await filler.fillMask(
          texts.slice(0, 11).map((text) => `${token} ${text}`),
          { top: 2 },
        )
        t.true(filled.every((each) => each.length > 0))
      }
      filler.dispose()
    }
  })
}
