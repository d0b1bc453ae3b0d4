import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { readSentenceConfig, type SentenceConfig } from '../lib/sentence-config.js'
import { temporaryDirectory } from './temporary-directory.js'
import { put } from './tiny-tokenizers.js'

const old = 'sentence_transformers.models'
const usual = [
  { idx: 0, name: '0', path: '', type: `${old}.Transformer` },
  { idx: 1, name: '1', path: '1_Pooling', type: `${old}.Pooling` },
  { idx: 2, name: '2', path: '2_Normalize', type: `${old}.Normalize` },
]

async function read(modules: unknown, pooling?: unknown, bert?: unknown): Promise<SentenceConfig> {
  const dir = temporaryDirectory('sentence')
  await mkdir(join(dir, '1_Pooling'))
  if (pooling !== undefined) await put(join(dir, '1_Pooling'), { 'config.json': pooling })
  if (bert !== undefined) await put(dir, { 'sentence_bert_config.json': bert })
  return readSentenceConfig(modules === undefined ? dir : await put(dir, { 'modules.json': modules }))
}

test('the demo model pools by the mean and normalises', async (t) => {
  const config = await readSentenceConfig(join(import.meta.dirname, '../models/demo/model'))
  t.deepEqual(config, { maxSeqLength: 128, pooling: 'mean', normalize: true })
})

test('a directory without modules.json asks for nothing', async (t) => {
  t.deepEqual(await read(undefined), { normalize: false })
  t.deepEqual(await read([], undefined, { max_seq_length: null }), { normalize: false })
})

test('old and new names of modules and pooling modes mean the same', async (t) => {
  const flags = { pooling_mode_mean_tokens: false, word_embedding_dimension: 384 }
  const modes = {
    cls_token: 'cls',
    max_tokens: 'max',
    mean_sqrt_len_tokens: 'meanSqrtLength',
    lasttoken: 'lastToken',
  }
  for (const [key, pooling] of Object.entries(modes)) {
    t.deepEqual(await read(usual, { ...flags, [`pooling_mode_${key}`]: true }), {
      pooling,
      normalize: true,
    } as SentenceConfig)
  }
  const kinds = ['base.modules.transformer.Transformer', 'sentence_transformer.modules.pooling.Pooling']
  const fresh = kinds.map((type, index) => ({ ...usual[index], type: `sentence_transformers.${type}` }))
  t.deepEqual(await read(fresh, { pooling_mode: 'mean_sqrt_len_tokens' }), {
    pooling: 'meanSqrtLength',
    normalize: false,
  })
  t.deepEqual(await read(fresh, { pooling_mode: ['cls'] }), { pooling: 'cls', normalize: false })
  t.deepEqual(await read(fresh, {}), { pooling: 'mean', normalize: false })
})

test('what twofour does not run is said, not thrown', async (t) => {
  const dense = { ...usual[2], path: '2_Dense', type: `${old}.Dense` }
  t.regex((await read([usual[0], usual[1], dense], {})).unsupported!, /'Dense' module/)
  t.regex(
    (await read([usual[0], usual[2], usual[1]], {})).unsupported!,
    /lists Transformer, Normalize, Pooling/,
  )
  const two = { pooling_mode_cls_token: true, pooling_mode_mean_tokens: true }
  t.regex((await read(usual, two)).unsupported!, /pooling_mode_cls_token and pooling_mode_mean_tokens/)
  t.regex((await read(usual, { pooling_mode: ['cls', 'max'] })).unsupported!, /cls and max/)
  t.regex((await read(usual, { pooling_mode: 'weightedmean' })).unsupported!, /weightedmean/)
  t.is((await read(usual, { pooling_mode_weightedmean_tokens: true })).pooling, undefined)
})

test('a module outside the directory is refused', async (t) => {
  for (const path of ['../1_Pooling', '/etc', 'a/../../b', '..', 'C:\\x', 'a\\b', 'a\0b']) {
    await t.throwsAsync(read([usual[0], { ...usual[1], path }], {}), { code: 'CHECKPOINT_PATH_ESCAPE' })
  }
})

test('broken files are refused by what is wrong in them', async (t) => {
  const code = 'CHECKPOINT_INVALID_CONFIG'
  for (const modules of ['{', {}, [null], [{ type: 1, path: '' }], [{ type: 'x.Pooling', path: null }]]) {
    await t.throwsAsync(read(modules, {}), { code })
  }
  const flawed = [
    undefined,
    [],
    { pooling_mode: 3 },
    { pooling_mode: 'median' },
    { pooling_mode_cls_token: 'yes' },
  ]
  for (const pooling of flawed) await t.throwsAsync(read(usual, pooling), { code })
  for (const max_seq_length of [0, -1, 1.5, '128', true]) {
    await t.throwsAsync(read(usual, {}, { max_seq_length }), { code, message: /max_seq_length/ })
  }
  await t.throwsAsync(read(usual, {}, { do_lower_case: 1 }), { code, message: /do_lower_case/ })
})
