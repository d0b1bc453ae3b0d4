import type { ExampleOutcomes, UnitOutcomes } from '../task.js'
import { influencesOf } from './jackknife.js'

/** How far each example pulls the first metric, in its own unit; the same examples in the same order for every model. */
export function exampleInfluences(examples: ExampleOutcomes): Float64Array {
  return examples.kind === 'units' ? unitInfluences(examples) : influencesOf(examples.withoutOne)
}

function unitInfluences({ clusters: { units, offsets }, scale }: UnitOutcomes): Float64Array {
  const clusters = offsets.length - 1
  let total = 0
  for (let unit = 0; unit < units.length; unit++) total += units[unit]!
  const mean = total / units.length
  return Float64Array.from({ length: clusters }, (_, i) => {
    let sum = 0
    for (let unit = offsets[i]!; unit < offsets[i + 1]!; unit++) sum += units[unit]! - mean
    return (scale * sum * clusters) / units.length
  })
}
