import { checkGateGradients, gateGradientKeys, openGateGradients } from './gate-gradients.js'
import type { UnitScore } from './unit-score.js'

/**
 * The diagonal of the Fisher information of the gates: (∂loss/∂gate)² over examples, or over minibatches as Kwon et al.
 * 2022 compute it, over the number of examples. Of a weight set that several layers apply the derivatives are summed
 * over the layers before they are squared.
 */
export const fisher: UnitScore = {
  name: 'fisher',
  units: ['heads', 'neurons'],
  calibrated: true,
  keys: gateGradientKeys,
  check: (at, step) => checkGateGradients(at, step, ['example', 'batch'], 'none'),
  open: (ranked, step) =>
    openGateGradients(ranked, step, { example: 'exampleSquares', batch: 'batchSquares' }),
}
