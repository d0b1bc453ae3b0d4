/** Columns of the steps' tables on the page, where not all that a row holds is shown. results.json has all. */
export const tables: Readonly<Record<string, readonly string[]>> = {
  parity: ['verb', 'dtype', 'what', 'cases', 'wrong', 'worst'],
  ceilings: ['dtype', 'rows', 'columns', 'tokens', 'refused', 'us', 'teraflops', 'gigabytes'],
  epilogues: [
    ...[
      'library',
      'dtype',
      'output',
      'epilogue',
      'bias',
      'refused',
      'difference',
      'right',
      'tanhShare',
      'gelu',
    ],
    'accepted',
  ],
  sweep: [
    ...['dtype', 'rows', 'columns', 'tokens', 'denseUs', 'denseTeraflops', 'sparseUs', 'sparseRatio'],
    ...['sparseWarmRatio', 'sparseAlgorithm', 'choice', 'choiceRatio', 'choiceOverBest', 'wrong'],
    ...['denseSustainedJoulesPerMillionTokens', 'sparseSustainedJoulesPerMillionTokens'],
    ...['denseSustainedSmClock', 'denseUs'],
  ],
  'end-to-end': [
    ...['model', 'dtype', 'form', 'work', 'sequencesPerSecond', 'overDense', 'overDenseInterval', 'bytes'],
    ...['lastWatts', 'lastSmClock', 'lastJoulesPerMillionTokens', 'tokensPerSecond'],
  ],
  pytorch: [
    ...['subject', 'model', 'work', 'order', 'batch', 'sequencesPerSecond', 'lastWatts', 'tokensPerSecond'],
  ],
}
