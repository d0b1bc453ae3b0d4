import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { readPairs, readSentences, readTexts } from '../lib/evaluation/labelled.js'
import { labelIndices } from '../lib/evaluation/labels.js'
import { readSquad } from '../lib/evaluation/squad.js'
import { readTable } from '../lib/evaluation/table.js'
import { readTagged } from '../lib/evaluation/tagged.js'

let directory: string
test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'twofour-evaluation-'))
})
test.after.always(() => rm(directory, { recursive: true }))

let written = 0
/** Writes a file of its own and gives its path. */
async function write(extension: string, content: string | Uint8Array): Promise<string> {
  const file = join(directory, `${written++}${extension}`)
  await writeFile(file, content)
  return file
}

const utf16 = Uint8Array.of(0xff, 0xfe, 0x61, 0x00)
const numbered = { sentence1: '5', sentence2: '6', score: '4' }
const refused = (message: RegExp) => ({ name: 'TwofourError', code: 'DATA_INVALID', message })

test('a TSV file is read by its header, in any column order, without quoting', async (t) => {
  const file = await write('.tsv', 'score\tsentence2\tsentence1\n2.5\t"b\ta, b"\n-1e-1\td\tc\n')
  const { sentence1, sentence2, scores, lines, notes } = await readPairs(file)
  t.deepEqual(sentence1, ['a, b"', 'c'])
  t.deepEqual(sentence2, ['"b', 'd'])
  t.deepEqual([...scores], [2.5, -0.1])
  t.deepEqual([lines, notes], [[2, 3], []])
})

test('labelled pairs are read where the columns name one of the two sentences', async (t) => {
  const file = await write('.tsv', 'label\tpremise\tsentence2\nyes\ta\tb\n')
  const { sentences, labels } = await readSentences(file, { columns: { sentence1: 'premise' } })
  t.deepEqual([sentences, labels], [[['a', 'b']], ['yes']])
})

test('a byte order mark, CRLF and empty lines at the end do not count', async (t) => {
  for (const extension of ['.tsv', '.csv']) {
    const separator = extension === '.tsv' ? '\t' : ','
    const row = (...cells: string[]) => `${cells.join(separator)}\r\n`
    const file = await write(extension, `\uFEFF${row('sentence', 'label')}${row('good', '1')}\r\n\n`)
    const { sentences, labels } = await readSentences(file)
    t.deepEqual([sentences, labels], [['good'], ['1']], extension)
  }
})

test('a CSV file is read by RFC 4180, and rows keep the line they begin on', async (t) => {
  const file = await write('.csv', 'label,sentence\npos,"a, ""b""\nc"\nneg,d\nneg,"e"')
  const { sentences, labels, lines } = await readSentences(file)
  t.deepEqual(sentences, ['a, "b"\nc', 'd', 'e'])
  t.deepEqual(labels, ['pos', 'neg', 'neg'])
  t.deepEqual(lines, [2, 4, 5])
})

test('a file named .csv whose first line holds tabs is read as TSV, and a note says so', async (t) => {
  const row = 'main\tMSRvid\t2012\t24\t2.500\tA "girl, styling.\tA girl.'
  const file = await write('.csv', `${row}\n${row}\tmore\tcolumns\n`)
  const { sentence1, scores, notes } = await readPairs(file, { columns: numbered })
  t.deepEqual(sentence1, ['A "girl, styling.', 'A "girl, styling.'])
  t.deepEqual([...scores], [2.5, 2.5])
  t.is(notes.length, 1)
  t.regex(notes[0]!, /first line holds tabs: read as TSV/)
})

test('a format that is asked for wins over the extension', async (t) => {
  const csv = await write('.csv', 'sentence,label\n"a\tb",1\n')
  t.deepEqual((await readSentences(csv, { format: 'csv' })).sentences, ['a\tb'])
  const unknown = await write('.dat', 'sentence\tlabel\na\t1\n')
  t.deepEqual((await readSentences(unknown, { format: 'tsv' })).sentences, ['a'])
})

test('columns are found by name, by number, or both', async (t) => {
  const file = await write('.tsv', 'id\ttext\tgold\n7\ta\tx\n')
  const read = async (columns: Record<string, string | number>) =>
    (await readTable(file, ['sentence', 'label'], { columns })).rows
  const row = { line: 2, cells: ['a', 'x'] }
  t.deepEqual(await read({ sentence: 'text', label: 'gold' }), [row])
  t.deepEqual(await read({ sentence: '1', label: 'gold' }), [row])
  t.deepEqual(await read({ sentence: 1, label: 2 }), [{ line: 1, cells: ['text', 'gold'] }, row])
})

test('rows longer than the header are read and counted in a note', async (t) => {
  const { notes } = await readSentences(await write('.tsv', 'sentence\tlabel\na\t1\nb\t0\tc\n'))
  t.deepEqual(notes.length, 1)
  t.regex(notes[0]!, /1 row has more cells than the header; the first is line 3/)
})

test('JSON Lines hold objects or arrays, with strings, numbers and booleans', async (t) => {
  const objects = await write(
    '.jsonl',
    '{"sentence":"a","label":1,"x":null}\n{"label":true,"sentence":"b"}\n',
  )
  t.deepEqual((await readSentences(objects)).labels, ['1', 'true'])
  const arrays = await write('.json', '["a","b",0.5]\r\n["c","d","4"]')
  const { sentence2, scores } = await readPairs(arrays, { columns: { sentence1: 0, sentence2: 1, score: 2 } })
  t.deepEqual(
    [sentence2, [...scores]],
    [
      ['b', 'd'],
      [0.5, 4],
    ],
  )
})

test('texts are the lines of a .txt file that are not blank, or a column', async (t) => {
  const { texts, lines } = await readTexts(await write('.txt', '\n = Title = \n \n First one .\r\n'))
  t.deepEqual(
    [texts, lines],
    [
      ['= Title =', 'First one .'],
      [2, 4],
    ],
  )
  const table = await write('.tsv', 'id\ttext\n1\ta b\n')
  t.deepEqual((await readTexts(table, { columns: { sentence: 'text' } })).texts, ['a b'])
})

const conllu = `# text = I don't
1\tI\tI\tPRON\tPRP\tNumber=Sing\t2\tnsubj\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\tdo\tAUX\tVBP\t_\t0\troot\t_\t_
3\tn't\tnot\tPART\tRB\t_\t2\tadvmod\t_\t_
3.1\tgo\tgo\tVERB\tVB\t_\t_\t_\t_\t_

# text = _
1\t_\t_\tPUNCT\tNFP\t_\t0\troot\t_\t_
`

test('a CoNLL-U file gives syntactic words with the label column asked for', async (t) => {
  const file = await write('.conllu', conllu)
  const { sentences } = await readTagged(file)
  t.deepEqual(sentences, [
    { line: 2, words: ['I', 'do', "n't"], labels: ['PRON', 'AUX', 'PART'] },
    { line: 9, words: ['_'], labels: ['PUNCT'] },
  ])
  const labels = async (column: 'xpos' | 'feats') => (await readTagged(file, { column })).sentences[0]!.labels
  t.deepEqual(await labels('xpos'), ['PRP', 'VBP', 'RB'])
  t.deepEqual(await labels('feats'), ['Number=Sing', '_', '_'])
})

test('a CoNLL file gives the first column as word and the last as label', async (t) => {
  const tabs = await write('.iob', 'New York\tB-LOC\r\n#\tO\r\n\r\n\r\nhi\tO\r\n')
  t.deepEqual((await readTagged(tabs)).sentences, [
    { line: 1, words: ['New York', '#'], labels: ['B-LOC', 'O'] },
    { line: 5, words: ['hi'], labels: ['O'] },
  ])
  const spaces = await write('.conll', '-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\n')
  t.deepEqual((await readTagged(spaces)).sentences, [{ line: 3, words: ['EU'], labels: ['B-ORG'] }])
})

const squad = (qas: unknown) =>
  JSON.stringify({ version: 'v2.0', data: [{ paragraphs: [{ context: 'c', qas }] }] })

test('SQuAD documents give every accepted answer, and none where there is none', async (t) => {
  const file = await write(
    '.json',
    squad([
      {
        id: '1',
        question: 'q',
        answers: [
          { text: 'a', answer_start: 0 },
          { text: 'b', answer_start: 3 },
        ],
      },
      { id: '2', question: 'r', answers: [], is_impossible: true, plausible_answers: [{ text: 'x' }] },
    ]),
  )
  const { questions } = await readSquad(file)
  t.deepEqual(questions, [
    { id: '1', question: 'q', context: 'c', answers: ['a', 'b'] },
    { id: '2', question: 'r', context: 'c', answers: [] },
  ])
})

test('questions one a line take each form of answers', async (t) => {
  const answers = ['a', ['a'], [{ text: 'a' }], { text: ['a'], answer_start: [0] }, [], '', { text: [] }]
  const lines = answers
    .map((value) => JSON.stringify({ question: 'q', context: 'c', answers: value }))
    .join('\n')
  for (const extension of ['.jsonl', '.json']) {
    const { questions } = await readSquad(await write(extension, lines))
    t.deepEqual(
      questions.map((question) => question.answers),
      [['a'], ['a'], ['a'], ['a'], [], [], []],
    )
    t.is(questions[1]!.id, 'line 2')
  }
})

test('labels are matched by name, without case, or by index', (t) => {
  const indices = (labels: string[], names: string[]) => [
    ...labelIndices({ file: 'f', labels, lines: labels.map((_, i) => i + 2) }, names),
  ]
  t.deepEqual(indices(['positive', 'NEGATIVE'], ['NEGATIVE', 'POSITIVE']), [1, 0])
  t.deepEqual(indices(['a', 'A'], ['A', 'a']), [1, 0])
  t.deepEqual(indices(['1', '0'], ['no', 'yes']), [1, 0])
  t.deepEqual(indices(['1', '2'], ['2', '1']), [1, 0])
})

test('labels that the model lacks are refused with their line', (t) => {
  const indices = (label: string) => () =>
    labelIndices({ file: 'f.tsv', labels: ['no', label], lines: [2, 3] }, ['no', 'yes'])
  t.throws(
    indices('yess'),
    refused(/^f\.tsv, line 3: .*no \(0\), yes \(1\), got 'yess'\. Did you mean `yes`\?/),
  )
  t.throws(indices('-1'), refused(/got '-1'/))
  t.throws(
    () => labelIndices({ file: 'f', labels: ['2'], lines: [5] }, ['no', 'yes']),
    refused(/line 5: .*got '2'/),
  )
})

test('a missing column is refused with what was found and the near miss', async (t) => {
  const file = await write('.tsv', 'sentence_1\tsentence2\tscore\na\tb\t1\n')
  await t.throwsAsync(
    readPairs(file),
    refused(
      /line 1: Expected a column named `sentence1`, found `sentence_1`, `sentence2`, `score`\. Did you mean `sentence_1`\?/,
    ),
  )
  const json = await write('.jsonl', '{"sentence":"a","label":1}\n{"sentence":"b","lable":1}\n')
  await t.throwsAsync(readSentences(json), refused(/line 2: .*`label`.*Did you mean `lable`\?/))
  const twice = await write('.csv', 'sentence,label,label\na,1,2\n')
  await t.throwsAsync(readSentences(twice), refused(/one column named `label` in the header, got two/))
})

test('a row that is too short is refused with its line', async (t) => {
  const headed = await write('.tsv', 'sentence\tlabel\na\t1\n\nb\t0\n')
  await t.throwsAsync(
    readSentences(headed),
    refused(/line 3: Expected at least 2 cells \(`label` is column 1, counted from 0\), got 1/),
  )
  const csv = await write('.csv', 'sentence,label\n"a\nb",1\nc\n')
  await t.throwsAsync(readSentences(csv), refused(/line 4: Expected at least 2 cells/))
})

test('a score that is no number is refused with its line', async (t) => {
  for (const score of ['', ' ', 'five', '0x10', 'Infinity', '1e999', '1,5']) {
    const file = await write('.tsv', `sentence1\tsentence2\tscore\na\tb\t1\na\tb\t${score}\n`)
    await t.throwsAsync(readPairs(file), refused(/line 3: Expected `score` to be a number/), score)
  }
  const headed = await write('.tsv', 'a\tb\tscore\nx\ty\t1\n')
  await t.throwsAsync(
    readPairs(headed, { columns: { sentence1: 0, sentence2: 1, score: 2 } }),
    refused(/If this line is a header, name the columns/),
  )
})

test('an empty label is refused with its line', async (t) => {
  await t.throwsAsync(
    readSentences(await write('.tsv', 'sentence\tlabel\na\t \n')),
    refused(/line 2: Expected `label`/),
  )
})

test('a misplaced or unclosed quote in CSV is refused with its line', async (t) => {
  await t.throwsAsync(
    readSentences(await write('.csv', 'sentence,label\na "b,1\n')),
    refused(/line 2: Expected CSV by RFC 4180.*name it \.tsv/),
  )
  await t.throwsAsync(
    readSentences(await write('.csv', 'sentence,label\n"b,1\n')),
    refused(/line 2: Expected CSV by RFC 4180/),
  )
})

test('a line that is not a JSON object, or whose value is no cell, is refused', async (t) => {
  await t.throwsAsync(
    readSentences(await write('.jsonl', '{"sentence":"a","label":1}\n{"sentence":')),
    refused(/line 2: Expected one JSON value/),
  )
  await t.throwsAsync(
    readSentences(await write('.jsonl', '3\n')),
    refused(/line 1: Expected an object or an array, got 3/),
  )
  await t.throwsAsync(
    readSentences(await write('.jsonl', '{"sentence":null,"label":1}')),
    refused(/line 1: Expected `sentence` to be a string or a number, got null/),
  )
  await t.throwsAsync(
    readSentences(await write('.jsonl', '{"sentence":["a"],"label":1}')),
    refused(/got \[ 'a' \]/),
  )
})

test('a file without examples is refused', async (t) => {
  await t.throwsAsync(
    readSentences(await write('.tsv', 'sentence\tlabel\n')),
    refused(/at least one example/),
  )
  await t.throwsAsync(
    readSentences(await write('.csv', '')),
    refused(/column named `sentence`, found nothing/),
  )
  await t.throwsAsync(readSentences(await write('.jsonl', '')), refused(/at least one example/))
  await t.throwsAsync(readTexts(await write('.txt', ' \n')), refused(/at least one text/))
  await t.throwsAsync(readTagged(await write('.conllu', '# nothing\n')), refused(/at least one sentence/))
  await t.throwsAsync(readSquad(await write('.json', '{"data":[]}')), refused(/at least one question/))
})

test('malformed CoNLL-U is refused with its line', async (t) => {
  const replaced = (from: string, to: string) => write('.conllu', conllu.replace(from, to))
  await t.throwsAsync(
    readTagged(await replaced('\tnsubj\t_\t_', '\tnsubj\t_')),
    refused(/line 2: Expected 10 columns separated by tabs, got 9/),
  )
  await t.throwsAsync(
    readTagged(await replaced('3\tn', '4\tn')),
    refused(/line 5: Expected word id 3, got '4'/),
  )
  await t.throwsAsync(
    readTagged(await replaced('PART', '_')),
    refused(/line 5: Expected a label in `upos`, got '_'/),
  )
})

test('a CoNLL line without a label is refused', async (t) => {
  await t.throwsAsync(
    readTagged(await write('.bio', 'a\tO\nb\n')),
    refused(/line 2: Expected a word and a label, got 'b'/),
  )
  await t.throwsAsync(
    readTagged(await write('.bio', 'a\t\n')),
    refused(/line 1: Expected a word and a label/),
  )
})

test('malformed SQuAD is refused with the place inside', async (t) => {
  const qas = (value: unknown) => write('.json', squad(value))
  await t.throwsAsync(
    readSquad(await write('.json', '{"date":[]}')),
    refused(/`data` to be a list, got undefined/),
  )
  await t.throwsAsync(readSquad(await write('.json', '{')), refused(/one JSON document/))
  await t.throwsAsync(
    readSquad(await qas([{ id: 1, question: 'q' }])),
    refused(/`data\[0\]\.paragraphs\[0\]\.qas\[0\]\.id` to be a string, got 1/),
  )
  await t.throwsAsync(
    readSquad(await qas([{ id: '1', question: 'q' }])),
    refused(/answers` to be an object, got undefined/),
  )
  await t.throwsAsync(
    readSquad(await qas([{ id: '1', question: 'q', answers: [] }])),
    refused(/to hold an answer, got none.*is_impossible/),
  )
  await t.throwsAsync(
    readSquad(await qas([{ id: '1', question: 'q', is_impossible: 'no' }])),
    refused(/to be true or false, got 'no'/),
  )
  await t.throwsAsync(
    readSquad(await write('.jsonl', '{"question":"q","answers":[3],"context":"c"}')),
    refused(/line 1: Expected `answers\[0\]` to be an object, got 3/),
  )
})

test('a format that the task cannot read is refused by name', async (t) => {
  await t.throwsAsync(readTagged(await write('.tsv', 'a\tO\n')), refused(/to be conllu, conll, got tsv/))
  await t.throwsAsync(readPairs(await write('.conllu', conllu)), refused(/to be tsv, csv, jsonl, got conllu/))
  await t.throwsAsync(readPairs(await write('.xlsx', '')), refused(/got '\.xlsx'\. Say the `format`/))
})

test('bytes that are not UTF-8 are refused', async (t) => {
  await t.throwsAsync(readTexts(await write('.txt', utf16)), refused(/to be UTF-8 text/))
})

test('a missing file and a directory are refused by code', async (t) => {
  await t.throwsAsync(readPairs(join(directory, 'none.tsv')), { code: 'FILE_NOT_FOUND' })
  await t.throwsAsync(readPairs(directory), { code: 'FILE_UNREADABLE' })
})

test('bad options are misuse', async (t) => {
  const file = await write('.tsv', 'sentence\tlabel\na\t1\n')
  await t.throwsAsync(readSentences(file, { columns: { sentense: '1' } }), {
    instanceOf: TypeError,
    message: /Did you mean `sentence`/,
  })
  await t.throwsAsync(readSentences(file, { columns: { sentence: -1 } }), { instanceOf: TypeError })
  await t.throwsAsync(readSentences(file, { format: 'tvs' as 'tsv' }), {
    instanceOf: TypeError,
    message: /Did you mean `tsv`/,
  })
  await t.throwsAsync(readTagged(file, { column: 'pos' as 'upos' }), { instanceOf: TypeError })
  await t.throwsAsync(readSquad(file, { format: 'csv' as 'squad' }), { instanceOf: TypeError })
})

test('an aborted signal rejects with its reason', async (t) => {
  const reason = new Error('enough')
  const file = await write('.tsv', 'sentence\tlabel\na\t1\n')
  t.is(await t.throwsAsync(readSentences(file, { signal: AbortSignal.abort(reason) })), reason)
})
