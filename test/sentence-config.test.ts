import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import test from 'ava'
import { readSentenceBertConfig, readSentenceConfig, transformerFolder } from '../lib/sentence-config.js'
import { temporaryDirectory } from './temporary-directory.js'

const old = 'sentence_transformers.models'
const usual = [
  { idx: 0, name: '0', path: '', type: `${old}.Transformer` },
  { idx: 1, name: '1', path: '1_Pooling', type: `${old}.Pooling` },
  { idx: 2, name: '2', path: '2_Normalize', type: `${old}.Normalize` },
]
const model = 'config_sentence_transformers.json'
const bert = 'sentence_bert_config.json'
const pool = '1_Pooling/config.json'

/** Writes files into a new folder; undefined leaves one out. */
async function folder(files: Record<string, unknown>): Promise<string> {
  const root = temporaryDirectory('sentence')
  for (const [name, value] of Object.entries(files)) {
    if (value === undefined) continue
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), typeof value === 'string' ? value : JSON.stringify(value))
  }
  return root
}

async function read(files: Record<string, unknown>) {
  return readSentenceConfig(await folder(files))
}

/** A usual model, and files over its own. */
async function readUsual(files: Record<string, unknown>) {
  return read({ 'modules.json': usual, [pool]: {}, ...files })
}

test('the demo model pools by the mean and normalises', async (t) => {
  const config = await readSentenceConfig(join(import.meta.dirname, '../models/demo/model'))
  t.like(config, { maxSeqLength: 128, poolings: ['mean'], normalize: true, includePrompt: true, prompts: {} })
  t.is(config.unsupported, undefined)
})

test('a directory without modules.json asks for nothing', async (t) => {
  const nothing = { includePrompt: true, normalize: false, prompts: {}, similarity: 'cosine' }
  t.deepEqual(await read({}), { ...nothing, similarity: 'cosine', reads: [], ignored: [] })
  const files = { [model]: { prompts: { query: 'q: ' }, truncate_dim: 3 }, [bert]: { max_seq_length: 3 } }
  const { reads, ignored, ...rest } = await read(files)
  t.deepEqual(rest, { ...nothing, similarity: 'cosine' })
  t.deepEqual(reads, [])
  t.deepEqual(
    ignored.map(({ file, why }) => [file, why]),
    [
      [model, 'without modules.json the reference does not read it'],
      [bert, 'no modules.json has a Transformer in this folder'],
    ],
  )
})

test('every key that changes a number is named with its effect, and others as ignored', async (t) => {
  const prompts = { query: 'q: ', none: null }
  const { reads, ignored, ...rest } = await readUsual({
    [model]: {
      ...{ prompts, default_prompt_name: 'query', truncate_dim: 4, similarity_fn_name: 'dot' },
      ...{ __version__: { pytorch: '2' }, made_by: 'us', activation_fn: 'x' },
    },
    [pool]: { pooling_mode: ['max', 'cls'], include_prompt: false, word_embedding_dimension: 3 },
    [bert]: { max_seq_length: 9, do_lower_case: true, model_args: { torch_dtype: 'float16' } },
  })
  t.deepEqual(rest, {
    ...{ maxSeqLength: 9, poolings: ['max', 'cls'], includePrompt: false, normalize: true },
    ...{ prompts: { query: 'q: ', none: '' }, defaultPrompt: 'query', dimensions: 4, similarity: 'dot' },
  })
  const effects = reads.map(({ file, keys }) => [file, keys.map(({ key, effect }) => `${key}: ${effect}`)])
  t.deepEqual(effects, [
    [
      model,
      [
        'default_prompt_name: "q: " is put before each text',
        'truncate_dim: the first 4 numbers of a vector are kept',
        "similarity_fn_name: vectors are compared by 'dot'",
      ],
    ],
    ['modules.json', ['2: vectors are scaled to length 1']],
    [
      pool,
      ['pooling_mode: poolings max, cls side by side', "include_prompt: a prompt's tokens are not pooled"],
    ],
    [bert, ['max_seq_length: texts are cut after 9 tokens', 'do_lower_case: texts are lower-cased']],
  ])
  t.deepEqual(
    ignored.map(({ file, key }) => `${file}: ${key}`),
    [
      ...[`${model}: __version__`, `${model}: made_by`, `${model}: activation_fn`],
      ...[`${pool}: word_embedding_dimension`, `${bert}: model_args.torch_dtype`],
    ],
  )
})

test('a model of another class is pooled by the mean', async (t) => {
  const { poolings, reads, ignored, unsupported } = await readUsual({
    [model]: { model_type: 'SparseEncoder' },
  })
  t.deepEqual([poolings, unsupported], [undefined, undefined])
  t.deepEqual(reads[0]!.keys[0]!.value, 'SparseEncoder')
  t.deepEqual(ignored, [{ file: 'modules.json', why: 'model_type is SparseEncoder' }])
})

test('modules that twofour does not run are named with their folders, not thrown', async (t) => {
  const kinds = ['Dense', 'WeightedLayerPooling', 'WordWeights', 'CNN', 'LSTM', 'LayerNorm', 'Router', 'BoW']
  for (const kind of kinds) {
    const odd = { idx: 2, name: '2', path: `2_${kind}`, type: `${old}.${kind}` }
    const { unsupported, normalize } = await read({
      'modules.json': [usual[0], usual[1], odd, { ...usual[2], name: '3' }],
      [pool]: {},
    })
    t.regex(unsupported!, new RegExp(`modules\\.json asks for the module '.*\\.${kind}' in '2_${kind}'`))
    t.true(normalize)
  }
  const foreign = [
    { ...usual[0], type: 'custom_st.Transformer' },
    { ...usual[1], type: 'mine.Pooling', path: 'x' },
  ]
  t.regex(
    (await read({ 'modules.json': foreign, [pool]: {} })).unsupported!,
    /'custom_st\.Transformer', code of its own/,
  )
})

test('orders that the reference refuses are said, not thrown', async (t) => {
  const step = (at: number, kind: string) => ({
    name: `${at}`,
    path: `${at}_${kind}`,
    type: `${old}.${kind}`,
  })
  const cases: [modules: object[], why: RegExp][] = [
    [[], /lists no modules/],
    [[usual[0]!], /lists Transformer, and no Pooling/],
    [[usual[0]!, usual[2]!], /lists Transformer, Normalize, and no Pooling/],
    [[usual[1]!, usual[2]!], /lists Pooling, Normalize; twofour runs models that begin with a Transformer/],
    [[usual[0]!, step(3, 'Dropout'), usual[1]!], /a Dropout before the Pooling/],
    [
      [usual[0]!, usual[1]!, step(1, 'Transformer')],
      /asks for the module '.*Transformer' in '1_Transformer'/,
    ],
    [
      [usual[0]!, usual[1]!, step(4, 'Transformer')],
      /asks for the module '.*Transformer' in '4_Transformer'/,
    ],
  ]
  for (const [modules, why] of cases) {
    const config = await read({ 'modules.json': modules, 'config.json': {}, [pool]: {} })
    t.regex(config.unsupported!, why)
  }
  const twice = [usual[0], usual[1], { ...usual[1], name: '2', path: 'other' }]
  const { unsupported } = await read({
    'modules.json': twice,
    [pool]: {},
    'other/config.json': { include_prompt: false },
  })
  t.regex(unsupported!, /several Pooling modules with include_prompt false/)
  t.regex(
    (await readUsual({ [pool]: { pooling_mode_median: true } })).unsupported!,
    /'pooling_mode_median', which is not known/,
  )
})

test('an output of the transformer that is no token vector is said, not thrown', async (t) => {
  const text = (method: string, name: unknown) => ({
    modality_config: { text: { method, method_output_name: name } },
  })
  const tokens = { module_output_name: 'token_embeddings' }
  const cases: [config: object, why: RegExp][] = [
    [{ transformer_task: 'fill-mask' }, /transformer_task 'fill-mask'/],
    [
      { ...text('forward', 'last_hidden_state'), module_output_name: 'scores' },
      /module_output_name 'scores'/,
    ],
    [text('forward', 'last_hidden_state'), /module_output_name undefined/],
    [{ ...text('forward', 'pooler_output'), ...tokens }, /modality_config\.text/],
    [{ ...text('forward', ['hidden_states', -2]), ...tokens }, /modality_config\.text/],
    [{ ...text('get_text_features', 'last_hidden_state'), ...tokens }, /modality_config\.text/],
    [{ modality_config: { message: {} }, ...tokens }, /modality_config\.message/],
    [{ modality_config: { image: {} }, ...tokens }, /modality_config\.text/],
  ]
  for (const [config, why] of cases) t.regex((await readUsual({ [bert]: config })).unsupported!, why)
  const fine = {
    ...text('forward', ['last_hidden_state']),
    ...tokens,
    unpad_inputs: true,
  }
  for (const config of [fine, { module_output_name: 'scores' }])
    t.is((await readUsual({ [bert]: config })).unsupported, undefined)
})

test('arguments that would change tokens or weights are refused by name', async (t) => {
  const cases: [config: object, key: string][] = [
    [{ tokenizer_args: { truncation_side: 'left' } }, 'tokenizer_args.truncation_side'],
    [{ tokenizer_args: { max_length: 3 } }, 'tokenizer_args.max_length'],
    [{ processing_kwargs: { text: { model_max_length: 3 } } }, 'processing_kwargs.text.model_max_length'],
    [{ processor_kwargs: { add_prefix_space: true } }, 'processor_kwargs.add_prefix_space'],
    [{ model_args: { adapter: 'x' } }, 'model_args.adapter'],
    [{ config_kwargs: { num_hidden_layers: 1 } }, 'config_kwargs.num_hidden_layers'],
    [
      { processing_kwargs: { text: { add_special_tokens: false } } },
      'processing_kwargs.text.add_special_tokens',
    ],
    [{ processing_kwargs: { common: { truncation: false } } }, 'processing_kwargs.common.truncation'],
    [{ tokenizer_name_or_path: 'bert-base-cased' }, 'tokenizer_name_or_path'],
    [{ max_length: 3 }, 'max_length'],
  ]
  for (const [config, key] of cases) {
    const error = await t.throwsAsync(readUsual({ [bert]: config }), { code: 'CHECKPOINT_UNSUPPORTED' })
    t.true(error!.message.includes(`asks for \`${key}\``), error!.message)
  }
})

test('the tokenizer reads its file in the folder that modules.json names', async (t) => {
  const modules = [{ ...usual[0], path: 'my/encoder/' }, usual[1]]
  const root = await folder({
    ...{ 'modules.json': modules, [pool]: {}, [bert]: { max_seq_length: 1 } },
    'my/encoder/sentence_xlnet_config.json': { max_seq_length: 7, do_lower_case: true },
  })
  t.is(await transformerFolder(root), join(root, 'my/encoder/'))
  const config = await readSentenceBertConfig(join(root, 'my/encoder'))
  t.like(config, {
    maxSeqLength: 7,
    lowerCase: true,
    file: join(root, 'my/encoder/sentence_xlnet_config.json'),
  })
  t.like(await readSentenceBertConfig(root), { lowerCase: false, file: undefined })
  t.is((await readSentenceConfig(root)).maxSeqLength, 7)
})

test('what is broken above the folder of a transformer is none of its business', async (t) => {
  const root = await folder({
    'modules.json': '{',
    'encoder/sentence_bert_config.json': { max_seq_length: 7 },
  })
  t.like(await readSentenceBertConfig(join(root, 'encoder')), { maxSeqLength: undefined })
  await t.throwsAsync(readSentenceBertConfig(root), { code: 'CHECKPOINT_INVALID_CONFIG' })
})

test('a module outside the directory is refused', async (t) => {
  for (const path of ['../1_Pooling', '/etc', 'a/../../b', '..', 'C:\\x', 'a\\b', 'a\0b']) {
    const modules = [usual[0], { ...usual[1], path }]
    await t.throwsAsync(read({ 'modules.json': modules, [pool]: {} }), { code: 'CHECKPOINT_PATH_ESCAPE' })
  }
})

test('a transformer that is not there, or none, is refused by naming modules.json', async (t) => {
  const gone = await folder({ 'modules.json': [{ ...usual[0], path: '0_Transformer' }] })
  await t.throwsAsync(transformerFolder(gone), {
    code: 'FILE_NOT_FOUND',
    message: /has the transformer in '0_Transformer'/,
  })
  const statics = await folder({
    'modules.json': [{ name: '0', path: '0_StaticEmbedding', type: `${old}.StaticEmbedding` }],
  })
  await t.throwsAsync(transformerFolder(statics), {
    code: 'CHECKPOINT_UNSUPPORTED',
    message: /begins with '.*StaticEmbedding'/,
  })
})

test('a class of the first releases is refused with the one that took its place', async (t) => {
  const modules = [{ name: '0', path: '0_BERT', type: `${old}.BERT` }]
  const root = await folder({
    'modules.json': modules,
    'config.json': { __version__: '0.2.0' },
    '0_BERT/config.json': {},
  })
  await t.throwsAsync(transformerFolder(root), {
    code: 'CHECKPOINT_UNSUPPORTED',
    message: /begins with '.*BERT' in '0_BERT'.*Change it to 'sentence_transformers\.models\.Transformer'/,
  })
})

test('broken files are refused by what is wrong in them', async (t) => {
  const code = 'CHECKPOINT_INVALID_CONFIG'
  const entry = { name: '0', path: '' }
  for (const modules of [
    '{',
    {},
    [null],
    [{ ...entry, type: 1 }],
    [{ type: 'x.Pooling', path: null }],
    [{ ...usual[0], name: 1 }],
  ]) {
    await t.throwsAsync(read({ 'modules.json': modules }), { code })
  }
  const flawed = [
    undefined,
    [],
    { pooling_mode: 3 },
    { pooling_mode: 'median' },
    { pooling_mode: [] },
    { pooling_mode: null },
  ]
  for (const pooling of [
    ...flawed,
    { pooling_mode_cls_token: 'yes' },
    { include_prompt: 'no' },
    { include_prompt: null },
  ]) {
    await t.throwsAsync(readUsual({ [pool]: pooling }), { code })
  }
  for (const max_seq_length of [0, -1, 1.5, '128', true]) {
    await t.throwsAsync(readUsual({ [bert]: { max_seq_length } }), { code, message: /max_seq_length/ })
  }
  const configs: [config: object, key: RegExp][] = [
    [{ do_lower_case: 1 }, /do_lower_case/],
    [{ tokenizer_args: [] }, /tokenizer_args/],
    [{ processing_kwargs: 1 }, /processing_kwargs/],
    [{ processing_kwargs: { text: 1 } }, /processing_kwargs\.text/],
    [{ modality_config: null }, /modality_config/],
    [{ tokenizer_args: { model_max_length: 'x' } }, /tokenizer_args\.model_max_length/],
  ]
  for (const [config, message] of configs)
    await t.throwsAsync(readUsual({ [bert]: config }), { code, message })
})

test('config_sentence_transformers.json is refused by the key that is wrong', async (t) => {
  const cases: [config: object, message: RegExp][] = [
    [{ prompts: [] }, /prompts/],
    [{ prompts: null }, /prompts/],
    [{ prompts: { query: 1 } }, /prompts\.query/],
    [{ prompts: { a: 'x' }, default_prompt_name: 'b' }, /default_prompt_name.*one of its prompts \(a\)/],
    [{ default_prompt_name: 3 }, /one of its prompts \(none\)/],
    [{ truncate_dim: 0 }, /truncate_dim/],
    [{ truncate_dim: -1 }, /truncate_dim/],
    [{ truncate_dim: '5' }, /truncate_dim/],
    [{ similarity_fn_name: 'Cosine' }, /similarity_fn_name.*cosine, dot, euclidean, manhattan/],
    [{ model_type: 1 }, /model_type/],
    [{ model_type: 'CrossEncoder', activation_fn: 1 }, /activation_fn/],
  ]
  for (const [config, message] of cases) {
    await t.throwsAsync(readUsual({ [model]: config }), { code: 'CHECKPOINT_INVALID_CONFIG', message })
  }
})
