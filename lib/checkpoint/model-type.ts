import { families, familyOf, modelTypes } from '../architecture/families.js'
import type { Family } from '../architecture/family.js'
import { nearMiss } from '../check.js'
import type { Config } from './config.js'

export type FoundFamily = {
  readonly family: Family
  readonly architecture: string
  /** A sentence where `model_type` was not there to say it. */
  readonly note: string | null
}

/**
 * The family that `model_type` names; without it the one that `architectures` or the tensors' names allow alone.
 * @throws TwofourError CHECKPOINT_INVALID_CONFIG, CHECKPOINT_UNSUPPORTED
 */
export function findFamily(config: Config, tensors: ReadonlyMap<string, unknown>): FoundFamily {
  const architecture = config.get('model_type') ?? undefined
  if (architecture === undefined || architecture === '') return inferred(config, tensors)
  if (typeof architecture !== 'string') {
    throw config.refusal('model_type', `one of ${modelTypes.join(', ')}`, architecture)
  }
  const family = familyOf(architecture)
  if (family !== undefined) return { family, architecture, note: null }
  const fix = nearMiss(architecture, modelTypes).trim() || 'Its forward pass is another one.'
  throw config.unsupported('model_type', `one of ${modelTypes.join(', ')}`, architecture, fix)
}

/** The `model_type` of a class of transformers, by what its name begins with. */
export function modelTypeOfClass(name: string): string | undefined {
  const all = families.flatMap(({ classes }) => [...classes])
  return all.find(
    ([start]) => name.startsWith(start) && /^(?:For[A-Z]|Model$|LMHead)/.test(name.slice(start.length)),
  )?.[1]
}

function inferred(config: Config, tensors: ReadonlyMap<string, unknown>): FoundFamily {
  const names = config.get('architectures')
  const first: unknown = Array.isArray(names) ? names[0] : undefined
  const byClass = typeof first === 'string' ? modelTypeOfClass(first) : undefined
  if (byClass !== undefined) return found(byClass, `\`architectures\` names ${String(first)}`)

  const types = familiesOfNames([...tensors.keys()])
  if (types.length === 1) return found(types[0]!, `its tensors have the names of that family`)
  const wanted = `one of ${modelTypes.join(', ')}`
  const fits = types.length === 0 ? '' : ` Its tensors' names fit ${types.join(' and ')}.`
  const fix = `Add the key that transformers would have written, as "model_type": "${types[0] ?? 'bert'}".${fits}`
  throw config.refusal('model_type', wanted, config.get('model_type'), fix)
}

function found(architecture: string, why: string): FoundFamily {
  const note = `config.json has no \`model_type\`; it was read as ${architecture}, since ${why}.`
  return { family: familyOf(architecture)!, architecture, note }
}

/** A sentence where the tensors' names are of another family than the one that config.json names. */
export function otherFamilyFix(family: Family, names: readonly string[]): string | undefined {
  const types = familiesOfNames(names)
  if (types.length === 0 || types.some((type) => family.modelTypes.includes(type))) return undefined
  const sameLayers = types.some(
    (type) => familyOf(type)!.tensors.layers.query === family.tensors.layers.query,
  )
  return sameLayers
    ? undefined
    : `The tensors have the names of ${types.join(' or ')}: check \`model_type\` in config.json.`
}

/** The `model_type` of every family whose layers have such names; of those that share them, the one whose prefix is there. */
function familiesOfNames(names: readonly string[]): string[] {
  const named = families.filter(({ tensors }) => {
    const ending = `${tensors.layers.query.replaceAll(/\{\w+\}/g, '0')}.weight`
    return names.some((name) => name === ending || name.endsWith(`.${ending}`))
  })
  const prefixed = named.filter(({ prefixes }) => {
    return names.some((name) => prefixes.some((prefix) => prefix !== '' && `.${name}`.includes(`.${prefix}`)))
  })
  const left = prefixed.length > 0 ? prefixed : named
  // RoBERTa's name, where its descendants have the prefix too: they differ by nothing but a default.
  const first = left.filter((family, at) => left.findIndex((other) => sameNames(other, family)) === at)
  return prefixed.length > 0
    ? first.map(({ modelTypes: [type] }) => type!)
    : left.map(({ modelTypes: [type] }) => type!)
}

function sameNames(a: Family, b: Family): boolean {
  return a.prefixes[0] === b.prefixes[0]
}
