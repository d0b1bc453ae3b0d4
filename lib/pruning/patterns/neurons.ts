import { checkInteger, checkKeys, checkNumber, checkOneOf } from '../../check.js'
import { removeLowestNeurons } from '../neurons.js'
import type { Pattern } from '../pattern.js'
import type { NeuronCountStep, NeuronFractionStep } from '../recipe-types.js'
import { checkLayers } from '../scope.js'
import { checkReverse, checkScore } from '../scores.js'

/** Neurons of the feed-forwards: a count over all layers in scope, or a fraction. */
export const neurons: Pattern = {
  form: 'neurons',
  matches: (name) => name === 'neurons',

  prepare(step, at, base) {
    const counted = 'remove' in step
    const known = ['pattern', 'score', 'reverse', 'layers']
    checkKeys(at, step, [...known, ...(counted ? ['remove'] : ['fraction', 'per'])])
    const shared = {
      pattern: 'neurons',
      score: checkScore(`${at}.score`, step.score ?? 'magnitude', 'neurons'),
      reverse: checkReverse(at, step.reverse),
    } as const
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
