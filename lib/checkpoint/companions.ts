import { copyFile, lstat, mkdir, readdir, stat } from 'node:fs/promises'
import { dirname, join, normalize, relative } from 'node:path'
import { TwofourError } from '../errors.js'
import { placeOf } from '../links.js'
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

/** Folders in folders of a module; published ones have none. */
const deepest = 4

/**
 * Copies tokenizer and sentence-transformers files of a checkpoint to a directory, laid out as they were; links become
 * files.
 * @returns the files, as paths inside the directory
 * @throws TwofourError CHECKPOINT_PATH_ESCAPE for a link that leaves the model's folder and its hub cache, FILE_NOT_FOUND
 *   for a link to a missing file, FILE_UNWRITABLE; `signal.reason`
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
    const source = await sourceOf(root, file)
    const target = join(to, file)
    await writing(target, async () => {
      await mkdir(dirname(target), { recursive: true })
      await copyFile(source, target)
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
  const usual = (await readdir(root)).filter((name) => moduleDirectory.test(name))
  const named = ((await readModules(root)) ?? []).map(({ path }) => normalize(join(path, '.')))
  const folders = new Set([...usual, ...named.filter((path) => path !== '.')])
  const files: string[] = []
  for (const folder of folders) files.push(...(await filesBelow(root, folder)))
  return files.filter((file) => transformer === '' || !file.startsWith(join(transformer, '/')))
}

/** The files of a module, through links. A link that may not be followed is listed, to be refused by name. */
async function filesBelow(root: string, path: string, depth = 0): Promise<string[]> {
  // Normalize has a path and no folder.
  if (depth === 0 && !(await isThere(join(root, path)))) return []
  const stats = await stat(join(root, path)).catch(() => undefined)
  const followed = (await placeOf(root, path)).kind === 'inside'
  if (!followed || !stats?.isDirectory()) return depth === 0 && followed ? [] : [path]
  if (depth === deepest) return []
  const names = await readdir(join(root, path))
  return (await Promise.all(names.map((name) => filesBelow(root, `${path}/${name}`, depth + 1)))).flat()
}

function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

/** The file itself, which a link may have led to. */
async function sourceOf(directory: string, file: string): Promise<string> {
  const path = join(directory, file)
  const place = await placeOf(directory, file)
  if (place.kind === 'inside') return place.target
  if (place.kind === 'missing') {
    const fix = 'The download is incomplete: run it again.'
    const message = `Expected \`${path}\` to be a file, got a link to ${place.link}, which is missing. ${fix}`
    throw new TwofourError('FILE_NOT_FOUND', message, { file: path })
  }
  const fix = 'Put the file itself into the folder, or remove the link.'
  const message = `Expected \`${path}\` to be a file of the model, got a link to ${place.target}, which is outside of its folder and its hub cache. ${fix}`
  throw new TwofourError('CHECKPOINT_PATH_ESCAPE', message, { file: path, target: place.target })
}
