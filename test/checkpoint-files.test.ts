import { mkdir, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { describeFolder } from '../lib/checkpoint/folder.js'
import { cli, json } from './command-line.js'
import { addTensors, editConfig, editTensors } from './edit-checkpoint.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'

/** A folder without weights that can be read → what the refusal says. */
const instead: readonly (readonly [files: readonly string[], code: string, message: RegExp])[] = [
  [
    ['pytorch_model.bin', 'tf_model.h5'],
    'FILE_NOT_FOUND',
    /pytorch_model\.bin only\. Convert it: python -c "import torch.*save_file/,
  ],
  [
    ['pytorch_model-00001-of-00002.bin'],
    'FILE_NOT_FOUND',
    /Convert it: python -c "from transformers.*save_pretrained/,
  ],
  [['pytorch_model.fp16.bin'], 'FILE_NOT_FOUND', /pytorch_model\.fp16\.bin only\. Convert it/],
  [
    ['adapter_model.safetensors', 'adapter_config.json'],
    'CHECKPOINT_UNSUPPORTED',
    /adapter_.* only\. An adapter .*merge_and_unload/,
  ],
  [['tf_model.h5'], 'FILE_NOT_FOUND', /tf_model\.h5 only\. twofour reads safetensors alone/],
  [['flax_model.msgpack'], 'FILE_NOT_FOUND', /flax_model\.msgpack only/],
  [['model.gguf'], 'FILE_NOT_FOUND', /model\.gguf only/],
  [['model.fp16.safetensors'], 'FILE_NOT_FOUND', /model\.fp16\.safetensors only\. Pass that file's path/],
  [
    ['a.safetensors', 'b.safetensors'],
    'FILE_NOT_FOUND',
    /a\.safetensors, b\.safetensors\. Pass the path of the one/,
  ],
  [
    ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'],
    'FILE_NOT_FOUND',
    /Shards need their index: download model\.safetensors\.index\.json/,
  ],
  [['config.json'], 'FILE_NOT_FOUND', /got neither/],
]

for (const [files, code, message] of instead) {
  test(`a folder with ${files.join(', ')} alone is refused with what helps`, async (t) => {
    const directory = temporaryDirectory('instead')
    for (const file of files) await writeFile(join(directory, file), '')
    await t.throwsAsync(Checkpoint.open(directory), { code, message })
  })
}

test('of several files model.safetensors is read; a variant opens by its path', async (t) => {
  const directory = await makeCheckpoint({ dtype: 'F32' })
  const half = await makeCheckpoint({ dtype: 'F16' })
  const variant = join(directory, 'model.fp16.safetensors')
  await rename(join(half, 'model.safetensors'), variant)
  t.is((await Checkpoint.open(directory)).slots.get('wordEmbeddings')?.dtype, 'F32')
  const opened = await Checkpoint.open(variant)
  t.is(opened.slots.get('wordEmbeddings')?.dtype, 'F16')
  const { ignored } = await describeFolder(directory, opened.reads)
  t.deepEqual(ignored, [{ file: 'model.safetensors', reason: 'other weights: pass its path to open it' }])
})

test('a shard that is opened alone says that it is one of several', async (t) => {
  const directory = await makeCheckpoint({ shards: 2 })
  const shard = join(directory, 'model-00001-of-00002.safetensors')
  await rename(join(directory, 'model-1-of-2.safetensors'), shard)
  await t.throwsAsync(Checkpoint.open(shard), {
    code: 'CHECKPOINT_MISMATCH',
    message: /one of several: open the folder/,
  })
})

test('an adapter beside the weights is not applied, and that is noted', async (t) => {
  const directory = await makeCheckpoint()
  await writeFile(join(directory, 'adapter_model.safetensors'), '')
  t.regex(
    (await Checkpoint.open(directory)).notes.join(),
    /An adapter lies beside the weights and is not applied/,
  )
})

test('buffers of whole numbers are ignored by name, and a table of another rank is refused', async (t) => {
  const directory = await makeCheckpoint()
  const data = BigInt64Array.from({ length: 40 }, (_, at) => BigInt(at))
  await addTensors(directory, [{ name: 'embeddings.position_ids', dtype: 'I64', shape: [1, 40], data }])
  t.deepEqual((await Checkpoint.open(directory)).ignored, ['embeddings.position_ids'])

  await editTensors(directory, (tensor) =>
    tensor.name === 'embeddings.position_embeddings.weight'
      ? { ...tensor, shape: [1, ...tensor.shape] }
      : tensor,
  )
  const message = /position_embeddings\.weight is F32 \[1, 40, 32\], not \[40, 32\]/
  await t.throwsAsync(Checkpoint.open(directory), { code: 'CHECKPOINT_MISMATCH', message })
})

test('the reads of a checkpoint are its files, and each key that decides a number', async (t) => {
  const directory = await makeCheckpoint({ shards: 2, head: 'ForTokenClassification' })
  const { reads, ignoredKeys } = await Checkpoint.open(directory)
  t.deepEqual(reads.map(({ file }) => file).sort(), [
    'config.json',
    'model-1-of-2.safetensors',
    'model-2-of-2.safetensors',
    'model.safetensors.index.json',
  ])
  const hidden = reads[0]!.keys.find(({ key }) => key === 'hidden_size')
  t.deepEqual(hidden, { key: 'hidden_size', value: 32, effect: 'width of the hidden states' })
  t.true(reads[0]!.keys.some(({ key }) => key === 'id2label'))
  t.deepEqual(
    ignoredKeys.map(({ key, reason }) => [key, reason]),
    [['pad_token_id', 'sequences are never padded']],
  )
  const headless = await Checkpoint.open(directory, { head: 'none' })
  const labels = headless.ignoredKeys.find(({ key }) => key === 'id2label')
  t.regex(labels!.reason, /a head that this checkpoint was not opened with/)
})

test('every file of a folder is read or has a reason why not', async (t) => {
  const directory = await makeCheckpoint()
  const expected = {
    '.gitattributes': 'of git',
    'README.md': 'for people',
    'onnx/model.onnx': 'ONNX: the safetensors weights are read',
    'openvino/openvino_model.bin': 'OpenVINO: the safetensors weights are read',
    'pytorch_model.bin': 'PyTorch pickle: the safetensors weights are read',
    'tf_model.h5': 'TensorFlow: the safetensors weights are read',
    'flax_model.msgpack': 'Flax: the safetensors weights are read',
    'training_args.bin': 'of a training run',
    'optimizer.pt': 'state of a training run',
    'trainer_state.json': 'of a training run',
    'modeling_mine.py': 'code of a repository is never run',
    'tokenizer.json': 'of a tokenizer: other files of it are read in its place',
    '1_Pooling/config.json': 'of sentence-transformers: no modules.json asks for it',
    'strange.xyz': 'not a file that twofour reads',
  }
  for (const name of Object.keys(expected)) {
    await mkdir(join(directory, name, '..'), { recursive: true })
    await writeFile(join(directory, name), '')
  }
  await symlink('README.md', join(directory, 'LICENSE'))
  const { reads } = await Checkpoint.open(directory)
  const report = await describeFolder(directory, reads)
  const found = Object.fromEntries(report.ignored.map(({ file, reason }) => [file, reason]))
  t.deepEqual(found, { ...expected, LICENSE: 'for people' })

  const more = [
    { file: 'tokenizer.json', keys: [] },
    { file: 'config.json', keys: [{ key: 'x', value: 1, effect: 'y' }] },
  ]
  const both = await describeFolder(directory, [...reads, ...more])
  t.false(both.ignored.some(({ file }) => file === 'tokenizer.json'))
  t.is(both.reads.find(({ file }) => file === 'config.json')!.keys.at(-1)!.key, 'x')
})

test('inspect lists what was read and what was not, for people and as JSON', async (t) => {
  const directory = await makeCheckpoint({ config: { my_key: 1, architectures: ['MyBertForFooBar'] } })
  await writeFile(join(directory, 'README.md'), '')
  const found = await json<Record<string, { key?: string; file?: string }[]>>(['inspect', directory])
  t.is(found.reads?.[0]?.file, 'config.json')
  t.true(found.ignoredKeys?.some(({ key }) => key === 'my_key'))
  t.deepEqual(found.ignoredFiles, [{ file: 'README.md', reason: 'for people' }])
  const { stdout } = await cli(['inspect', directory])
  t.regex(stdout, /hidden_size +32 +width of the hidden states/)
  t.regex(stdout, /my_key +1 +not a key of bert/)
  t.regex(stdout, /README\.md +for people/)
  t.regex(stdout, /Note: Opened as an encoder without a head: that of MyBertForFooBar/)
})

test('the commands that open a model take --head, and refuse another word', async (t) => {
  const directory = await makeCheckpoint({ head: 'ForTokenClassification', layers: 1 })
  await editConfig(directory, { architectures: ['MyBertForFooBar'] })
  const none = await json<{ head: unknown }>(['inspect', directory, '--head', 'none'])
  t.is(none.head, null)
  const required = await cli(['inspect', directory, '--head', 'require'])
  t.is(required.status, 1)
  t.regex(required.stderr, /MyBertForFooBar/)
  for (const command of [
    'inspect',
    'encode',
    'tune',
    'prune',
    'curve',
    'bench',
    'classify',
    'heads',
    'eval',
    'sensitivity',
    'demo',
  ]) {
    t.regex((await cli([command, '--help'])).stdout, /--head NAME/, command)
  }
  const wrong = await cli(['inspect', directory, '--head', 'nine'])
  t.is(wrong.status, 2)
  t.regex(wrong.stderr, /`--head`.*'auto', 'none', 'require'/)
})
