import { copyFile, mkdir, readdir } from 'node:fs/promises'
import { dirname, join, normalize, relative } from 'node:path'
import { readModules, transformerFiles } from '../sentence-config.js'
import { writing } from './sync.js'

/** What belongs to a checkpoint beside its weights, and does not change with them. */
const ofTransformer = [
  'tokenizer.json',
  'tokenizer_config.json',
  'vocab.txt',
  'special_tokens_map.json',
  'added_tokens.json',
  'merges.txt',
  'vocab.json',
  'sentencepiece.bpe.model',
  'spiece.model',
  ...transformerFiles,
]

const ofModel = ['modules.json', 'config_sentence_transformers.json']

/** Modules of sentence-transformers: `1_Pooling`, `2_Normalize`. */
const moduleDirectory = /^\d+_[A-Z]\w*$/

/**
 * Copies tokenizer and sentence-transformers files of a checkpoint to a directory, laid out as they were; links become
 * files.
 * @returns the files, as paths inside the directory
 * @throws TwofourError FILE_UNWRITABLE; `signal.reason`
 */
export async function copyCompanions(
  { root, directory }: { readonly root: string; readonly directory: string },
  to: string,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const folder = relative(root, directory)
  const found = new Set([
    ...(await filesAmong(root, '', ofModel)),
    ...(await filesAmong(root, folder, ofTransformer)),
    ...(await moduleFiles(root, folder)),
  ])
  for (const file of found) {
    signal?.throwIfAborted()
    const target = join(to, file)
    await writing(target, async () => {
      await mkdir(dirname(target), { recursive: true })
      await copyFile(join(root, file), target)
    })
  }
  return [...found]
}

async function filesAmong(root: string, folder: string, names: readonly string[]): Promise<string[]> {
  const there = await readdir(join(root, folder))
  return names.filter((name) => there.includes(name)).map((name) => join(folder, name))
}

/** Everything in the folders of modules, but for the transformer's, whose weights and config.json are written anew. */
async function moduleFiles(root: string, transformer: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true })
  const usual = entries.filter((entry) => entry.isDirectory() && moduleDirectory.test(entry.name))
  const named = ((await readModules(root)) ?? []).map(({ path }) => normalize(join(path, '.')))
  const folders = new Set([...usual.map(({ name }) => name), ...named.filter((path) => path !== '.')])
  const files: string[] = []
  for (const folder of folders) files.push(...(await filesBelow(root, folder)))
  return files.filter((file) => transformer === '' || !file.startsWith(join(transformer, '/')))
}

async function filesBelow(root: string, directory: string): Promise<string[]> {
  const entries = await readdir(join(root, directory), { withFileTypes: true, recursive: true }).catch(
    (error: NodeJS.ErrnoException) => {
      // Normalize has a path and no folder.
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
      throw error
    },
  )
  const real = entries.filter((entry) => !entry.isDirectory())
  return real.map((entry) => relative(root, join(entry.parentPath, entry.name)))
}
