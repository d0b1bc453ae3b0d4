import { readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import test from 'ava'
import { Checkpoint } from '../lib/checkpoint/checkpoint.js'
import { placeOf } from '../lib/links.js'
import { Tokenizer } from '../lib/tokenizer.js'
import { intoHubCache, revision } from './edit-checkpoint.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'

const incomplete = { code: 'FILE_NOT_FOUND', message: /which is missing\. The download is incomplete/ }

for (const shards of [1, 3]) {
  test(`a snapshot of a hub cache opens, with ${shards} files of weights`, async (t) => {
    const source = await makeCheckpoint({ shards })
    const hash = await (await Checkpoint.open(source)).hash()
    const { snapshot } = await intoHubCache(source)
    const checkpoint = await Checkpoint.open(snapshot)
    t.is(await checkpoint.hash(), hash)
    t.is(checkpoint.directory, snapshot)
    t.is(checkpoint.reads[0]?.file, 'config.json')
  })
}

test('a link to a snapshot opens, relative or absolute, and through other links', async (t) => {
  const { model, snapshot } = await intoHubCache(await makeCheckpoint({ shards: 2 }))
  const links = temporaryDirectory('links')
  await symlink(snapshot, join(links, 'absolute'))
  await symlink('absolute', join(links, 'chain'))
  await symlink(join('snapshots', revision), join(model, 'current'))
  await symlink(model, join(links, 'model'))
  for (const path of [
    join(links, 'absolute'),
    join(links, 'chain'),
    join(model, 'current'),
    join(links, 'model', 'snapshots', revision),
    `${snapshot}/`,
  ]) {
    await t.notThrowsAsync(Checkpoint.open(path), path)
  }
})

test('links of shards may be absolute, chained, or only some of the files', async (t) => {
  const { snapshot, blobs } = await intoHubCache(await makeCheckpoint({ shards: 3 }))
  const [first, second] = ['model-1-of-3.safetensors', 'model-2-of-3.safetensors'].map((name) =>
    join(snapshot, name),
  )
  const target = (await placeOf(snapshot, 'model-1-of-3.safetensors')) as { target: string }
  await rm(first!)
  await symlink(target.target, join(blobs, 'chained'))
  await symlink('../../blobs/chained', first!)
  const other = (await placeOf(snapshot, 'model-2-of-3.safetensors')) as { target: string }
  await rm(second!)
  await rename(other.target, second!)
  await t.notThrowsAsync(Checkpoint.open(snapshot))
})

test('a shard in the cache of another model, or anywhere else, is refused', async (t) => {
  for (const elsewhere of [
    (await intoHubCache(await makeCheckpoint({}))).blobs,
    temporaryDirectory('elsewhere'),
  ]) {
    const { snapshot } = await intoHubCache(await makeCheckpoint({ shards: 2 }))
    const shard = join(snapshot, 'model-1-of-2.safetensors')
    const place = (await placeOf(snapshot, 'model-1-of-2.safetensors')) as { target: string }
    await rename(place.target, join(elsewhere, 'a'.repeat(40)))
    await rm(shard)
    await symlink(join(elsewhere, 'a'.repeat(40)), shard)
    const message = /not a link that leads elsewhere.*Put model-1-of-2\.safetensors itself/
    await t.throwsAsync(Checkpoint.open(snapshot), { code: 'CHECKPOINT_PATH_ESCAPE', message })
  }
})

test('a folder of an older download, whose large files are links into a cache, opens', async (t) => {
  const { blobs } = await intoHubCache(await makeCheckpoint({}))
  const local = await makeCheckpoint({ shards: 2 })
  const shard = join(local, 'model-2-of-2.safetensors')
  await rename(shard, join(blobs, 'd'.repeat(64)))
  await symlink(join(blobs, 'd'.repeat(64)), shard)
  await t.notThrowsAsync(Checkpoint.open(local))
})

test('a model in a subfolder of a snapshot finds its blobs', async (t) => {
  const outer = temporaryDirectory('outer')
  await rename(await makeCheckpoint({ shards: 2 }), join(outer, '0_Transformer'))
  const { snapshot } = await intoHubCache(outer)
  await t.notThrowsAsync(Checkpoint.open(join(snapshot, '0_Transformer')))
})

for (const name of ['config.json', 'model.safetensors.index.json', 'model-1-of-2.safetensors']) {
  test(`a link ${name} whose blob is missing is an incomplete download, by name`, async (t) => {
    const { snapshot } = await intoHubCache(await makeCheckpoint({ shards: 2 }))
    const place = (await placeOf(snapshot, name)) as { target: string }
    await rm(place.target)
    const error = await t.throwsAsync(Checkpoint.open(snapshot), incomplete)
    t.true(error?.message.includes(place.target))
    t.true(error?.message.includes(name))
  })
}

test('a single file of weights whose blob is missing is an incomplete download', async (t) => {
  const { snapshot } = await intoHubCache(await makeCheckpoint())
  await rm(((await placeOf(snapshot, 'model.safetensors')) as { target: string }).target)
  await t.throwsAsync(Checkpoint.open(snapshot), incomplete)
})

test('a tokenizer whose blob is missing is an incomplete download, and no absent tokenizer', async (t) => {
  const directory = await makeCheckpoint()
  await symlink('../../blobs/abc', join(directory, 'tokenizer.json'))
  await t.throwsAsync(async () => Tokenizer.open(directory, { modelLimit: 40 }), incomplete)
})

test('a shard that was never downloaded is named, with what to do', async (t) => {
  const directory = await makeCheckpoint({ shards: 2 })
  await rm(join(directory, 'model-2-of-2.safetensors'))
  const message = /a file beside it, got 'model-2-of-2\.safetensors'\. The download is incomplete/
  await t.throwsAsync(Checkpoint.open(directory), { code: 'CHECKPOINT_INVALID_INDEX', message })
})

test("the folder of a model in a cache names the snapshot to pass, and a variant's index opens", async (t) => {
  const { model, snapshot } = await intoHubCache(await makeCheckpoint({ shards: 2 }))
  const error = await t.throwsAsync(Checkpoint.open(model), { code: 'FILE_NOT_FOUND' })
  t.true(error?.message.includes(`Pass ${snapshot}.`))

  const variant = await makeCheckpoint({ shards: 2 })
  const index = join(variant, 'model.safetensors.index.fp16.json')
  await rename(join(variant, 'model.safetensors.index.json'), index)
  await t.throwsAsync(Checkpoint.open(variant), { message: /index\.fp16\.json only\. Pass that file's path/ })
  t.is((await Checkpoint.open(index)).reads[1]?.file, 'model.safetensors.index.fp16.json')
})

test('a blob that changes is noticed through its link', async (t) => {
  const { snapshot } = await intoHubCache(await makeCheckpoint({ shards: 2 }))
  const checkpoint = await Checkpoint.open(snapshot)
  await checkpoint.hash()
  const { target } = (await placeOf(snapshot, 'model-1-of-2.safetensors')) as { target: string }
  await utimes(target, new Date(0), new Date(0))
  await t.throwsAsync(checkpoint.hash(), { code: 'FILE_CHANGED' })

  const other = await Checkpoint.open(snapshot)
  const replaced = join(dirname(target), 'replaced')
  await writeFile(replaced, await readFile(target))
  await rm(join(snapshot, 'model-1-of-2.safetensors'))
  await symlink(replaced, join(snapshot, 'model-1-of-2.safetensors'))
  await t.throwsAsync(other.checkUnchanged(), { code: 'FILE_CHANGED' })
})
