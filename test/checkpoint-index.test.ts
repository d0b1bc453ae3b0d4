import { readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { saveSafetensors } from '../lib/checkpoint/safetensors-write.js'
import type { ErrorCode } from '../lib/errors.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'

type Edit = (map: Record<string, unknown>, directory: string) => Promise<unknown> | unknown
const word = 'embeddings.word_embeddings.weight'
const leaves = 'CHECKPOINT_PATH_ESCAPE'
const badIndex = 'CHECKPOINT_INVALID_INDEX'

const indexes: readonly (readonly [what: string, edit: Edit, code: ErrorCode, message: RegExp])[] = [
  ['an absolute path', (map) => (map[word] = '/etc/passwd'), leaves, /word_embeddings.*got '\/etc\/passwd'/],
  ['a path upwards', (map) => (map[word] = '../model-1-of-2.safetensors'), leaves, /plain name/],
  ['the parent', (map) => (map[word] = '..'), leaves, /plain name/],
  ['a subdirectory', (map) => (map[word] = 'sub/model.safetensors'), leaves, /plain name/],
  ['a backslash', (map) => (map[word] = '..\\model.safetensors'), leaves, /plain name/],
  ['a NUL', (map) => (map[word] = 'model\0.safetensors'), leaves, /plain name/],
  ['a link that leaves', linkOutwards, leaves, /a link that leads elsewhere/],
  [
    'a file that is not there',
    (map) => (map[word] = 'model-3.safetensors'),
    badIndex,
    /a file beside it, got 'model-3/,
  ],
  ['a number', (map) => (map[word] = 3), badIndex, /a file name, got 3/],
  ['an empty name', (map) => (map[word] = ''), badIndex, /a file name/],
  [
    'a tensor that is nowhere',
    (map) => (map.ghost = map[word]),
    badIndex,
    /1 that are not there: ghost \(model-/,
  ],
  ['the wrong shard', (map) => swap(map), badIndex, /1 that are not there: embeddings\.word_embeddings/],
  ['a tensor in two shards', duplicate, badIndex, /1 in several: embeddings\.word_embeddings\.weight/],
  ['no tensors', clear, badIndex, /at least one tensor/],
]

for (const [what, edit, code, message] of indexes) {
  test(`an index with ${what} is refused by name`, async (t) => {
    const directory = await makeCheckpoint({ layers: 1, shards: 2 })
    const file = join(directory, 'model.safetensors.index.json')
    const index = JSON.parse(await readFile(file, 'utf8'))
    await edit(index.weight_map, directory)
    await writeFile(file, JSON.stringify(index))
    await t.throwsAsync(Checkpoint.open(directory), { code, message })
  })
}

test('an index without a weight_map is refused', async (t) => {
  const directory = await makeCheckpoint({ layers: 1, shards: 2 })
  await writeFile(join(directory, 'model.safetensors.index.json'), '{"metadata": {}}')
  await t.throwsAsync(Checkpoint.open(directory), { code: badIndex, message: /weight_map/ })
})

async function linkOutwards(map: Record<string, unknown>, directory: string): Promise<void> {
  const outside = temporaryDirectory('outside')
  const name = String(map[word])
  await rename(join(directory, name), join(outside, name))
  await symlink(join(outside, name), join(directory, name))
}

function clear(map: Record<string, unknown>): void {
  for (const key of Object.keys(map)) delete map[key]
}

function swap(map: Record<string, unknown>): void {
  map[word] = Object.values(map).find((name) => name !== map[word])
}

async function duplicate(map: Record<string, unknown>, directory: string): Promise<void> {
  const other = Object.values(map).find((name) => name !== map[word])
  const data = new Float32Array(64 * 32)
  await saveSafetensors(join(directory, String(other)), [{ name: word, dtype: 'F32', shape: [64, 32], data }])
}
