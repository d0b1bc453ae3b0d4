import { checkGateGradients, gateGradientKeys, openGateGradients } from './gate-gradients.js'
import type { UnitScore } from './unit-score.js'

/**
 * |∂loss/∂gate|, summed over the data (Michel, Levy & Neubig 2019, section 4.1): its size for each token, for each
 * example (their formula) or for each minibatch; of each layer over its Euclidean norm, or as it is, over the number of
 * examples. Of a weight set that several layers apply the derivatives are summed over the layers before their size is
 * taken, since a unit goes from all of them.
 */
export const gradient: UnitScore = {
  name: 'gradient',
  units: ['heads', 'neurons'],
  calibrated: true,
  keys: gateGradientKeys,
  check: (at, step) => checkGateGradients(at, step, ['token', 'example', 'batch'], 'layer'),
  open: (ranked, step) =>
    openGateGradients(ranked, step, { token: 'perToken', example: 'perExample', batch: 'perBatch' }),
}
