import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { Checkpoint, Encoder, reportText } from 'twofour'
import { cli, json } from './command-line.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { put, vocabTxt } from './tiny-tokenizers.js'

const modules = ['Transformer', 'Pooling', 'Normalize'].map((name, idx) => ({
  ...{ idx, name: `${idx}`, path: idx === 0 ? '' : `${idx}_${name}` },
  type: `sentence_transformers.models.${name}`,
}))

async function sentenceModel(): Promise<string> {
  const directory = await makeCheckpoint({ positions: 20 })
  await mkdir(join(directory, '1_Pooling'))
  await put(directory, {
    ...{ 'vocab.txt': vocabTxt, 'modules.json': modules },
    'tokenizer_config.json': { model_max_length: 15, truncation_side: 'left' },
    '1_Pooling/config.json': { pooling_mode: 'cls' },
    'config_sentence_transformers.json': { prompts: { query: 'q: ' }, default_prompt_name: 'query' },
    'notes.txt': 'not read',
  })
  return directory
}

test('explain says of texts what limits, prompts, pools and scores them, and which files said so', async (t) => {
  const encoder = await Encoder.load(await sentenceModel(), { threads: 1 })
  const { reads, ignored, ...report } = await encoder.explain('text')
  t.deepEqual(report, {
    tokenizer: {
      ...{ class: 'BertTokenizer', limit: 15, limitSource: 'tokenizer_config.json' },
      ...{ truncationSide: 'left', tokenTypes: true },
    },
    embedding: {
      ...{ pooling: ['cls'], normalize: true, includePrompt: true, similarity: 'cosine', dimensions: 32 },
      ...{ prompt: { name: 'query', text: 'q: ' }, prompts: { query: 'q: ' } },
    },
    classification: null,
  })
  const keys = reads.flatMap(({ file, keys }) => keys.map(({ key }) => `${file}: ${key}`))
  for (const key of [
    'tokenizer_config.json: truncation_side',
    '1_Pooling/config.json: pooling_mode',
    'config_sentence_transformers.json: default_prompt_name',
  ]) {
    t.true(keys.includes(key), `${key} of ${keys.join(', ')}`)
  }
  t.true(Array.isArray(ignored))
  t.true(Array.isArray(encoder.explain()))
  t.throws(() => encoder.explain('texts' as never), { message: /'linears', 'text'/ })
  encoder.dispose()
  t.throws(() => encoder.explain('text'), { code: 'ENCODER_DISPOSED' })

  const shorter = await Encoder.load(await sentenceModel(), { threads: 1, maxLength: 9 })
  t.like((await shorter.explain('text')).tokenizer, { limit: 9, limitSource: 'option' })
  shorter.dispose()
})

test('what cannot be done with a model is a sentence in its place', async (t) => {
  const directory = await makeCheckpoint({ head: 'ForSequenceClassification' })
  await writeFile(
    join(directory, 'modules.json'),
    JSON.stringify([...modules, { ...modules[2], type: 'x.Dense' }]),
  )
  const { tokenizer, embedding, classification } = await reportText(await Checkpoint.open(directory))
  t.regex((tokenizer as { refused: string }).refused, /tokenizer\.json or vocab\.txt/)
  t.true('refused' in embedding)
  t.deepEqual(classification, { activation: 'softmax' })
})

test('inspect lists the files that were read, the keys that changed a number, and why others were not', async (t) => {
  const directory = await sentenceModel()
  type Listed = { file: string; reason?: string; key?: string }
  const found = await json<Record<'reads' | 'ignoredFiles' | 'ignoredKeys', Listed[]> & { text: object }>([
    'inspect',
    directory,
  ])
  const { reads, ignoredFiles, ignoredKeys, text } = found
  const files = reads.map(({ file }) => file)
  for (const file of [
    'config.json',
    'model.safetensors',
    'vocab.txt',
    'modules.json',
    '1_Pooling/config.json',
  ]) {
    t.is(files.filter((each) => each === file).length, 1, file)
  }
  t.deepEqual(ignoredFiles, [{ file: 'notes.txt', reason: 'not a file that twofour reads' }])
  t.true(ignoredKeys.every((each) => 'file' in each && 'key' in each && 'reason' in each))
  t.like(text, { tokenizer: { limit: 15 }, embedding: { pooling: ['cls'] }, classification: null })
  const plain = await cli(['inspect', directory])
  t.regex(
    plain.stdout,
    /texts +BertTokenizer, at most 15 tokens \(tokenizer_config\.json\), cut at the beginning/,
  )
  t.regex(plain.stdout, /prompts +query; query unasked: "q: "/)
})
