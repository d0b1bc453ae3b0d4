import { readdirSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { Encoder, Safetensors } from 'twofour'
import { shortest } from '../dist/cli/amounts.js'
import { cli, demoModel, goldenRoot, json } from './command-line.js'
import { equalExactly, equalWithin } from './equal.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'
import { put, vocabTxt } from './tiny-tokenizers.js'

type Row = { text: string; vector: number[] }
type Label = { text: string; label: string; score: number; scores: Record<string, number> }

const folders = readdirSync(goldenRoot, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

async function floats(file: Safetensors, name: string): Promise<Float32Array> {
  return new Float32Array((await file.read(name)).slice().buffer)
}

async function wholes(file: Safetensors, name: string): Promise<number[]> {
  return Array.from(new BigInt64Array((await file.read(name)).slice().buffer), Number)
}

function out(): string {
  return join(temporaryDirectory(), 'out.safetensors')
}

test('encode --ids gives the reference of every golden model, in its form', async (t) => {
  for (const folder of folders) {
    const model = join(goldenRoot, folder)
    const path = out()
    const { status, stderr } = await cli(['encode', model, '--ids', join(model, 'ids.json'), '--out', path])
    t.is(status, 0, `${folder}: ${stderr}`)

    const golden = await Safetensors.open(join(model, 'golden.safetensors'))
    const got = await Safetensors.open(path)
    for (const [name, { dtype, shape }] of golden.tensors) {
      t.like(got.tensors.get(name), { dtype, shape }, `${folder}: ${name}`)
      if (dtype === 'F32') {
        const reference = await floats(golden, name)
        equalWithin(t, await floats(got, name), reference, 2e-5, `${folder}: ${name}`, shape)
      } else {
        t.deepEqual(await wholes(got, name), await wholes(golden, name))
      }
    }
  }
})

test('--hidden-states adds the inputs and the state after each layer', async (t) => {
  const path = out()
  const ids = join(temporaryDirectory(), 'ids.json')
  await writeFile(ids, '[[5, 6, 7], { "input_ids": [8, 9], "token_type_ids": [0, 1] }]')
  const words = ['encode', join(goldenRoot, 'bert-base'), '--ids', ids, '--out', path, '--hidden-states']
  const result = await json<{ tensors: string[]; tokens: number; sequences: number }>(words)
  t.like(result, { tokens: 5, sequences: 2 })

  const file = await Safetensors.open(path)
  t.deepEqual([...file.tensors.keys()].sort(), result.tensors.toSorted())
  t.deepEqual(await wholes(file, 'input_ids'), [5, 6, 7, 8, 9])
  t.deepEqual(await wholes(file, 'token_type_ids'), [0, 0, 0, 0, 1])
  t.deepEqual(await wholes(file, 'sequence_offsets'), [0, 3, 5])
  const states = result.tensors.filter((name) => name.startsWith('hidden_states.'))
  t.deepEqual(states, ['hidden_states.0', 'hidden_states.1', 'hidden_states.2'])
  for (const name of states) t.deepEqual(file.tensors.get(name)?.shape, [5, 64])
  equalExactly(t, await floats(file, 'hidden_states.2'), await floats(file, 'last_hidden_state'), 'the last')
})

test('no sequences give empty tensors', async (t) => {
  const path = out()
  const ids = join(temporaryDirectory(), 'ids.json')
  await writeFile(ids, '[]')
  const words = ['encode', join(goldenRoot, 'roberta-mlm'), '--ids', ids, '--out', path]
  t.like(await cli(words), { status: 0 })
  const file = await Safetensors.open(path)
  t.deepEqual(file.tensors.get('last_hidden_state')?.shape, [0, 64])
  t.deepEqual(file.tensors.get('logits')?.shape, [0, 301])
  t.deepEqual(await wholes(file, 'sequence_offsets'), [0])
})

test('texts come as arguments, lines of a file or lines of stdin, and give the same vectors', async (t) => {
  const texts = ['a man plays', '', 'two dogs run, fast']
  const lines = join(temporaryDirectory(), 'texts.txt')
  await writeFile(lines, texts.join('\r\n'))

  const rows = await json<Row[]>(['encode', demoModel, ...texts])
  t.deepEqual(
    rows.map(({ text }) => text),
    texts,
  )
  t.deepEqual(await json(['encode', demoModel, '--file', lines]), rows)
  const piped = await cli(['encode', demoModel], { stdin: `${texts.join('\n')}\n` })
  t.deepEqual(
    piped.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
    rows,
  )
  t.is(piped.stderr, '')

  const encoder = await Encoder.load(demoModel)
  const { vectors } = await encoder.embed(texts)
  encoder.dispose()
  equalExactly(
    t,
    Float32Array.from(rows.flatMap(({ vector }) => vector)),
    vectors,
    'printed numbers read back',
  )
})

test('--out writes the vectors as a tensor', async (t) => {
  const path = out()
  const words = ['encode', demoModel, 'one', 'two', '--out', path, '--normalize', '--pooling', 'max']
  t.deepEqual(await json(words), { out: path, texts: 2, width: 384, truncated: 0 })
  const file = await Safetensors.open(path)
  t.like(file.tensors.get('embeddings'), { dtype: 'F32', shape: [2, 384] })
  const vectors = await floats(file, 'embeddings')
  t.true(Math.abs(Math.hypot(...vectors.subarray(0, 384)) - 1) < 1e-5)
})

test('texts that were cut are counted on stderr', async (t) => {
  const { status, stdout, stderr } = await cli([
    ...['encode', demoModel, '--max-length', '4', '--json'],
    ...['a man is playing a guitar', 'yes'],
  ])
  t.is(status, 0)
  t.is(JSON.parse(stdout).length, 2)
  t.is(stderr, 'Cut 1 of 2 texts: longer than the limit.\n')
})

test('classify gives labels and scores, as lines or as one array', async (t) => {
  const model = await makeCheckpoint({ head: 'ForSequenceClassification', vocab: 21 })
  await put(model, { 'vocab.txt': vocabTxt })
  const rows = await json<Label[]>(['classify', model, 'the cat sat', 'mat'])
  for (const { label, score, scores } of rows) {
    t.deepEqual(Object.keys(scores), ['label 0', 'label 1', 'label 2'])
    t.is(scores[label], score)
    t.is(score, Math.max(...Object.values(scores)))
    t.true(Math.abs(Object.values(scores).reduce((a, b) => a + b) - 1) < 1e-6)
  }
  const { stdout } = await cli(['classify', model, '--file', '-'], { stdin: 'the cat sat\nmat\n' })
  t.is(stdout, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
})

test('a float32 is printed with the fewest digits that give it back', (t) => {
  for (const value of [0, 0.1, 1 / 3, 1e-40, 3.4e38, -123456.79, 16777216]) {
    const single = Math.fround(value)
    t.is(Math.fround(shortest(single)), single)
  }
  t.is(JSON.stringify(shortest(Math.fround(0.1))), '0.1')
})

test('a file of token ids that is wrong is refused with the place', async (t) => {
  const ids = join(temporaryDirectory(), 'ids.json')
  const cases: [string, RegExp][] = [
    ['[[1, 2', /to be JSON, got: .*\. Write an array of arrays/],
    ['{"input_ids": [1]}', /Expected the value to be an array, got/],
    ['[1, 2]', /Expected `\[0\]` to be an array of token ids or an object/],
    ['[[1], [2, "3"]]', /Expected `\[1\]\[1\]` to be a whole number, got '3'/],
    ['[{"token_type_ids": [0]}]', /Expected `\[0\]\.input_ids` to be an array/],
    ['[{"input_ids": [1], "attention_mask": [1]}]', /`attention_mask` in `\[0\]`\. Batches are never padded/],
    [
      '[{"input_ids": [1, 2], "token_type_ids": [0]}]',
      /`\[0\]\.token_type_ids` to have 2 entries like input_ids/,
    ],
    ['[[1], [301]]', /Expected `\[1\]\.input_ids\[0\]` to be a whole number from 0 to 300, got 301/],
    ['[[]]', /Expected `\[0\]` to have at least one token/],
  ]
  for (const [text, message] of cases) {
    await writeFile(ids, text)
    const words = ['encode', join(goldenRoot, 'bert-base'), '--ids', ids, '--out', out(), '--json']
    const { status, stdout } = await cli(words)
    t.is(status, 1, text)
    const { code, message: said } = JSON.parse(stdout).error
    t.is(code, 'DATA_INVALID', text)
    t.regex(said, message)
  }
})

test('encode and classify refuse what does not go together', async (t) => {
  const cases: [string[], number, RegExp][] = [
    [['encode', demoModel, '--ids', 'x'], 2, /Expected --out, got none/],
    [['encode', demoModel, 'a', '--ids', 'x', '--out', 'y'], 2, /Expected texts or --ids, got both/],
    [['encode', demoModel, '--pooling', 'cls', '--ids', 'x', '--out', 'y'], 2, /--pooling is for texts/],
    [['encode', demoModel, 'a', '--hidden-states'], 2, /--hidden-states goes with --ids/],
    [['encode', demoModel, 'a', '--file', 'x'], 2, /as arguments or in --file, got both/],
    [['encode', demoModel, 'a', '--normalize', '--no-normalize'], 2, /got both/],
    [
      ['encode', demoModel, 'a', '--pooling', 'men'],
      2,
      /Expected `--pooling` to be .* Did you mean `mean`\?/,
    ],
    [
      ['encode', demoModel, 'a', '--threads', '0'],
      2,
      /Expected --threads to be a whole number from 1, got '0'/,
    ],
    [['encode', demoModel, 'a', '--device', 'gpu'], 2, /Expected `--device` to be 'auto', 'cpu'/],
    [['encode', demoModel, 'a', '--dtype', 'float16'], 1, /does not compute in float16/],
    [['encode', demoModel, '--file', '/no/such'], 1, /Expected `\/no\/such` to be a file with texts/],
    [['encode', demoModel, '--file', demoModel], 1, /it is a directory/],
    [['encode', demoModel], 1, /Expected a text on every line of stdin, got none/],
    [['encode', join(goldenRoot, 'bert-base'), 'a'], 1, /tokenizer\.json or vocab\.txt/],
    [['classify', demoModel, 'a'], 1, /needs a model with a sequence classification head/],
    [['encode', '/no/such', 'a'], 1, /\/no\/such/],
  ]
  for (const [words, status, message] of cases) {
    const ran = await cli(words)
    t.is(ran.status, status, words.join(' '))
    t.regex(ran.stderr, message)
    t.is(ran.stdout, '')
  }
  const typed = await cli(['encode', demoModel], { terminal: true })
  t.is(typed.status, 2)
  t.regex(typed.stderr, /Expected texts after MODEL, in --file FILE, or on stdin/)
  const binary = await cli(['encode', demoModel], { stdin: Uint8Array.of(0xff, 0xfe) })
  t.is(binary.status, 1)
  t.regex(binary.stderr, /Expected stdin to be UTF-8 text/)
})

test('encode puts prompts before texts and keeps the first dimensions', async (t) => {
  const folder = await makeCheckpoint({ vocab: 21 })
  const pooling = { '1_Pooling': join(folder, '1_Pooling') }
  await mkdir(pooling['1_Pooling'])
  const type = 'sentence_transformers.models'
  await put(folder, {
    'vocab.txt': vocabTxt,
    'modules.json': [
      { name: '0', path: '', type: `${type}.Transformer` },
      { name: '1', path: '1_Pooling', type: `${type}.Pooling` },
    ],
    'config_sentence_transformers.json': { prompts: { query: 'the ' }, default_prompt_name: 'query' },
  })
  await put(pooling['1_Pooling'], { 'config.json': { pooling_mode: ['mean', 'cls'] } })
  const vector = async (text: string, ...words: string[]) =>
    (await json<Row[]>(['encode', folder, text, ...words]))[0]!.vector

  const asked = await vector('cat', '--no-prompt')
  t.is(asked.length, 64)
  t.notDeepEqual(await vector('cat'), asked)
  const prompted = await vector('the cat', '--no-prompt')
  for (const words of [[], ['--prompt', 'query'], ['--prefix', 'the ']])
    t.deepEqual(await vector('cat', ...words), prompted)
  t.deepEqual(await vector('cat', '--dimensions', '5'), prompted.slice(0, 5))
  t.is((await vector('cat', '--pooling', 'max,cls,weightedMean')).length, 96)
  const path = out()
  t.deepEqual(await json(['encode', folder, 'cat', '--dimensions', '5', '--out', path]), {
    out: path,
    texts: 1,
    width: 5,
    truncated: 0,
  })
  t.deepEqual((await Safetensors.open(path)).tensors.get('embeddings')?.shape, [1, 5])

  const refused: [words: string[], message: RegExp][] = [
    [['--prompt', 'passage'], /'query'/],
    [['--prompt', 'query', '--no-prompt'], /--prompt or --no-prompt, got both/],
    [['--prompt', 'query', '--prefix', 'x'], /got both/],
    [['--dimensions', '65'], /from 1 to 64/],
    [['--pooling', 'mean,median'], /pooling\[1\]/],
  ]
  for (const [words, message] of refused) {
    const { status, stderr } = await cli(['encode', folder, 'cat', ...words])
    t.not(status, 0)
    t.regex(stderr, message)
  }
  const ids = await cli(['encode', folder, '--ids', path, '--out', out(), '--prompt', 'query'])
  t.regex(ids.stderr, /--prompt is for texts/)
})

test('classify takes an activation, and each line says which', async (t) => {
  const folder = await put(await makeCheckpoint({ vocab: 21, head: 'ForSequenceClassification' }), {
    'vocab.txt': vocabTxt,
  })
  const [own] = await json<(Label & { activation: string })[]>(['classify', folder, 'cat'])
  const [logits] = await json<(Label & { activation: string })[]>([
    'classify',
    folder,
    'cat',
    '--activation',
    'none',
  ])
  t.deepEqual([own!.activation, logits!.activation], ['softmax', 'none'])
  t.notDeepEqual(own!.scores, logits!.scores)
  t.is(own!.label, logits!.label)
  t.regex(
    (await cli(['classify', folder, 'cat', '--activation', 'tanh'])).stderr,
    /'auto', 'none', 'sigmoid', 'softmax'/,
  )
})
