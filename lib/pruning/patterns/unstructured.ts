import { checkKeys, checkNumber, checkOneOf } from '../../check.js'
import type { Pattern } from '../pattern.js'
import type { UnstructuredStep } from '../recipe-types.js'
import { checkLayers, checkSlots, weightsInScope } from '../scope.js'
import { checkScore } from '../scores.js'
import { selectInScope, withMasks } from '../selection.js'

const keys = ['pattern', 'score', 'fraction', 'per', 'slots', 'layers']

/** Single weights: exactly `round(fraction × n)` of n are gone afterwards, those gone before among them. */
export const unstructured: Pattern = {
  form: 'unstructured',
  matches: (name) => name === 'unstructured',

  prepare(step, at, base) {
    checkKeys(at, step, keys)
    const explicit: UnstructuredStep = {
      pattern: 'unstructured',
      score: checkScore(`${at}.score`, step.score ?? 'magnitude', 'weights'),
      fraction: checkNumber(`${at}.fraction`, step.fraction, 0, 1),
      per: checkOneOf(`${at}.per`, step.per ?? 'matrix', ['matrix', 'row', 'global']),
      slots: checkSlots(at, step.slots),
      layers: checkLayers(at, step.layers, base),
    }

    return {
      explicit,
      async run(context) {
        const { score, fraction, per, slots, layers } = explicit
        const scope = weightsInScope(context, slots, layers)
        const chosen = await selectInScope(context, scope, score, { kind: 'unstructured', fraction, per })
        return withMasks(context, scope, chosen, 'unstructured')
      },
    }
  },
}
