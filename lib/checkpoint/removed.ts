import type { LayerSpec } from '../architecture/spec.js'
import { isJsonObject } from '../json-file.js'
import type { Config } from './config.js'
import { type Layers, maxLayers, type Sizes } from './read-layers.js'

/**
 * The key `twofour` of config.json: what is left of a checkpoint from which heads, neurons or layers were removed,
 * which transformers' own fields cannot say.
 * `{ version: 1, headSize, layers: [{ weights, heads, inner }, …] }`, one entry for each application of a layer;
 * `heads` are original indices, below the config's number of heads.
 * @returns null where the key is absent
 * @throws TwofourError CHECKPOINT_INVALID_CONFIG, CHECKPOINT_UNSUPPORTED
 */
export function readRemoved(config: Config, sizes: Sizes): Layers | null {
  const value = config.get('twofour')
  if (value === undefined) return null
  if (!isJsonObject(value)) throw config.refusal('twofour', 'an object', value)
  if (value.version !== 1) {
    throw config.unsupported('twofour.version', '1', value.version, 'Install a newer twofour.')
  }

  const list = value.layers
  if (!Array.isArray(list)) throw config.refusal('twofour.layers', 'a list', list)
  if (list.length > maxLayers)
    throw config.refusal('twofour.layers', `at most ${maxLayers} long`, list.length)
  const layers = list.map((entry: unknown, at) => readLayer(config, sizes, `twofour.layers[${at}]`, entry))
  checkShared(config, layers)

  // Removing single applications of a group leaves no whole states to report.
  const whole = layers.length % sizes.innerGroups === 0
  return {
    headSize: config.checkSize('twofour.headSize', value.headSize, 1, 1 << 16),
    layers,
    layersPerState: whole ? sizes.innerGroups : 1,
  }
}

function readLayer(config: Config, sizes: Sizes, what: string, entry: unknown): LayerSpec {
  if (!isJsonObject(entry)) throw config.refusal(what, 'an object', entry)
  const { weights, heads, inner } = entry
  return {
    weights: config.checkSize(`${what}.weights`, weights, 0, maxLayers - 1),
    heads: readHeads(config, sizes, `${what}.heads`, heads),
    inner: config.checkSize(`${what}.inner`, inner, 0, 1 << 24),
  }
}

function readHeads(config: Config, sizes: Sizes, what: string, value: unknown): number[] {
  if (!Array.isArray(value)) throw config.refusal(what, 'a list of heads', value)
  let least = 0
  for (const [at, head] of value.entries()) {
    least = config.checkSize(`${what}[${at}]`, head, least, sizes.heads - 1) + 1
  }
  return value
}

/** One weight set has one shape, whoever applies it. */
function checkShared(config: Config, layers: readonly LayerSpec[]): void {
  const first = new Map<number, LayerSpec>()
  for (const [at, layer] of layers.entries()) {
    const other = first.get(layer.weights) ?? layer
    first.set(layer.weights, other)
    if (layer.inner !== other.inner || `${layer.heads}` !== `${other.heads}`) {
      const wanted = 'the same as of the other layers that share its weights'
      throw config.refusal(`twofour.layers[${at}]`, wanted, layer)
    }
  }
}
