import { join } from 'node:path'
import type { WrittenTensor } from '../../binding.js'
import { addon, type NativeOptions, native } from '../addon.js'
import type { Checkpoint } from './checkpoint.js'
import type { Form } from './decision.js'
import type { ExtraTensor } from './extras.js'
import { layoutSafetensors } from './safetensors-layout.js'
import { type SavedTensor, savedTensors } from './saved-tensors.js'

/** A file of weights to be written: its first bytes, and the tensors that follow. */
export type WeightFile = {
  readonly name: string
  readonly header: Uint8Array
  readonly tensors: readonly WrittenTensor[]
}

/** All weights, in the dtypes that they are stored in. */
export function safetensorsFile(
  checkpoint: Checkpoint,
  form: Form,
  extras: readonly ExtraTensor[] = [],
): WeightFile {
  const tensors = withoutWrapper(checkpoint, [...savedTensors(checkpoint, form), ...extras])
  const { header, entries } = layoutSafetensors(tensors)
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor.source]))
  return {
    name: 'model.safetensors',
    header,
    tensors: entries.map((entry) => byName.get(entry.name)!),
  }
}

/** The names that the family's own classes have, where a wrapper's stood before them. */
function withoutWrapper(checkpoint: Checkpoint, tensors: readonly SavedTensor[]): SavedTensor[] {
  const names = tensors.map(({ name }) => checkpoint.unwrapped(name))
  if (new Set(names).size < names.length) return [...tensors]
  return tensors.map((tensor, at) => ({ ...tensor, name: names[at]! }))
}

/** Writes the bytes, one tensor in memory at a time. @throws TwofourError FILE_UNWRITABLE, FILE_CHANGED; `signal.reason` */
export async function writeWeightFile(
  directory: string,
  { name, header, tensors }: WeightFile,
  options: NativeOptions,
): Promise<void> {
  const request = { path: join(directory, name), header, tensors: [...tensors] }
  await native((control) => addon().writeTensors(request, control), options)
}
