/** A step's table on the page, where not all that a row holds is shown. results.json has all. */
export type Table = {
  /** What the rows of the table have; other rows get a table of their own. */
  readonly mark: string
  readonly columns: readonly string[]
}

export const tables: Readonly<Record<string, Table>> = {
  wrappers: { mark: 'wrapper', columns: ['wrapper', 'words', 'wrong', 'at', 'expected', 'got'] },
  parity: { mark: 'cases', columns: ['verb', 'dtype', 'cases', 'wrong', 'ofAllowed'] },
  ceilings: {
    mark: 'us',
    columns: ['dtype', 'rows', 'columns', 'tokens', 'us', 'teraflops', 'gigabytes'],
  },
  sweep: {
    mark: 'denseUs',
    columns: [
      ...['dtype', 'rows', 'columns', 'tokens', 'denseUs', 'denseTeraflops', 'sparseUs', 'sparseRatio'],
      ...[
        'sparseWarmRatio',
        'sparseAlgorithm',
        'choice',
        'choiceRatio',
        'choiceOverBest',
        'choiceRight',
        'wrong',
      ],
      ...['denseSustainedJoulesPerMillionTokens', 'sparseSustainedJoulesPerMillionTokens'],
      'denseSustainedSmClock',
    ],
  },
  'end-to-end': {
    mark: 'seconds',
    columns: [
      ...['model', 'dtype', 'form', 'work', 'tokensPerSecond', 'sequencesPerSecond', 'overDense'],
      ...['overDenseInterval', 'bytes', 'lastWatts', 'lastSmClock', 'lastJoulesPerMillionTokens'],
    ],
  },
  pytorch: {
    mark: 'seconds',
    columns: [
      ...['subject', 'model', 'work', 'order', 'batch', 'tokensPerSecond', 'sequencesPerSecond'],
      ...['lastWatts', 'lastSmClock', 'lastJoulesPerMillionTokens'],
    ],
  },
}
