import type { Slot } from '../architecture/spec.js'
import type { Decision } from '../checkpoint/decision.js'
import { Safetensors } from '../checkpoint/safetensors.js'
import { parseLayerSlot } from '../checkpoint/structure.js'
import { TwofourError } from '../errors.js'
import { decidedBits, isDropped } from './base.js'
import { type Bits, bytesOfBits, elementsOf, equalBits, isWithin, keptBits } from './bits.js'
import type { PlanParts } from './plan.js'
import { checkPlanJson, type PlanJson } from './plan-json.js'
import { planKey, valuesPrefix } from './plan-write.js'
import { withoutTies } from './summary.js'

/**
 * Reads a plan file; nothing in it is believed. Its bits must agree with its heads and neurons.
 * @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, PLAN_INVALID, or a SAFETENSORS_ code
 */
export async function readPlanFile(path: string, signal: AbortSignal | undefined): Promise<PlanParts> {
  const options = signal === undefined ? {} : { signal }
  const file = await Safetensors.open(path, options)
  const json = readJson(file)
  const slots = affectedSlots(json)
  checkTensors(file, json, slots)

  const masks = new Map<Slot, Bits>()
  for (const slot of slots) {
    const { name } = json.base.slots.get(slot)!
    const bits = await file.read(name, options)
    checkBits(file, json, slot, bits)
    if (json.masks.includes(slot)) masks.set(slot, bits)
  }
  const values = new Map<Slot, Uint8Array>()
  for (const slot of json.values)
    values.set(slot, await file.read(valuesPrefix + json.base.slots.get(slot)!.name, options))

  const { base, structure, pass, earlier } = json
  return { base, decision: { ...structure, masks, values }, pass, earlier }
}

function readJson(file: Safetensors): PlanJson {
  const text = file.metadata.get(planKey)
  if (text === undefined)
    throw invalid(file, `to be a plan, got a file without \`${planKey}\` in its metadata.`)
  try {
    return checkPlanJson(text)
  } catch (cause) {
    throw invalid(file, `to be a plan. ${cause instanceof Error ? cause.message : String(cause)}`, {}, cause)
  }
}

/** Slots whose tensors the file must hold, and no others. */
function affectedSlots({ base, structure, masks }: PlanJson): Slot[] {
  const named = new Set(masks)
  const touched = (slot: Slot) => {
    const place = parseLayerSlot(slot)
    if (named.has(slot)) return true
    if (place === null) return false
    const { weights, linear, part } = place
    if (['query', 'key', 'value'].includes(linear)) return structure.heads.has(weights)
    if (linear === 'ffnIn') return structure.neurons.has(weights)
    if (part === 'bias') return false
    if (linear === 'attentionOutput') return structure.heads.has(weights)
    return linear === 'ffnOut' && structure.neurons.has(weights)
  }
  return withoutTies(base).filter(
    (slot) => touched(slot) && !isDropped(base, withoutTensors(structure), slot),
  )
}

/** Before anything is allocated: a plan's claims are bounded by the file's own size. */
function checkTensors(file: Safetensors, { base, values }: PlanJson, slots: readonly Slot[]): void {
  const wanted = new Map<string, string>()
  for (const slot of slots) {
    const { name, shape } = base.slots.get(slot)!
    wanted.set(name, `U8 [${bytesOfBits(elementsOf(shape))}]`)
  }
  for (const slot of values) {
    const { name, shape, dtype } = base.slots.get(slot)!
    if (wanted.has(valuesPrefix + name)) throw invalid(file, `to name no tensor ${valuesPrefix + name}.`)
    wanted.set(valuesPrefix + name, `${dtype} [${shape.join(', ')}]`)
  }
  for (const [name, form] of wanted) {
    const tensor = file.tensors.get(name)
    const got = tensor === undefined ? 'none' : `${tensor.dtype} [${tensor.shape.join(', ')}]`
    if (got !== form) throw invalid(file, `to hold ${form} for ${name}, got ${got}.`, { tensor: name })
  }
  const extra = [...file.tensors.keys()].find((name) => !wanted.has(name))
  if (extra !== undefined)
    throw invalid(file, `to hold only what its JSON names, got ${extra} too.`, { tensor: extra })
}

function checkBits(file: Safetensors, { base, structure, masks }: PlanJson, slot: Slot, bits: Bits): void {
  const { name, shape } = base.slots.get(slot)!
  const decision = withoutTensors(structure)
  const most = decidedBits(base, decision, slot) ?? keptBits(elementsOf(shape))
  const masked = masks.includes(slot)
  if (masked ? isWithin(bits, most) : equalBits(bits, most)) return
  const wanted = masked ? 'within its heads, neurons and shape' : 'those of its heads and neurons'
  throw invalid(file, `to have bits of ${name} that are ${wanted}, got others.`, { tensor: name })
}

function withoutTensors(structure: PlanJson['structure']): Decision {
  return { ...structure, masks: new Map(), values: new Map() }
}

function invalid(
  file: Safetensors,
  rest: string,
  facts: Record<string, unknown> = {},
  cause?: unknown,
): TwofourError {
  const message = `Expected \`${file.file}\` ${rest}`
  return new TwofourError(
    'PLAN_INVALID',
    message,
    { file: file.file, ...facts },
    cause === undefined ? {} : { cause },
  )
}
