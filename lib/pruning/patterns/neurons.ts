import { checkInteger, checkNumber, checkOneOf } from '../../check.js'
import { removeLowestNeurons } from '../neurons.js'
import type { Pattern } from '../pattern.js'
import type { NeuronCountStep, NeuronFractionStep } from '../recipe-types.js'
import { checkLayers } from '../scope.js'
import { checkUnitFields } from '../unit-fields.js'

/** Neurons of the feed-forwards: a count over all layers in scope, or a fraction. */
export const neurons: Pattern = {
  form: 'neurons',
  matches: (name) => name === 'neurons',

  prepare(step, at, base) {
    const counted = 'remove' in step
    const keys = ['layers', ...(counted ? ['remove'] : ['fraction', 'per'])]
    const scoring = checkUnitFields(at, step, 'neurons', base, { usual: 'magnitude', keys })
    const shared = { pattern: 'neurons', ...scoring } as const
    const layers = checkLayers(at, step.layers, base)
    const explicit: NeuronCountStep | NeuronFractionStep = counted
      ? { ...shared, remove: checkInteger(`${at}.remove`, step.remove, 1), layers }
      : {
          ...shared,
          fraction: checkNumber(`${at}.fraction`, step.fraction, 0, 1),
          per: checkOneOf(`${at}.per`, step.per ?? 'layer', ['layer', 'global']),
          layers,
        }
    return { explicit, run: (context) => removeLowestNeurons(context, explicit, at) }
  },
}
