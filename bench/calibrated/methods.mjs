/**
 * What is compared, in groups of one sparsity. `spread`: also on other calibration draws, for what is recommended.
 * `timed`: how fast it runs is measured too, saved as `form`. A checkout that does not know a recipe says so, and the
 * method is listed as skipped.
 */
const refit = { update: 'refit' }
const twoOfFour = { pattern: '2:4' }
const oneOfFour = { pattern: '1:4' }
const rows = { pattern: 'unstructured', fraction: 0.8, per: 'row' }
// Heads and neurons together, for shares of the operations.
const shares = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]
// SparseGPT's choice is made for blocks of columns of the whole matrix.
const matrix = { ...rows, per: 'matrix' }

export const methods = [
  of('2:4', 'magnitude', { ...twoOfFour, score: 'magnitude' }, { timed: true }),
  of('2:4', 'wanda', { ...twoOfFour, score: 'wanda' }, { timed: true }),
  of('2:4', 'ria', { ...twoOfFour, score: 'ria' }, { timed: true }),
  of('2:4', 'wanda + bias', { ...twoOfFour, score: 'wanda', update: 'bias' }, { timed: true }),
  of('2:4', 'magnitude + refit', { ...twoOfFour, score: 'magnitude', ...refit }, { timed: true }),
  of('2:4', 'wanda + refit', { ...twoOfFour, score: 'wanda', ...refit }, { spread: true, timed: true }),
  of('2:4', 'sparsegpt', { ...twoOfFour, score: 'sparsegpt' }, { spread: true, timed: true }),
  of('2:4', 'obs + refit', { ...twoOfFour, score: 'obs', ...refit }, { spread: true, timed: true }),
  of(
    '2:4',
    'wanda + refit + permute',
    { ...twoOfFour, score: 'wanda', ...refit, permute: true },
    { timed: true },
  ),
  of(
    '2:4',
    'obs + refit + permute',
    { ...twoOfFour, score: 'obs', ...refit, permute: true },
    { timed: true },
  ),
  of(
    '2:4',
    'obs + refit but 4 linears',
    { ...twoOfFour, score: 'obs', ...refit, mixed: { dense: 4 } },
    { timed: true },
  ),
  // For the order of layer errors: every linear for itself, whatever the ones before it have done.
  of('2:4', 'wanda + refit (own target)', { ...twoOfFour, score: 'wanda', ...refit, target: 'own' }),
  of('2:4', 'sparsegpt (own target)', { ...twoOfFour, score: 'sparsegpt', target: 'own' }),
  of('2:4', 'obs + refit (own target)', { ...twoOfFour, score: 'obs', ...refit, target: 'own' }),
  of('2:4', 'at random (control)', { ...twoOfFour, score: 'random' }),
  of('2:4', 'wanda reversed (control)', { ...twoOfFour, score: 'wanda', reverse: true }),

  of('1:4', 'magnitude', { ...oneOfFour, score: 'magnitude' }),
  of('1:4', 'wanda + refit', { ...oneOfFour, score: 'wanda', ...refit }),
  of('1:4', 'sparsegpt', { ...oneOfFour, score: 'sparsegpt' }),
  of('1:4', 'obs + refit', { ...oneOfFour, score: 'obs', ...refit }, { spread: true, timed: true }),

  of('80 %', 'magnitude by row', { ...rows, score: 'magnitude' }),
  of('80 %', 'wanda + refit by row', { ...rows, score: 'wanda', ...refit }),
  of('80 %', 'sparsegpt by matrix', { ...matrix, score: 'sparsegpt' }),
  of('80 %', 'obs + refit by matrix', { ...matrix, score: 'obs', ...refit }, { spread: true, timed: true }),

  ...shares.map((operations) =>
    of(
      'structure',
      `${Math.round(100 * operations)} % of operations`,
      { pattern: 'structure', budget: { operations } },
      { timed: true, form: 'removed' },
    ),
  ),
]

/** Whether a step asks for calibration data: `prune` refuses some where nothing reads it. */
export function readsCalibration({ steps }) {
  return steps.some(
    ({ score, update }) => update !== undefined || !['magnitude', 'random', 'lamp'].includes(score),
  )
}

function of(group, name, step, { spread = false, timed = false, form = 'masked' } = {}) {
  return { group, name, recipe: { steps: [step], seed: 0 }, spread, timed, form }
}
