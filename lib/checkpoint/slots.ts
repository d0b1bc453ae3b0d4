import { type Naming, tensorNames } from '../architecture/names.js'
import { weightShapes } from '../architecture/shapes.js'
import type { EncoderSpec, Slot } from '../architecture/spec.js'
import { type Shards, type ShardTensor, sayFirst } from './shards.js'
import { type StoredTensor, storedDtypes } from './stored.js'

const dtypes: readonly string[] = storedDtypes

/** A tensor that is there, but not as it has to be. */
export type Misfit = {
  readonly name: string
  readonly slot: Slot
  readonly wanted: string
  readonly got: string
}

/** Slots with their tensors, and what is wrong. */
export type FoundSlots = {
  readonly slots: ReadonlyMap<Slot, StoredTensor>
  readonly missing: readonly { readonly slot: Slot; readonly name: string }[]
  readonly misshapen: readonly Misfit[]
}

/** Finds the tensor of every slot of `spec`, and checks shapes and dtypes. */
export function findSlots(spec: EncoderSpec, naming: Naming, tensors: Shards['tensors']): FoundSlots {
  const slots = new Map<Slot, StoredTensor>()
  const byName = new Map<string, StoredTensor>()
  const missing: { slot: Slot; name: string }[] = []
  const misshapen: Misfit[] = []
  for (const [slot, shape] of weightShapes(spec)) {
    const names = tensorNames(slot, naming)
    const name = names.find((candidate) => tensors.has(candidate))
    const tensor = name === undefined ? undefined : tensors.get(name)
    if (name === undefined || tensor === undefined) {
      missing.push({ slot, name: names[0] ?? slot })
      continue
    }
    const wanted = wrong(tensor, shape)
    if (wanted !== null) misshapen.push({ name, slot, wanted, got: say(tensor) })
    const found = byName.get(name) ?? stored(name, tensor)
    byName.set(name, found)
    slots.set(slot, found)
  }
  return { slots, missing, misshapen }
}

function stored(name: string, { dtype, shape, begin, end, in: file }: ShardTensor): StoredTensor {
  return {
    name,
    file: file.file,
    dtype: dtype as StoredTensor['dtype'],
    shape,
    begin: file.dataOffset + begin,
    end: file.dataOffset + end,
    fileSize: file.size,
  }
}

/** What it should have been; null where it is. */
function wrong({ dtype, shape }: ShardTensor, wanted: readonly number[]): string | null {
  const fits = shape.length === wanted.length && shape.every((size, at) => size === wanted[at])
  if (!fits) return `[${wanted.join(', ')}]`
  return dtypes.includes(dtype) ? null : `one of ${dtypes.join(', ')}`
}

function say({ dtype, shape }: ShardTensor): string {
  return `${dtype} [${shape.join(', ')}]`
}

/** What is missing or of another shape, as a piece of a sentence; '' where nothing is. */
export function sayWrong({ missing, misshapen }: Pick<FoundSlots, 'missing' | 'misshapen'>): string {
  const parts: string[] = []
  const names = [...new Set(missing.map(({ name }) => name))]
  if (names.length > 0) parts.push(`${names.length} missing: ${sayFirst(names)}`)
  if (misshapen.length > 0) {
    const list = misshapen.map(({ name, wanted, got }) => `${name} is ${got}, not ${wanted}`)
    parts.push(`${misshapen.length} of another shape or dtype: ${sayFirst(list)}`)
  }
  return parts.join('; ')
}
