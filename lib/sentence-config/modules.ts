import { stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { describe } from '../check.js'
import { TwofourError } from '../errors.js'
import { isJsonObject, readJsonFile } from '../json-file.js'
import { invalid } from './read-log.js'

/** An entry of modules.json, in the order that they run. */
export type Module = {
  readonly name: string
  /** The class with its package, which has moved between releases. */
  readonly type: string
  /** The class alone. */
  readonly kind: string
  /** Where its files are, relative to the folder of modules.json; '' is that folder. */
  readonly path: string
}

export const modulesFile = 'modules.json'

/**
 * The modules of a folder; undefined without modules.json. Of two with one name the later takes the place of the
 * first, as in the reference.
 * @throws TwofourError CHECKPOINT_INVALID_CONFIG, CHECKPOINT_PATH_ESCAPE, FILE_UNREADABLE
 */
export async function readModules(root: string): Promise<readonly Module[] | undefined> {
  const file = join(root, modulesFile)
  const list = await readJsonFile(file, 'CHECKPOINT_INVALID_CONFIG')
  if (list === undefined) return undefined
  if (!Array.isArray(list)) throw invalid(file, modulesFile, 'an array', list)
  const modules = list.map((entry: unknown, index) => moduleOf(file, entry, index))
  return [...new Map(modules.map((module) => [module.name, module])).values()]
}

function moduleOf(file: string, entry: unknown, index: number): Module {
  if (!isJsonObject(entry)) throw invalid(file, `[${index}]`, 'an object', entry)
  const { type, path, name = String(index) } = entry
  if (typeof type !== 'string') throw invalid(file, `[${index}].type`, 'a string', type)
  if (typeof path !== 'string') throw invalid(file, `[${index}].path`, 'a string', path)
  if (typeof name !== 'string') throw invalid(file, `[${index}].name`, 'a string', name)
  return { name, type, kind: type.slice(type.lastIndexOf('.') + 1), path: checkInside(file, path) }
}

function checkInside(file: string, path: string): string {
  const plain = !/[\\\0]|^\/|^[A-Za-z]:/.test(path) && !path.split('/').includes('..')
  if (plain) return path
  throw new TwofourError(
    'CHECKPOINT_PATH_ESCAPE',
    `${file} names the path ${describe(path)}, which may lie outside the model's directory. Use a plain name such as '1_Pooling'.`,
    { file, path },
  )
}

/** Modules that hold an encoder of transformers with its config.json, weights and tokenizer. */
const transformers = ['Transformer', 'MLMTransformer']

/** Classes of the first releases, one a family; the reference has none of them any more. */
const retired = ['BERT', 'RoBERTa', 'DistilBERT', 'ALBERT', 'CamemBERT', 'XLMRoBERTa', 'XLNet']

export function holdsTransformer({ kind }: Module): boolean {
  return transformers.includes(kind)
}

/**
 * The folder with a checkpoint's config.json, weights and tokenizer: where modules.json has its first module, else
 * the folder itself.
 * @throws TwofourError CHECKPOINT_UNSUPPORTED where another module stands first and there is no config.json;
 *   FILE_NOT_FOUND; as `readModules`
 */
export async function transformerFolder(root: string): Promise<string> {
  const [first] = (await readModules(root)) ?? []
  if (first === undefined) return root
  if (holdsTransformer(first)) return existing(root, first)
  if (retired.includes(first.kind))
    throw notFirst(root, first, "Change it to 'sentence_transformers.models.Transformer'.")
  if (await exists(join(root, 'config.json'))) return root
  throw notFirst(root, first, 'Choose another model.')
}

function notFirst(root: string, { type, path }: Module, fix: string): TwofourError {
  const file = join(root, modulesFile)
  const message = `${file} begins with ${describe(type)} in ${describe(path)}; twofour runs models that begin with a Transformer. ${fix}`
  return new TwofourError('CHECKPOINT_UNSUPPORTED', message, { file, type })
}

async function existing(root: string, { path }: Module): Promise<string> {
  const folder = join(root, path)
  if (await exists(folder)) return folder
  const message = `${join(root, modulesFile)} has the transformer in ${describe(path)}, and ${folder} is not there. Download the folder, too.`
  throw new TwofourError('FILE_NOT_FOUND', message, { file: folder })
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** A module's path has one folder, rarely two. */
const deepest = 4

/**
 * The folder whose modules.json has a Transformer in `folder`: itself or one above it; undefined where there is none.
 * What others have put above a model is none of its business, so a broken modules.json there is passed over.
 */
export async function rootOf(folder: string): Promise<string | undefined> {
  const wanted = resolve(folder)
  let root = wanted
  for (let depth = 0; depth <= deepest; depth++) {
    const modules = await (root === wanted ? readModules(root) : readModules(root).catch(() => undefined))
    if (modules?.some((module) => holdsTransformer(module) && join(root, module.path, '.') === wanted))
      return root
    if (dirname(root) === root) return undefined
    root = dirname(root)
  }
  return undefined
}
