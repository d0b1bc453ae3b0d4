import { layerOfSet } from '../../checkpoint/structure.js'
import { currentNorms } from '../norms.js'
import type { Ranked } from './unit-score.js'

/**
 * L1 norm of each unit's slices as they are now: of a head those of query, key, value and output, of a neuron its row
 * and its column. Biases are not counted.
 * @returns [units]
 */
export async function unitNorms({ context, kind, sets, units }: Ranked): Promise<Float64Array> {
  const { base } = context
  const [inputs, output, group] =
    kind === 'heads'
      ? [['query', 'key', 'value'], 'attentionOutput', base.headSize]
      : [['ffnIn'], 'ffnOut', 1]
  const slots = sets.flatMap((set) => inputs.map((linear) => `layers.${set}.${linear}.weight`))
  const outputs = sets.map((set) => `layers.${set}.${output}.weight`)
  const rows = await currentNorms(context, slots, 'rows', group)
  const columns = await currentNorms(context, outputs, 'columns', group)
  return Float64Array.from(units, ({ set, index }) => {
    const at = sets.indexOf(set)
    const stored = kind === 'heads' ? layerOfSet(base, set).heads.indexOf(index) : index
    const own = rows.slice(inputs.length * at, inputs.length * (at + 1))
    return own.reduce((sum, norms) => sum + norms[stored]!, 0) + columns[at]![stored]!
  })
}
