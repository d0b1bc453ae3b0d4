import { type Naming, tensorNames } from '../architecture/names.js'
import { weightShapes } from '../architecture/shapes.js'
import type { EncoderSpec, Slot } from '../architecture/spec.js'
import { TwofourError } from '../errors.js'
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

/**
 * Finds the tensor of every slot of `spec`, and checks shapes and dtypes.
 * @throws TwofourError CHECKPOINT_MISMATCH, naming all that is wrong; facts `missing` and `misshapen`
 */
export function findSlots(
  spec: EncoderSpec,
  naming: Naming,
  shards: Shards,
): ReadonlyMap<Slot, StoredTensor> {
  const slots = new Map<Slot, StoredTensor>()
  const byName = new Map<string, StoredTensor>()
  const missing: string[] = []
  const misshapen: Misfit[] = []
  for (const [slot, shape] of weightShapes(spec)) {
    const names = tensorNames(slot, naming)
    const name = names.find((candidate) => shards.tensors.has(candidate))
    const tensor = name === undefined ? undefined : shards.tensors.get(name)
    if (name === undefined || tensor === undefined) {
      missing.push(names[0] ?? slot)
      continue
    }
    const wanted = wrong(tensor, shape)
    if (wanted !== null) misshapen.push({ name, slot, wanted, got: say(tensor) })
    const found = byName.get(name) ?? stored(name, tensor)
    byName.set(name, found)
    slots.set(slot, found)
  }
  if (missing.length + misshapen.length > 0) throw mismatch(shards, [...new Set(missing)], misshapen)
  return slots
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

function mismatch(shards: Shards, missing: readonly string[], misshapen: readonly Misfit[]): TwofourError {
  const parts: string[] = []
  if (missing.length > 0) parts.push(`${missing.length} missing: ${sayFirst(missing)}`)
  if (misshapen.length > 0) {
    const list = misshapen.map(({ name, wanted, got }) => `${name} is ${got}, not ${wanted}`)
    parts.push(`${misshapen.length} of another shape or dtype: ${sayFirst(list)}`)
  }
  const [file] = shards.files
  const where = shards.files.length === 1 && file !== undefined ? file.file : shards.directory
  const fix = 'Check that config.json belongs to these weights.'
  const message = `Expected \`${where}\` to hold the tensors that config.json describes, got ${parts.join('; ')}. ${fix}`
  return new TwofourError('CHECKPOINT_MISMATCH', message, { file: where, missing, misshapen })
}
