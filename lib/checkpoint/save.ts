import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addon, native, type Progress } from '../addon.js'
import { checkKeys, checkOneOf, checkSignal, checkString } from '../check.js'
import { TwofourError } from '../errors.js'
import type { Checkpoint } from './checkpoint.js'
import { copyCompanions } from './companions.js'
import type { Form } from './decision.js'
import { withTemporaryDirectory } from './durable.js'
import { layoutSafetensors } from './safetensors-layout.js'
import { type SavedConfig, savedConfig } from './saved-config.js'
import { type SavedTensor, savedSpec, savedTensors } from './saved-tensors.js'

export const saveForms = ['masked', 'removed', 'onnx'] as const
export type SaveForm = (typeof saveForms)[number]

export type SaveOptions = {
  /**
   * `masked`: same shapes, zeros inside; layers are gone all the same. `removed`: heads and neurons are gone too.
   * @default 'masked'
   */
  readonly form?: SaveForm | undefined
  /** Allows a directory with files. @default false */
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

/** Shards of the base that would otherwise stay beside the new weights. */
const obsolete = /^model[^/]*\.safetensors(\.index\.json)?$/

/**
 * Writes a checkpoint with its decision into a directory: weights, config.json, the tokenizer's files as they are,
 * and pruning.json with what was done. All appears in one step, or nothing does.
 * @throws TwofourError FILE_UNWRITABLE, FILE_CHANGED, FILE_UNREADABLE; TASK_UNSUPPORTED for 'onnx'
 */
export async function saveCheckpoint(
  checkpoint: Checkpoint,
  directory: string,
  options: SaveOptions = {},
): Promise<SaveResult> {
  checkString('directory', directory)
  checkKeys('options', options, ['form', 'overwrite', 'signal', 'onProgress', 'pruning'])
  const named = checkOneOf('form', options.form ?? 'masked', saveForms)
  if (named === 'onnx') throw refuseOnnx()
  const signal = checkSignal(options.signal)
  const form: Form = named === 'masked' ? 'mask' : 'remove'
  const stored = savedSpec(checkpoint, form)
  const config = savedConfig(stored, checkpoint.base, checkpoint.architecture, checkpoint.config)
  const pruning = {
    version: 1,
    form: named,
    loadsIn: config.loadsIn,
    ...(await checkpoint.decision?.history?.describe(checkpoint, signal)),
    notSaved: checkpoint.ignored,
    ...options.pruning,
  }

  const files: string[] = []
  const fill = async (temporary: string) => {
    files.push(...(await copyCompanions(checkpoint.directory, temporary, signal)))
    files.push(...(await writeJson(temporary, config, pruning)))
    files.push(await writeWeights(temporary, savedTensors(checkpoint, form), options))
  }
  const { overwrite } = options
  await withTemporaryDirectory(directory, fill, {
    overwrite,
    signal,
    obsolete: (file) => obsolete.test(file),
  })
  return { loadsIn: config.loadsIn, files: files.sort() }
}

async function writeJson(directory: string, config: SavedConfig, pruning: unknown): Promise<string[]> {
  const texts = { 'config.json': config.fields, 'pruning.json': pruning }
  for (const [name, value] of Object.entries(texts)) {
    await writeFile(join(directory, name), `${JSON.stringify(value, null, 2)}\n`)
  }
  return Object.keys(texts)
}

async function writeWeights(
  directory: string,
  tensors: readonly SavedTensor[],
  { signal, onProgress }: SaveOptions,
): Promise<string> {
  const name = 'model.safetensors'
  const { header, entries } = layoutSafetensors(tensors)
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor.source]))
  const sources = entries.map((entry) => byName.get(entry.name)!)

  const tell =
    onProgress &&
    ((done: number, total: number) => onProgress({ stage: 'write', done, total, unit: 'tensors' }))
  const request = { path: join(directory, name), header, tensors: sources }
  await native((control) => addon().writeTensors(request, control), { signal, onProgress: tell })
  return name
}

function refuseOnnx(): TwofourError {
  const message =
    "Saving as 'onnx' is not built yet. Save as 'masked' or 'removed', and convert that with Optimum."
  return new TwofourError('TASK_UNSUPPORTED', message, { form: 'onnx' })
}
