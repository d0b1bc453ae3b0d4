import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import {
  Calibration,
  type Curves,
  compareRankings,
  curve,
  type HeadRow,
  prune,
  type RankingComparison,
  readRanking,
  scoreHeads,
  transferMethods,
} from 'twofour'
import { jaccard, jaccardByChance, topIndices } from '../lib/evaluation/metrics/jaccard.js'
import { kendall } from '../lib/evaluation/metrics/kendall.js'
import { spearman } from '../lib/evaluation/metrics/spearman.js'
import { headRows } from '../lib/pruning/score-heads.js'
import { cli, json } from './command-line.js'
import { pairsFile, studyOf, tinyModel } from './studies.js'
import { temporaryDirectory } from './temporary-directory.js'

type Heads = {
  rankings: { name: string; score: string | null; seed: number | null; heads: HeadRow[] }[]
  comparison?: RankingComparison
  transfer?: Curves
}

/** Few different values, so that there are ties. */
const ranking = fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 4 })), {
  minLength: 2,
  maxLength: 24,
})

test('tau-b of rankings that can be counted by hand', (t) => {
  t.is(kendall([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]), 1)
  t.is(kendall([1, 2, 3, 4, 5], [5, 4, 3, 2, 1]), -1)
  t.is(kendall([1, 2, 3, 4, 5], [1, 2, 3, 5, 4]), 0.8)
  // Five pairs agree; the first list ties one of the six.
  t.is(kendall([1, 2, 2, 3], [1, 3, 2, 4]), 5 / Math.sqrt(5 * 6))
  t.is(kendall([1, 1, 2], [3, 3, 7]), 1)
  t.is(kendall([1, 1, 1], [1, 2, 3]), Number.NaN)
})

test('tau-b is (C − D) / √((n₀ − n₁)(n₀ − n₂)) with every pair and every tie counted', (t) => {
  const tied = (values: number[]) => {
    const sizes = [...new Set(values)].map((value) => values.filter((other) => other === value).length)
    return sizes.reduce((sum, size) => sum + (size * (size - 1)) / 2, 0)
  }
  const property = fc.property(ranking, (rows) => {
    const [a, b] = [rows.map(([x]) => x), rows.map(([, y]) => y)]
    const pairs = a.flatMap((_, i) => a.slice(i + 1).map((_, j) => [i, i + 1 + j] as const))
    const concordant = pairs.filter(
      ([i, j]) => (a[i]! < a[j]! && b[i]! < b[j]!) || (a[i]! > a[j]! && b[i]! > b[j]!),
    )
    const discordant = pairs.filter(
      ([i, j]) => (a[i]! < a[j]! && b[i]! > b[j]!) || (a[i]! > a[j]! && b[i]! < b[j]!),
    )
    const room = (pairs.length - tied(a)) * (pairs.length - tied(b))
    const wanted = (concordant.length - discordant.length) / Math.sqrt(room)
    const got = kendall(a, b)
    return room === 0 ? Number.isNaN(got) : Math.abs(got - wanted) < 1e-12 && got === kendall(b, a)
  })
  t.notThrows(() => fc.assert(property))
})

test('the highest k keep the lower index of equal scores, and Jaccard is what they share over what either has', (t) => {
  t.deepEqual(topIndices([1, 3, 2, 3], 2), [1, 3])
  t.deepEqual(topIndices([1, 1, 1], 2), [0, 1])
  t.deepEqual(topIndices([5, 4], 9), [0, 1])
  t.is(jaccard([1, 2, 3], [2, 3, 4]), 0.5)
  t.is(jaccard([1], [2]), 0)
  t.is(jaccard([1, 2], [2, 1]), 1)
  t.is(jaccard([], []), 1)
})

test('Jaccard by chance is the mean over all pairs of subsets', (t) => {
  const subsets = (n: number, k: number) =>
    Array.from({ length: 2 ** n }, (_, bits) =>
      Array.from({ length: n }, (_, i) => i).filter((i) => bits & (1 << i)),
    ).filter((set) => set.length === k)
  for (const [n, k] of [
    [1, 1],
    [5, 1],
    [6, 2],
    [6, 3],
    [7, 5],
    [7, 7],
  ] as const) {
    const all = subsets(n, k)
    const mean = all.reduce((sum, set) => sum + jaccard(all[0]!, set), 0) / all.length
    t.true(Math.abs(jaccardByChance(n, k) - mean) < 1e-12, `${k} of ${n}`)
  }
})

test('the scores of heads are those that pruning goes by', async (t) => {
  const checkpoint = await tinyModel()
  for (const score of ['headNorm', 'magnitude', 'random'] as const) {
    const { heads, seed } = await scoreHeads(checkpoint, { score, seed: 5 })
    t.is(seed, 5)
    t.deepEqual(
      heads.map(([layer, head]) => [layer, head]),
      [0, 1].flatMap((layer) => [0, 1, 2, 3].map((head) => [layer, head])),
    )
    const plan = await prune(checkpoint, { steps: [{ pattern: 'heads', score, remove: 3 }], seed: 5 })
    const lowest = heads.toSorted((a, b) => a[2] - b[2]).slice(0, 3)
    for (const [layer, head] of lowest) t.false(plan.summary().layers[layer]!.heads.includes(head), score)
  }
  const { heads } = await scoreHeads(checkpoint, { score: 'headNorm' })
  const shares = heads.filter(([layer]) => layer === 0).map(([, , score]) => score)
  t.true(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-6)
})

test('heads of shared weights are scored once, and named by the first layer that has them', async (t) => {
  const checkpoint = await tinyModel({ family: 'albert', layers: 3 })
  const { heads } = await scoreHeads(checkpoint, { score: 'headNorm' })
  t.deepEqual(
    heads.map(([layer]) => layer),
    [0, 0, 0, 0],
  )
})

test('calibration data is for scores that read it, and others pass over it', async (t) => {
  const checkpoint = await tinyModel()
  const calibration = await Calibration.fromIds(checkpoint, [[5, 6]])
  const [with_, without] = [
    await scoreHeads(checkpoint, { score: 'headNorm' }, { calibration }),
    await scoreHeads(checkpoint, { score: 'headNorm' }),
  ]
  t.deepEqual(with_, without)
  await t.throwsAsync(scoreHeads(checkpoint, { score: 'wanda' as never }), {
    message: /to be a score of heads/,
  })
  await t.throwsAsync(scoreHeads(checkpoint, { score: 'headNorm', fraction: 1 } as never), {
    message: /Unknown key `fraction`/,
  })
})

test('heads that went in an earlier round are below those that went later, whatever their scores', (t) => {
  const scores = [
    { weights: 0, units: [0, 2], scores: [9, 5], rounds: [1, 0] },
    { weights: 1, units: [1, 3], scores: [2, 3], rounds: [2, 2] },
  ]
  t.deepEqual(
    headRows(scores, (set) => 10 * set),
    [
      [0, 0, 0],
      [0, 2, 3],
      [10, 1, 1],
      [10, 3, 2],
    ],
  )
})

test('a comparison holds every pair, whatever the order of the rows', (t) => {
  const a = [4, 1, 3, 2, 5, 6, 8, 7].map((score, at): HeadRow => [at >> 2, at & 3, score])
  const b = a.map(([layer, head, score]): HeadRow => [layer, head, -score]).toReversed()
  const flat = a.map(([layer, head]): HeadRow => [layer, head, 1])
  const rankings = [a, b, flat].map((heads, at) => ({ name: 'abc'[at]!, heads }))
  const { names, heads, ...agreement } = compareRankings(rankings, { top: [2, 8] })
  t.deepEqual([names, heads], [['a', 'b', 'c'], 8])
  for (const matrix of [agreement.spearman, agreement.kendall]) {
    t.deepEqual(matrix, [
      [1, -1, null],
      [-1, 1, null],
      [null, null, null],
    ])
  }
  t.deepEqual(agreement.jaccard, [
    {
      k: 2,
      chance: jaccardByChance(8, 2),
      matrix: [
        [1, 0, 0],
        [0, 1, 1 / 3],
        [0, 1 / 3, 1],
      ],
    },
    { k: 8, chance: 1, matrix: [0, 1, 2].map(() => [1, 1, 1]) },
  ])
})

test('rankings of other heads, under one name, or of no form are refused', async (t) => {
  const row: HeadRow = [0, 0, 1]
  const of = (name: string, ...heads: HeadRow[]) => ({ name, heads })
  const refused = (rankings: ReturnType<typeof of>[], message: RegExp, options = {}) =>
    t.throws(() => compareRankings(rankings, options), { message })
  refused([of('a', row)], /a list of at least two/)
  refused([of('a', row), of('a', row)], /different names, got `a` twice/)
  refused([of('a', row), of('b', [1, 0, 1])], /of the same heads, got 1 of `a` and others \(1\) of `b`/)
  refused([of('a', row, row), of('b', row)], /each head once, got head 0 of layer 0 twice/)
  refused([of('a'), of('b')], /at least one head/)
  refused([of('a', row), of('b', row)], /`top\[0\]` to be a whole number from 1 to 1, got 2/, { top: [2] })
  refused([of('a', row), of('b', [0, 0, Number.NaN])], /a number from/)

  const file = join(temporaryDirectory(), 'ranking.json')
  await t.throwsAsync(readRanking(file), { code: 'FILE_NOT_FOUND' })
  for (const [content, message] of [
    ['{', /to be JSON/],
    ['[]', /a JSON object with `heads`/],
    ['{"steps": [{"pattern": "2:4"}]}', /a pruning\.json with scores of heads/],
    ['{"heads": [[0, 1]]}', /`heads\[0\]` to be \[layer, head, score\], got \[ 0, 1 \]/],
  ] as const) {
    await writeFile(file, content)
    await t.throwsAsync(readRanking(file), { code: 'DATA_INVALID', message })
  }
})

test('pruning by the order of a score is pruning by the score, and its reverse the reverse', async (t) => {
  const checkpoint = await tinyModel()
  const data = await pairsFile(1)
  const { heads } = await scoreHeads(checkpoint, { score: 'headNorm' })
  const options = { units: ['heads'], levels: [0.25, 0.5] }
  const by = (methods: Parameters<typeof curve>[1]['methods']) =>
    curve(checkpoint, studyOf(data, { ...options, methods }))
  const transfer = await by(transferMethods([{ name: 'norm', heads }]))
  const direct = await by(['headNorm', 'reverse:headNorm'])
  const figures = ({ points }: Curves) =>
    points.map(({ value, toDense, toOrder, density }) => ({ value, toDense, toOrder, density }))
  t.deepEqual(figures(transfer), figures(direct))
  t.deepEqual(
    transfer.points.map(({ method }) => method),
    ['norm', 'reverse:norm', 'norm', 'reverse:norm'],
  )
})

test('heads ranks a model, writes rankings, and compares them with others and with what pruning wrote', async (t) => {
  const { directory } = await tinyModel()
  const out = temporaryDirectory()
  const { rankings } = await json<Heads>(['heads', directory, '--scores', 'headNorm,random', '--out', out])
  t.deepEqual(
    rankings.map(({ name, heads }) => [name, heads.length]),
    [
      ['headNorm', 8],
      ['random', 8],
    ],
  )
  const written = JSON.parse(await readFile(join(out, 'headNorm.json'), 'utf8'))
  t.deepEqual(written, { heads: rankings[0]!.heads })
  const { stdout } = await cli(['heads', directory])
  t.regex(stdout, /^layer +head +headNorm +goes$/m)
  t.regex(stdout, /^ +1 +3 +0\.\d+ +\d$/m)
  const ids = join(temporaryDirectory(), 'ids.json')
  await writeFile(ids, '[[1, 2, 3], [4, 5]]')
  const both = await cli(['heads', directory, '--scores', 'headNorm,gradient', '--calibration', ids])
  t.regex(both.stdout, /^gradient: Derivatives are those of /m)

  const pruned = join(temporaryDirectory(), 'pruned')
  await json([
    'prune',
    directory,
    '--out',
    pruned,
    '--pattern',
    'heads',
    '--score',
    'magnitude',
    '--remove',
    '2',
  ])
  const operands = [directory, join(out, 'headNorm.json'), join(pruned, 'pruning.json')]
  const { comparison } = await json<Heads>([
    'heads',
    'compare',
    ...operands,
    '--scores',
    'magnitude',
    '--top',
    '3',
  ])
  t.deepEqual(comparison!.names, ['magnitude', 'headNorm', 'pruned'])
  t.is(comparison!.heads, 8)
  t.is(comparison!.spearman[0]![2], 1)
  const scores = async (of: string) => (await readRanking(of)).heads.map(([, , score]) => score)
  const [norm, magnitude] = [await scores(operands[1]!), await scores(operands[2]!)]
  t.is(comparison!.spearman[1]![2], spearman(norm, magnitude))
  t.is(comparison!.kendall[1]![2], kendall(norm, magnitude))
  t.is(comparison!.jaccard[0]!.matrix[1]![2], jaccard(topIndices(norm, 3), topIndices(magnitude, 3)))
  const shown = await cli(['heads', 'compare', ...operands])
  const [own, file] = [`headNorm of ${directory}`, `headNorm of ${operands[1]}`]
  t.true(shown.stdout.startsWith("3 rankings of 8 heads.\n\nSpearman's rho\n"))
  t.true(shown.stdout.includes(`${own}  ${file}  pruned\n`))
  t.regex(shown.stdout, /^Jaccard of the 4 highest \(by chance 0\.\d\d\)$/m)
})

test('seeds and checkpoints are rankings of their own, and every order can be evaluated on one model', async (t) => {
  const [one, other] = [await tinyModel(), await tinyModel({ seed: 2 })]
  const data = await pairsFile(1)
  const { comparison } = await json<Heads>([
    ...['heads', 'compare', one.directory, '--against', other.directory],
    ...['--scores', 'random', '--score-seeds', '1,2'],
  ])
  t.is(comparison!.names.length, 4)
  t.true(comparison!.names[0]!.endsWith(' random seed 1'))
  // Random numbers know nothing of the model.
  t.is(comparison!.spearman[0]![2], 1)
  t.true(comparison!.spearman[0]![1]! < 1)

  const evaluated = [
    '--task',
    'similarity',
    '--data',
    data,
    '--levels',
    '0.5',
    '--seeds',
    '2',
    '--resamples',
    '50',
  ]
  const { rankings, transfer } = await json<Heads>([
    ...['heads', 'compare', one.directory, other.directory, '--on', other.directory, ...evaluated],
  ])
  t.deepEqual(
    transfer!.points.map(({ method }) => method),
    [...rankings.flatMap(({ name }) => [name, `reverse:${name}`]), 'random', 'random'],
  )
  t.is(transfer!.evidence.length, 2)
})

test('what heads cannot do is misuse, with the way out', async (t) => {
  const { directory } = await tinyModel()
  const { directory: deeper } = await tinyModel({ layers: 3 })
  const data = await pairsFile(1)
  const file = join(temporaryDirectory(), 'far.json')
  await writeFile(file, '{"heads": [[7, 0, 1], [7, 1, 2]]}')
  const cases: [string[], RegExp][] = [
    [['heads', directory, directory], /to compare, write `heads compare /],
    [['heads', directory, '--top', '3'], /--top is for `heads compare`/],
    [['heads', file], /Expected a MODEL to rank, got the ranking/],
    [
      ['heads', directory, '--scores', 'headnorm'],
      /`--scores` to be one of .*, got 'headnorm'\. Did you mean `headNorm`\?/,
    ],
    [['heads', directory, '--remove', '99'], /`--remove` to be at most 8/],
    [['heads', 'compare'], /Expected what to compare after `heads compare`/],
    [['heads', 'compare', directory], /at least two/],
    [['heads', 'compare', directory, deeper], /of the same heads, got 8 of .* and others \(12\)/],
    [
      ['heads', 'compare', directory, '--on', directory],
      /--on is for evaluating: add --task NAME --data FILE/,
    ],
    [['heads', 'compare', directory, deeper, '--data', 'x'], /Expected --on MODEL, since there are 2 models/],
    [['heads', 'compare', file, '--scores', 'random'], /--scores is for a MODEL/],
    [
      [
        ...['heads', 'compare', directory, file, '--calibration', data, '--calibration-task', 'similarity'],
        ...['--data', data, '--task', 'similarity'],
      ],
      /--calibration to share nothing .*, got 14 examples and 28 single sequences of --data\. Leave .* --exclude-overlap/,
    ],
    [['heads', directory, '--calibration-limit', '3'], /--calibration-limit is for --calibration FILE/],
  ]
  for (const [words, message] of cases) {
    const { status, stderr } = await cli(words)
    t.is(status, 2, words.join(' '))
    t.regex(stderr, message)
  }
})

test('orders of heads that the evaluated model lacks are refused before anything is measured', async (t) => {
  const { directory } = await tinyModel()
  const folder = temporaryDirectory()
  const files = ['a.json', 'b.json'].map((name) => join(folder, name))
  for (const file of files) await writeFile(file, '{"heads": [[7, 0, 1], [7, 1, 2]]}')
  const evaluated = ['--on', directory, '--task', 'similarity', '--data', await pairsFile(1)]
  const { status, stdout, stderr } = await cli(['heads', 'compare', ...files, ...evaluated, '--json'])
  t.is(status, 1)
  t.is(JSON.parse(stdout).error.code, 'CHECKPOINT_MISMATCH')
  t.regex(stderr, /to be of heads that .* has, got head 0 of layer 7 in `a`/)
})
