import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { Calibration, Checkpoint, type EmbedOptions, Encoder, evaluate, prune, type Text } from 'twofour'
import { similarity } from '../lib/evaluation/similarity.js'
import { equalWithin } from './equal.js'
import { modulesOf, type SentenceCase, sentenceCases, sentences, writeCase } from './sentence-cases.js'
import { temporaryDirectory } from './temporary-directory.js'

/** test/fixtures/sentence/make.py says how they were made. */
const expected = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/sentence/expected.json'), 'utf8'),
) as Record<string, number[][]>

for (const each of sentenceCases) {
  const { name, texts = sentences, embed, classify } = each
  test(`as the reference: ${name}`, async (t) => {
    const encoder = await Encoder.load(await writeCase(each, temporaryDirectory('sentence')), {
      device: 'cpu',
    })
    const rows = classify === undefined ? await vectors(encoder, texts, embed) : await scores(encoder, texts)
    encoder.dispose()

    const wanted = expected[name]!
    equalWithin(t, rows.flat(), wanted.flat(), 2e-5, name, [wanted.length, wanted[0]!.length])
    t.is(rows[0]!.length, wanted[0]!.length)
  })
}

async function vectors(
  encoder: Encoder,
  texts: readonly Text[],
  options?: EmbedOptions,
): Promise<number[][]> {
  const { vectors, dims } = await encoder.embed(texts, options)
  return texts.map((_, i) => [...vectors.subarray(i * dims[1], (i + 1) * dims[1])])
}

async function scores(encoder: Encoder, texts: readonly Text[]): Promise<number[][]> {
  return (await encoder.classify(texts)).map((found) => Object.values(found.scores))
}

const named = 'config_sentence_transformers.json'
const prompts = { query: 'the cat ', passage: 'mat. ' }

function caseOf(name: string): SentenceCase {
  return sentenceCases.find((each) => each.name === name)!
}

/** A case's model with other files, loaded. */
async function loaded(name: string, files: Record<string, unknown> = {}): Promise<Encoder> {
  const each = caseOf(name)
  const made = { ...each, files: { ...each.files, ...files } }
  return Encoder.load(await writeCase(made, temporaryDirectory('sentence')), { device: 'cpu' })
}

test('a prompt, a prefix, and the same text before each text give the same vectors', async (t) => {
  const encoder = await loaded('flag mean_tokens', { [named]: { prompts } })
  const byHand = await encoder.embed(sentences.map((text) => prompts.query + text))
  for (const options of [{ prompt: 'query' }, { prefix: 'the cat ' }])
    t.deepEqual((await encoder.embed(sentences, options)).vectors, byHand.vectors)
  const pair = [['cat', 'sat']] as const
  const [whole, prefixed] = [[['the cat', 'sat']] as const, { prefix: 'the ' }]
  t.deepEqual((await encoder.embed(pair, prefixed)).vectors, (await encoder.embed(whole)).vectors)
})

test('a stream of texts has prompts and dimensions as an array has, and gives the texts back as they were', async (t) => {
  const encoder = await loaded('without the prompt: weightedmean')
  const options = { pooling: ['weightedMean', 'cls'], dimensions: 20, normalize: true } as const
  const whole = await encoder.embed(sentences, options)
  t.deepEqual(whole.dims, [4, 20])
  const rows: number[] = []
  for await (const slice of encoder.embed(sentences.values(), options)) {
    t.deepEqual(slice.texts, sentences.slice(slice.first, slice.first + slice.texts.length))
    t.is(slice.dims[1], 20)
    rows.push(...slice.vectors)
  }
  t.deepEqual(rows, [...whole.vectors])
  for (let i = 0; i < 4; i++) {
    const length = Math.hypot(...whole.vectors.subarray(i * 20, (i + 1) * 20))
    t.true(Math.abs(length - 1) < 1e-6)
  }
  t.deepEqual((await encoder.embed([], options)).dims, [0, 20])
})

test('a prompt that is not there is refused with those that are', async (t) => {
  const encoder = await loaded('flag mean_tokens', { [named]: { prompts } })
  const refused: [options: object, message: RegExp][] = [
    [{ prompt: 'document' }, /`prompt`.*one of 'query', 'passage'/],
    [{ prompt: 3 }, /one of 'query', 'passage'/],
    [{ prompt: 'toString' }, /one of 'query', 'passage'/],
    [{ prefix: 3 }, /`prefix` to be a text, got 3/],
    [{ prompt: 'query', prefix: 'x' }, /`prompt` \(a name\) or `prefix` \(a text\), got both/],
    [{ promptName: 'query' }, /Unknown key `promptName`/],
  ]
  for (const [options, message] of refused)
    await t.throwsAsync(encoder.embed(['a'], options), { instanceOf: TypeError, message })
  const bare = await loaded('flag mean_tokens')
  await t.throwsAsync(bare.embed(['a'], { prompt: 'query' }), {
    message: /The model has no prompts, so it has none named 'query'.*`prefix`/,
  })
})

test('dimensions and poolings that are none are refused', async (t) => {
  const encoder = await loaded('flag mean_tokens')
  for (const dimensions of [0, -1, 17])
    await t.throwsAsync(encoder.embed(['a'], { dimensions }), {
      instanceOf: RangeError,
      message: /from 1 to 16/,
    })
  const refused = [
    { dimensions: 1.5 },
    { dimensions: '3' },
    { pooling: [] },
    { pooling: ['mean', 'median'] },
    { pooling: 'x' },
  ]
  for (const options of refused)
    await t.throwsAsync(encoder.embed(['a'], options as object), { instanceOf: TypeError })
  t.deepEqual((await encoder.embed(['a'], { pooling: ['mean', 'cls'], dimensions: 32 })).dims, [1, 32])
})

test('modules that are not run are named with their folder, and a pooling embeds without them', async (t) => {
  const [transformer, pooling] = modulesOf(['Transformer', 'Pooling'])
  const dense = { idx: 2, name: '2', path: '2_Dense', type: 'sentence_transformers.models.Dense' }
  const encoder = await loaded('flag mean_tokens', { 'modules.json': [transformer, pooling, dense] })
  await t.throwsAsync(encoder.embed(['a']), {
    code: 'CHECKPOINT_UNSUPPORTED',
    message:
      /modules\.json asks for the module '.*\.Dense' in '2_Dense'.*Name a `pooling` to embed without it/,
  })
  const plain = await loaded('flag mean_tokens')
  t.deepEqual(
    (await encoder.embed(['cat'], { pooling: 'mean' })).vectors,
    (await plain.embed(['cat'])).vectors,
  )
})

test('every classification says its activation, which can be chosen', async (t) => {
  const encoder = await loaded('a plain classifier, 3 labels')
  const of = async (activation?: 'none' | 'sigmoid' | 'softmax') =>
    (await encoder.classify(['cat'], activation && { activation }))[0]!
  const [logits, whole, each] = [await of('none'), await of(), await of('sigmoid')]
  t.deepEqual([logits.activation, whole.activation, each.activation], ['none', 'softmax', 'sigmoid'])
  const numbers = Object.values(logits.scores)
  const total = numbers.reduce((sum, value) => sum + Math.exp(value), 0)
  equalWithin(
    t,
    Object.values(whole.scores),
    numbers.map((value) => Math.exp(value) / total),
    1e-6,
    'softmax',
  )
  equalWithin(
    t,
    Object.values(each.scores),
    numbers.map((value) => 1 / (1 + Math.exp(-value))),
    1e-6,
    'sigmoid',
  )
  t.deepEqual([logits.label, each.label], [whole.label, whole.label])
  await t.throwsAsync(encoder.classify(['cat'], { activation: 'tanh' as 'none' }), {
    instanceOf: TypeError,
    message: /`activation`.*'auto', 'none', 'sigmoid', 'softmax'/,
  })
})

test('an activation that is not known is refused by name, with the option that helps', async (t) => {
  const keys = ['sbert_ce_default_activation_function', 'sentence_transformers']
  for (const value of ['torch.nn.modules.activation.Tanh', 'my.Sigmoid', 'torch.sigmoid', 7]) {
    for (const key of keys) {
      const config = { [key]: key === keys[0] ? value : { activation_fn: value } }
      const model = { head: 'ForSequenceClassification', labels: 1, config } as const
      const made = { name: '', files: {}, model }
      const encoder = await Encoder.load(await writeCase(made, temporaryDirectory('sentence')), {
        device: 'cpu',
      })
      const error = await t.throwsAsync(encoder.classify(['cat']), { code: 'CHECKPOINT_UNSUPPORTED' })
      t.true(error!.message.includes(`${value}`) && error!.message.includes(key), error!.message)
      t.regex(error!.message, /Pass `activation: 'none'` \(--activation none\)/)
      t.is((await encoder.classify(['cat'], { activation: 'sigmoid' }))[0]!.activation, 'sigmoid')
    }
  }
})

test('a problem_type that transformers does not have is refused, and an activation helps', async (t) => {
  const model = { head: 'ForSequenceClassification', config: { problem_type: 'ranking' } } as const
  const folder = await writeCase({ name: '', files: {}, model }, temporaryDirectory('sentence'))
  const encoder = await Encoder.load(folder, { device: 'cpu' })
  const message = /`problem_type`.*single_label_classification.*--activation/
  await t.throwsAsync(encoder.classify(['cat']), { code: 'CHECKPOINT_INVALID_CONFIG', message })
  t.is((await encoder.classify(['cat'], { activation: 'none' }))[0]!.activation, 'none')
})

test('a model with its transformer in a folder is saved as it was laid out, and embeds the same', async (t) => {
  for (const name of ['roberta in 0_Transformer', 'a path of several folders']) {
    const { folder = '' } = caseOf(name)
    const source = await writeCase(caseOf(name), temporaryDirectory('sentence'))
    const checkpoint = await Checkpoint.open(source)
    t.deepEqual([checkpoint.root, checkpoint.directory], [source, join(source, folder)])
    const out = join(temporaryDirectory('sentence'), 'out')
    const { files } = await checkpoint.save(out)
    for (const file of ['config.json', 'model.safetensors']) t.true(files.includes(join(folder, file)), file)
    t.true(files.includes('modules.json') && files.includes('1_Pooling/config.json'))
    t.deepEqual(files, [...files].sort())

    const [first, second] = [
      await Encoder.load(source, { device: 'cpu' }),
      await Encoder.load(out, { device: 'cpu' }),
    ]
    t.deepEqual((await second.embed(sentences)).vectors, (await first.embed(sentences)).vectors)
    t.is((await second.tokenizer()).limit, (await first.tokenizer()).limit)

    await checkpoint.save(out, { overwrite: true })
    t.deepEqual((await Checkpoint.open(out)).summary().bytes, checkpoint.summary().bytes)
    await t.throwsAsync(checkpoint.save(out, { form: 'onnx', overwrite: true }), { code: 'FILE_UNWRITABLE' })
    const graph = join(temporaryDirectory('sentence'), 'graph')
    t.true((await checkpoint.save(graph, { form: 'onnx' })).files.includes(join(folder, 'model.onnx')))
  }
})

test('similarity is measured as the model compares vectors, with its default prompt, and says so', async (t) => {
  const rows = [
    'the cat\tsat\t1',
    'cat\tmat\t4',
    'The mat\tsat the\t2',
    'sat\tcat sat\t3',
    'mat, mat\tmat\t5',
  ]
  const data = join(temporaryDirectory('sentence'), 'pairs.tsv')
  await writeFile(data, `sentence1\tsentence2\tscore\n${rows.join('\n')}\n`)
  const formulas = {
    dot: (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0),
    euclidean: (a: number[], b: number[]) => -Math.hypot(...a.map((value, i) => value - b[i]!)),
    manhattan: (a: number[], b: number[]) => -a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0),
  }
  for (const [similarity_fn_name, formula] of Object.entries(formulas)) {
    const model = { prompts, default_prompt_name: 'query', similarity_fn_name, truncate_dim: 9 }
    const encoder = await loaded('flag max_tokens', { [named]: model })
    const { value, metrics, notes } = await evaluate(encoder, { task: 'similarity', data })
    const pairs = rows.map((row) => row.split('\t'))
    const [a, b] = [
      await vectors(
        encoder,
        pairs.map(([first]) => first!),
      ),
      await vectors(
        encoder,
        pairs.map(([, second]) => second!),
      ),
    ]
    const wanted = similarity(
      a.map((row, i) => formula(row, b[i]!)),
      pairs.map(([, , score]) => Number(score)),
    )
    t.true(Math.abs(metrics.pearson! - wanted.metrics.pearson!) < 1e-6)
    t.is(value, wanted.metrics.spearman!)
    t.true(
      notes.some((note) => note.startsWith(`Vectors were compared by '${similarity_fn_name}'`)),
      `${notes}`,
    )
    t.true(
      notes.some((note) => note.startsWith(`The prompt 'query' ("the cat ") was put before each sentence`)),
    )
  }
  const { notes } = await evaluate(await loaded('flag max_tokens'), { task: 'similarity', data })
  t.false(
    notes.some((note) => /compared by|The prompt/.test(note)),
    `${notes}`,
  )
})

test('classification is measured by logits, whatever the activation', async (t) => {
  const data = join(temporaryDirectory('sentence'), 'labels.tsv')
  await writeFile(data, 'sentence\tlabel\nthe cat\t0\nsat\t1\nmat\t2\n')
  const accuracy = async (config: object) => {
    const model = { head: 'ForSequenceClassification', labels: 3, config: { ...config } } as const
    const folder = await writeCase({ name: '', files: {}, model }, temporaryDirectory('sentence'))
    return (await evaluate(await Encoder.load(folder, { device: 'cpu' }), { task: 'classification', data }))
      .value
  }
  const plain = await accuracy({})
  for (const name of ['Sigmoid', 'Tanh'])
    t.is(
      await accuracy({ sbert_ce_default_activation_function: `torch.nn.modules.activation.${name}` }),
      plain,
    )
})

test('scores by sentence vectors are refused where several poolings stand side by side', async (t) => {
  const names = ['a list of one mode', 'modes side by side, in the order of the list']
  const [one, several] = await Promise.all(
    names.map(async (name) => {
      const checkpoint = await Checkpoint.open(await writeCase(caseOf(name), temporaryDirectory('sentence')))
      const calibration = await Calibration.fromTexts(checkpoint, [...sentences])
      return () =>
        prune(checkpoint, { steps: [{ pattern: 'heads', score: 'similarity', remove: 1 }] }, { calibration })
    }),
  )
  await t.notThrowsAsync(one!())
  await t.throwsAsync(several!(), {
    code: 'CHECKPOINT_UNSUPPORTED',
    message: /are of one pooling; the model puts weightedMean and max and cls and max side by side/,
  })
})
