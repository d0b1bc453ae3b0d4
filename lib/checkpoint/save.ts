import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import type { Progress } from '../addon.js'
import { checkKeys, checkOneOf, checkSignal, checkString } from '../check.js'
import { TwofourError } from '../errors.js'
import type { Checkpoint } from './checkpoint.js'
import { copyCompanions } from './companions.js'
import type { Form } from './decision.js'
import { withTemporaryDirectory } from './durable.js'
import type { ExtraTensor } from './extras.js'
import { savedConfig } from './saved-config.js'
import { savedSpec } from './saved-tensors.js'
import { safetensorsFile, type WeightFile, writeWeightFile } from './weight-files.js'

export const saveForms = ['masked', 'removed', 'onnx'] as const
export type SaveForm = (typeof saveForms)[number]

export type SaveOptions = {
  /**
   * `masked`: same shapes, zeros inside; layers are gone all the same. `removed`: heads and neurons are gone too.
   * `onnx`: as `removed`, as a graph in `model.onnx` (weights over 2 GB in `model.onnx_data`), fp32.
   * @default 'masked'
   */
  readonly form?: SaveForm | undefined
  /** Allows a directory with files; for 'onnx' not one with other weights. @default false */
  readonly overwrite?: boolean | undefined
  /** Rejects with its reason, and leaves the directory as it was. */
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** More to put into pruning.json. */
  readonly pruning?: Readonly<Record<string, unknown>> | undefined
}

export type SaveResult = {
  /** Who can load the result, as sentences; `pruning.json` has them too. */
  readonly loadsIn: readonly string[]
  /** What was written, as paths inside the directory. */
  readonly files: readonly string[]
}

/** Shards of the base, and a graph, that would otherwise stay beside the new weights. */
const obsolete = /^model[^/]*\.(safetensors(\.index\.json)?|onnx(_data)?)$/

/**
 * Writes a checkpoint with its decision into a directory: weights (with the tensors of a head that was not opened, but
 * for the form 'onnx'), config.json, the tokenizer's files as they are, and pruning.json with what was done. All appears in one step, or nothing does.
 * @throws TwofourError FILE_UNWRITABLE, FILE_CHANGED, FILE_UNREADABLE
 */
export async function saveCheckpoint(
  checkpoint: Checkpoint,
  directory: string,
  options: SaveOptions = {},
): Promise<SaveResult> {
  checkString('directory', directory)
  checkKeys('options', options, ['form', 'overwrite', 'signal', 'onProgress', 'pruning'])
  const named = checkOneOf('form', options.form ?? 'masked', saveForms)
  const signal = checkSignal(options.signal)
  // A transformer in a folder of its own stays in it, for modules.json names it.
  const folder = relative(checkpoint.root, checkpoint.directory)
  const places = ['.', folder]
  if (named === 'onnx') for (const place of places) await refuseWeights(join(directory, place))
  const form: Form = named === 'masked' ? 'mask' : 'remove'
  const stored = savedSpec(checkpoint, form)
  const extras = named === 'onnx' ? [] : checkpoint.keptExtras()
  const config = savedConfig(stored, checkpoint, named === 'onnx')
  const weights = await weightsIn(named, checkpoint, extras)
  const kept = new Set(extras.map(({ name }) => name))
  const loadsIn = weights.loadsIn ?? config.loadsIn
  const pruning = {
    version: 1,
    form: named,
    loadsIn,
    ...(await checkpoint.decision?.history?.describe(checkpoint, signal)),
    notSaved: checkpoint.ignored.filter((name) => !kept.has(name)),
    ...options.pruning,
  }

  const files: string[] = []
  const fill = async (temporary: string) => {
    files.push(...(await copyCompanions(checkpoint, temporary, signal)))
    await mkdir(join(temporary, folder), { recursive: true })
    files.push(await writeJson(temporary, join(folder, 'config.json'), config.fields))
    files.push(await writeJson(temporary, 'pruning.json', pruning))
    for (const file of weights.files) {
      await writeWeights(join(temporary, folder), file, options)
      files.push(join(folder, file.name))
    }
  }
  const { overwrite } = options
  await withTemporaryDirectory(directory, fill, {
    overwrite,
    signal,
    obsolete: (file) => places.some((place) => place === dirname(file)) && obsolete.test(basename(file)),
    entry: join(folder, 'config.json'),
  })
  return { loadsIn, files: files.sort() }
}

/** A graph is often put beside the weights it came from: those are not to go, and another config.json is not theirs. */
async function refuseWeights(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  const weights = names.find((name) => /^model.*\.safetensors$/.test(name))
  if (weights === undefined) return
  const message = `Expected \`${directory}\` to be a folder without weights for form 'onnx', got one with ${weights}. Choose another.`
  throw new TwofourError('FILE_UNWRITABLE', message, { file: directory })
}

async function writeJson(directory: string, file: string, value: unknown): Promise<string> {
  await writeFile(join(directory, file), `${JSON.stringify(value, null, 2)}\n`)
  return file
}

/** The files of weights, and who can load them where config.json does not decide that. */
async function weightsIn(
  form: SaveForm,
  checkpoint: Checkpoint,
  extras: readonly ExtraTensor[],
): Promise<{ files: readonly WeightFile[]; loadsIn?: readonly string[] }> {
  if (form !== 'onnx')
    return { files: [safetensorsFile(checkpoint, form === 'masked' ? 'mask' : 'remove', extras)] }
  // The protobuf library is loaded where it is needed.
  const { onnxModel } = await import('./onnx-files.js')
  return onnxModel(checkpoint)
}

async function writeWeights(
  directory: string,
  file: WeightFile,
  { signal, onProgress }: SaveOptions,
): Promise<void> {
  const tell =
    onProgress &&
    ((done: number, total: number) => onProgress({ stage: 'write', done, total, unit: 'tensors' }))
  await writeWeightFile(directory, file, { signal, onProgress: tell })
}
