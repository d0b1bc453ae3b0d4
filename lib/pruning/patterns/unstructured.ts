import { checkKeys, checkNumber, checkOneOf } from '../../check.js'
import type { Pattern } from '../pattern.js'
import type { UnstructuredStep } from '../recipe-types.js'
import type { WeightScoreName } from '../scores.js'
import { checkWeightStep, runWeightStep, weightKeys } from '../weight-step.js'

type Per = UnstructuredStep['per']

const keys = ['pattern', 'fraction', 'per', ...weightKeys]

/** Where scores can be compared, the usual first; the others can be everywhere. */
const pers: Partial<Record<WeightScoreName, readonly Per[]>> = {
  wanda: ['row', 'matrix', 'global'],
  ria: ['row', 'matrix', 'global'],
  lamp: ['global'],
  sparsegpt: ['matrix'],
  obs: ['matrix'],
}

/** Single weights: exactly `round(fraction × n)` of n are gone afterwards, those gone before among them. */
export const unstructured: Pattern = {
  form: 'unstructured',
  matches: (name) => name === 'unstructured',

  prepare(step, at, base) {
    checkKeys(at, step, keys)
    const shared = checkWeightStep(at, step, base)
    const fitting = pers[shared.score] ?? ['matrix', 'row', 'global']
    const explicit: UnstructuredStep = {
      pattern: 'unstructured',
      ...shared,
      fraction: checkNumber(`${at}.fraction`, step.fraction, 0, 1),
      per: checkOneOf(`${at}.per`, step.per ?? fitting[0], fitting),
    }

    const { fraction, per } = explicit
    return {
      explicit,
      run: (context) => runWeightStep(context, explicit, { kind: 'unstructured', fraction, per }),
    }
  },
}
