import { familyOf } from '../architecture/families.js'
import type { ConfigTable, Family } from '../architecture/family.js'
import type { EncoderSpec } from '../architecture/spec.js'
import type { Checkpoint } from './checkpoint.js'

type Fields = Readonly<Record<string, unknown>>

/** The saved checkpoint in the words of its family: what config.json becomes, and who can read it. */
export type SavedConfig = { readonly fields: Fields; readonly loadsIn: readonly string[] }

/**
 * The config.json of a checkpoint whose weights now have the shapes of `stored`. The key `twofour` says exactly what
 * is there; the family's own fields say it too, as far as they can.
 * @param stored with weight sets numbered as in the saved tensors' names
 * @param graph whether it is an ONNX graph, which holds no head but that of `stored`
 */
export function savedConfig(
  stored: EncoderSpec,
  { base, architecture, config }: Pick<Checkpoint, 'base' | 'architecture' | 'config'>,
  graph = false,
): SavedConfig {
  const family = familyOf(architecture)!
  const table = family.config
  const changed = !sameLayers(stored, base)
  const perState =
    table.innerGroups === null ? 1 : Number(config[table.innerGroups[0]] ?? table.innerGroups[1])
  const inner = commonInner(stored)
  const fields: Record<string, unknown> = { ...config }
  if (stored.layers.length !== base.layers.length)
    setField(fields, family, table.layers[0], Math.ceil(stored.layers.length / perState))
  if (inner !== null && inner > 0) setField(fields, family, table.inner[0], inner)
  if (changed || 'pruned_heads' in config) fields.pruned_heads = prunedHeads(stored)
  if (changed || 'twofour' in config)
    fields.twofour = { version: 1, headSize: stored.headSize, layers: stored.layers }
  fields.model_type = architecture
  if (graph && stored.head === null) encoderAlone(fields)
  return { fields, loadsIn: sayWhoLoads(stored, architecture, fields) }
}

/** In every spelling that the file has, since one of them wins. */
function setField(fields: Record<string, unknown>, { spellings }: Family, name: string, value: number): void {
  const other = spellings.get(name)
  if (other !== undefined && other in fields) fields[other] = value
  if (name in fields || other === undefined || !(other in fields)) fields[name] = value
}

function sameLayers(a: EncoderSpec, b: EncoderSpec): boolean {
  return JSON.stringify(a.layers) === JSON.stringify(b.layers)
}

/** The number of neurons that every layer has; null where they differ. */
function commonInner({ layers }: EncoderSpec): number | null {
  const first = layers[0]?.inner ?? 0
  return layers.every(({ inner }) => inner === first) ? first : null
}

/** In the form of transformers 4: weight set → original heads that are gone. */
function prunedHeads({ layers, originalHeads }: EncoderSpec): Record<string, number[]> {
  const all = Array.from({ length: originalHeads }, (_, head) => head)
  const gone = layers.map(
    ({ weights, heads }) => [weights, all.filter((head) => !heads.includes(head))] as const,
  )
  return Object.fromEntries(gone.filter(([, heads]) => heads.length > 0))
}

/** A class with a head that is not in the file would be given a random one. */
function encoderAlone(fields: Record<string, unknown>): void {
  const [name] = Array.isArray(fields.architectures) ? fields.architectures : []
  if (typeof name === 'string' && /For[A-Z]\w*$/.test(name))
    fields.architectures = [name.replace(/For[A-Z]\w*$/, 'Model')]
}

function sayWhoLoads(stored: EncoderSpec, architecture: string, fields: Fields): string[] {
  const only = whyTwofourOnly(stored, architecture, fields)
  if (only !== null) return [`twofour only: ${only}`]
  const pruned = stored.layers.some(({ heads }) => heads.length < stored.originalHeads)
  if (!pruned) return ['twofour', 'transformers 5', 'transformers 4']
  return ['twofour', 'transformers 4, through `pruned_heads`; transformers 5 cannot load fewer heads']
}

function whyTwofourOnly(stored: EncoderSpec, architecture: string, fields: Fields): string | null {
  const { layers, originalHeads } = stored
  const inner = commonInner(stored)
  if (inner === null)
    return 'its layers have different numbers of neurons, for which config.json has one field.'
  if (inner === 0) return 'its layers have no neurons, which other readers do not expect.'
  if (layers.some(({ heads }) => heads.length === 0))
    return 'a layer has no heads, which other readers do not expect.'
  const pruned = layers.some(({ heads }) => heads.length < originalHeads)
  if (pruned && architecture === 'mpnet')
    return 'heads are gone, and MPNet shares one position bias between all heads.'
  if (!followsConfig(stored, familyOf(architecture)!.config, fields))
    return 'its layers share weights in an order that config.json cannot say.'
  return null
}

/** Whether the layers read the weight sets that the family's rule gives for the new number of layers. */
function followsConfig(
  { layers }: EncoderSpec,
  { groups, innerGroups }: ConfigTable,
  fields: Fields,
): boolean {
  if (groups === null || innerGroups === null) return layers.every(({ weights }, at) => weights === at)
  const count = Number(fields[groups[0]] ?? groups[1])
  const inner = Number(fields[innerGroups[0]] ?? innerGroups[1])
  const perGroup = layers.length / inner / count
  if (layers.length % inner !== 0 || perGroup < 1) return false
  return layers.every(({ weights }, at) => {
    return weights === Math.floor(Math.floor(at / inner) / perGroup) * inner + (at % inner)
  })
}
