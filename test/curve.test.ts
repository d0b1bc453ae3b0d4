import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import {
  Calibration,
  type CurveMethod,
  type CurvePoint,
  type Curves,
  compareEvaluations,
  curve,
  Encoder,
  evaluate,
  prune,
  readCurveMethods,
} from 'twofour'
import { holm, judge } from '../lib/study/evidence.js'
import { keeps99Percent, pointOf, pointsLost } from '../lib/study/points.js'
import { reachOf, spreadsOf } from '../lib/study/summary.js'
import { closeWithin } from './equal.js'
import { pairsFile, studyOf, tinyModel, withoutSeconds } from './studies.js'
import { temporaryDirectory } from './temporary-directory.js'

type Made = Pick<Curves, 'dense' | 'points'>

/** A measured point of which only some is looked at. */
function point(method: string, level: number, value: number, more: Partial<CurvePoint> = {}): CurvePoint {
  const toDense = { difference: value - 0.8, interval: [0, 0], pValue: 1, test: 'jackknife_t' }
  return { unit: 'heads', method, level, share: level, seed: null, value, toDense, ...more } as CurvePoint
}

function made(points: CurvePoint[], metric = 'spearman', value = 0.8): Made {
  return { dense: { metric, value, n: 400 } as Curves['dense'], points }
}

test('every point is the pruned model evaluated by itself, and compared on the same examples', async (t) => {
  const checkpoint = await tinyModel()
  const data = await pairsFile(1)
  const evaluated = async (of: typeof checkpoint) => {
    const encoder = await Encoder.load(of, { threads: 1, sparsity: 'off' })
    try {
      return await evaluate(encoder, { task: 'similarity', data, resamples: 50 })
    } finally {
      encoder.dispose()
    }
  }
  const options = { methods: ['magnitude', 'random', 'reverse:magnitude'], levels: [0.5], seeds: 2 }
  const { dense, points, complete } = await curve(
    checkpoint,
    studyOf(data, { ...options, units: ['weights', 'heads', 'neurons'] }),
  )

  t.true(complete)
  const whole = await evaluated(checkpoint)
  t.like(dense, { value: whole.value, interval: whole.interval, n: 14, metric: 'spearman' })
  t.is(points.length, 3 * (1 + 1 + 2))
  const differences = (first: typeof whole, second: typeof whole) => {
    const { difference, interval, intervalMethod, pValue, test: name } = compareEvaluations(first, second)
    return { difference, interval, intervalMethod, pValue, test: name }
  }
  for (const { recipe, value, interval, toDense, toOrder, toRandom, density, unit, method } of points) {
    const plan = await prune(checkpoint, recipe)
    const alone = await evaluated(await plan.apply(checkpoint))
    t.deepEqual([value, interval], [alone.value, alone.interval])
    t.deepEqual(toDense, differences(alone, whole))
    t.deepEqual(density.all, plan.summary().all)
    const random = points.filter((each) => each.unit === unit && each.method === 'random')
    const mean = random.reduce((sum, each) => sum + each.value, 0) / 2
    t.is(toRandom !== undefined, method !== 'random')
    if (toRandom !== undefined) {
      const [low, high] = toRandom.interval
      closeWithin(t, [toRandom.difference], [value - mean], 1e-12, 'difference to random')
      t.true(low < high && toRandom.pValue > 0 && toRandom.pValue <= 1)
      t.is(toRandom.verdict === 'undecided', toRandom.pValue >= 0.05)
      t.is(toRandom.seeds, 2)
      t.is(toRandom.better, random.filter((each) => each.value < value).length)
    }
    t.is(toOrder !== undefined, method === 'reverse:magnitude')
    if (toOrder === undefined) continue
    const order = points.find((each) => each.unit === unit && each.method === 'magnitude')!
    const ordered = await evaluated(await (await prune(checkpoint, order.recipe)).apply(checkpoint))
    t.deepEqual(toOrder, differences(alone, ordered))
  }
})

test('units, levels and seeds give the points that they name, and a name stands for all that its score ranks', async (t) => {
  const checkpoint = await tinyModel({ layers: 3, heads: 4 })
  const data = await pairsFile(1, 8)
  const { points, spreads } = await curve(
    checkpoint,
    studyOf(data, {
      methods: ['magnitude', 'headNorm', 'last', 'reverse:last', 'random'],
      units: ['weights', '2:4', '1:4', 'heads', 'layers'],
      // Of 12 heads 0.04 are none, 0.1 and 0.12 the same one.
      levels: [0.5, 0.04, 0.12, 0.1, 1],
      seeds: 2,
    }),
  )
  const levels = (unit: string, method: string) =>
    points.filter((each) => each.unit === unit && each.method === method).map(({ level }) => level)
  t.deepEqual(levels('weights', 'magnitude'), [0.04, 0.1, 0.12, 0.5, 1])
  t.deepEqual(levels('N:M', 'magnitude'), ['2:4', '1:4'])
  t.deepEqual(levels('heads', 'headNorm'), [0.1, 0.5, 1])
  t.deepEqual(levels('heads', 'magnitude'), [0.1, 0.5, 1])
  t.deepEqual(levels('weights', 'headNorm'), [])
  t.deepEqual(levels('layers', 'last'), [1, 2])
  // Where all go there is one way to go.
  t.deepEqual(levels('heads', 'random'), [0.1, 0.1, 0.5, 0.5, 1])
  const recipes = (method: string) =>
    points
      .filter((each) => each.unit === 'layers' && each.method === method)
      .map(({ recipe }) => recipe.steps[0])
  t.deepEqual(recipes('last'), [
    { pattern: 'layers', list: [2] },
    { pattern: 'layers', list: [1, 2] },
  ])
  t.deepEqual(recipes('reverse:last'), [
    { pattern: 'layers', list: [0] },
    { pattern: 'layers', list: [0, 1] },
  ])
  const half = points.filter(
    (each) => each.unit === 'heads' && each.method === 'random' && each.level === 0.5,
  )
  t.deepEqual(
    half.map(({ seed, share, recipe }) => [seed, share, recipe.seed]),
    [
      [1, 0.5, 1],
      [2, 0.5, 2],
    ],
  )
  const [low, high] = half.map(({ value }) => value) as [number, number]
  const spread = spreads.find(({ unit, level }) => unit === 'heads' && level === 0.5)!
  t.true(Math.abs(spread.mean - (low + high) / 2) < 1e-12)
  t.true(Math.abs(spread.sd! - Math.abs(low - high) / Math.SQRT2) < 1e-12)
})

test('a model of one layer has no curve over layers, and the others all the same', async (t) => {
  const checkpoint = await tinyModel({ layers: 1 })
  const data = await pairsFile(1, 8)
  const methods = ['last', 'headNorm']
  const { points } = await curve(
    checkpoint,
    studyOf(data, { methods, units: ['heads', 'layers'], levels: [1] }),
  )
  t.deepEqual(
    points.map(({ unit, method }) => [unit, method]),
    [['heads', 'headNorm']],
  )
  await t.throwsAsync(curve(checkpoint, studyOf(data, { methods: ['last'], units: ['layers'] })), {
    message: /levels at which something goes, got none/,
  })
})

test('a study that was stopped goes on where it stopped, and comes to the same', async (t) => {
  const checkpoint = await tinyModel()
  const study = studyOf(await pairsFile(1), {
    methods: ['headNorm', 'reverse:headNorm', 'random'],
    units: ['heads'],
    levels: [0.25, 0.5],
    seeds: 2,
  })
  const whole = await curve(checkpoint, study)
  // Between an order and its reverse, which are compared.
  for (const stopAt of [1, 4, whole.points.length]) {
    const controller = new AbortController()
    let left: Curves | undefined
    const onPoint = (soFar: Curves) => {
      left = JSON.parse(JSON.stringify(soFar)) as Curves
      if (soFar.points.length === stopAt && stopAt < whole.points.length)
        controller.abort(new Error('enough'))
    }
    const run = curve(checkpoint, { ...study, onPoint, signal: controller.signal })
    if (stopAt < whole.points.length) await t.throwsAsync(run, { message: 'enough' })
    else await run
    t.is(left!.points.length, stopAt)
    t.is(left!.complete, stopAt === whole.points.length)

    const stages: string[] = []
    const rest = await curve(checkpoint, {
      ...study,
      earlier: left,
      onProgress: ({ stage, total, unit }) => {
        t.deepEqual([total, unit], [whole.points.length, 'points'])
        stages.push(stage)
      },
    })
    t.is(stages.length, 2 + whole.points.length - stopAt)
    t.deepEqual(withoutSeconds(rest), withoutSeconds(whole))
    for (const old of left!.points)
      t.true(rest.points.some((each) => each.seconds.prune === old.seconds.prune))
  }
})

test('a method of one’s own fills levels and counts into its recipe, from a file too', async (t) => {
  const checkpoint = await tinyModel()
  const data = await pairsFile(1)
  const file = join(temporaryDirectory(), 'methods.json')
  const steps = [{ pattern: 'heads', score: 'magnitude', remove: '{count}', minimum: 1 }]
  await writeFile(
    file,
    JSON.stringify([{ name: 'guarded', unit: 'heads', levels: [0.5], recipe: { steps } }]),
  )
  const both: CurveMethod = {
    name: 'both',
    unit: 'N:M',
    levels: ['2:4'],
    recipe: { steps: [{ pattern: 'neurons', fraction: 0.5 }, { pattern: '{level}' }], seed: 3 },
  }
  const methods = [...(await readCurveMethods(file)), both]
  const { points } = await curve(checkpoint, studyOf(data, { methods }))
  t.deepEqual(
    points.map(({ unit, method, level, share }) => [unit, method, level, share]),
    [
      ['heads', 'guarded', 0.5, 0.5],
      ['N:M', 'both', '2:4', 0.5],
    ],
  )
  t.like(points[0]!.recipe.steps[0], { pattern: 'heads', remove: 4, minimum: 1 })
  t.is(points[1]!.recipe.seed, 3)
  t.like(points[1]!.recipe.steps[1], { pattern: '2:4' })
})

test('calibrated methods read the calibration data, and overlap with what is evaluated is reported or refused', async (t) => {
  const checkpoint = await tinyModel()
  const [data, others] = [await pairsFile(1), await pairsFile(2)]
  const calibration = await Calibration.open(checkpoint, others, { task: 'similarity' })
  const options = { methods: ['wanda+refit', 'magnitude', 'sparsegpt'], units: ['2:4'] }
  const { study, points } = await curve(checkpoint, studyOf(data, { ...options, calibration }))
  t.deepEqual(study.calibration, {
    ...{ examples: 14, sequences: 28, tokens: calibration.tokens, digest: calibration.digest },
    overlap: { examples: 0, sequences: 0 },
  })
  t.is(new Set(points.map(({ value }) => value)).size, 3)

  const same = await Calibration.open(checkpoint, data, { task: 'similarity', limit: 5 })
  const overlapping = studyOf(data, { ...options, calibration: same })
  await t.throwsAsync(curve(checkpoint, overlapping), {
    instanceOf: RangeError,
    message: /`calibration` to share nothing with the data that is evaluated, got 5 examples and \d+ single/,
  })
  const allowed = await curve(checkpoint, { ...overlapping, methods: ['wanda'], allowOverlap: true })
  t.is(allowed.study.calibration!.overlap.examples, 5)
})

test('a method reaches the largest level up to which every measured one stays within', (t) => {
  const points = [
    ...[point('a', 0.3, 0.7), point('a', 0.1, 0.799), point('a', 0.2, 0.7905), point('a', 0.4, 0.8)],
    ...[
      point('random', 0.1, 0.81, { seed: 1 }),
      point('random', 0.1, 0.78, { seed: 2 }),
      point('b', 0.1, 0.5),
    ],
  ]
  t.deepEqual(reachOf(made(points)), [
    { unit: 'heads', method: 'a', withinOnePoint: 0.2, within99Percent: 0.1 },
    { unit: 'heads', method: 'random', withinOnePoint: 0.1, within99Percent: 0.1 },
    { unit: 'heads', method: 'b', withinOnePoint: null, within99Percent: null },
  ])
  const { mean, sd } = spreadsOf(points)[0]!
  t.true(Math.abs(mean - 0.795) < 1e-12)
  t.true(Math.abs(sd! - 0.03 / Math.SQRT2) < 1e-12)
})

test('one random pruning has no spread', (t) => {
  t.is(spreadsOf([point('random', 0.1, 0.7, { seed: 1 })])[0]!.sd, null)
})

test('a point is a hundredth, of F1 one of a hundred, and of a perplexity, which is better lower, a hundredth of dense', (t) => {
  t.is(pointsLost({ metric: 'f1', value: 88 }, 85), 3)
  t.is(pointOf({ metric: 'accuracy', value: 0.9 }), 0.01)
  t.is(Math.round(pointsLost({ metric: 'pseudo_perplexity', value: 10 }, 11)), 10)
  t.true(keeps99Percent({ metric: 'pseudo_perplexity', value: 10 }, 10.1))
  t.false(keeps99Percent({ metric: 'pseudo_perplexity', value: 10 }, 10.2))
  t.true(keeps99Percent({ metric: 'accuracy', value: 1 }, 0.99))
})

const toOrder = (difference: number, pValue: number) =>
  ({ toOrder: { difference, pValue, interval: [0, 0], test: 'jackknife_t' } }) as Partial<CurvePoint>

function random(level: number, ...values: number[]): CurvePoint[] {
  return values.map((value, seed) => point('random', level, value, { seed: seed + 1 }))
}

test('a level is evidence where random pruning costs 5 points and the reversed order is worse beyond its spread', (t) => {
  const cost = random(0.5, 0.74, 0.73, 0.75)
  const cases: [string, CurvePoint[], RegExp | null][] = [
    ['evidence', [...cost, point('reverse:a', 0.5, 0.6, toOrder(-0.2, 0.01))], null],
    ['no random', [point('reverse:a', 0.5, 0.6, toOrder(-0.2, 0.01))], /random pruning was not measured/],
    [
      'easy',
      [...random(0.5, 0.7, 0.82), point('reverse:a', 0.5, 0.6, toOrder(-0.2, 0.01))],
      /costs 4\.0 points only/,
    ],
    ['no reverse', random(0.5, 0.5, 0.6), /reversed order was not measured/],
    ['better reversed', [...cost, point('reverse:a', 0.5, 0.9, toOrder(0.1, 0.01))], /no worse/],
    [
      'by chance of the examples',
      [...cost, point('reverse:a', 0.5, 0.7, toOrder(-0.1, 0.05))],
      /not significantly worse \(p = 0\.050\)/,
    ],
    [
      'as two random prunings differ',
      [...random(0.5, 0.5, 0.75, 0.79), point('reverse:a', 0.5, 0.6, toOrder(-0.2, 0.001))],
      /not significantly worse \(p = 0\.4/,
    ],
    [
      'one seed',
      [...random(0.5, 0.5), point('reverse:a', 0.5, 0.6, toOrder(-0.2, 0.001))],
      /one random pruning tells no spread: measure more seeds/,
    ],
    [
      'another level',
      [...random(0.4, 0.5, 0.6), point('reverse:a', 0.5, 0.6, toOrder(-0.2, 0.01))],
      /random pruning was not measured/,
    ],
  ]
  for (const [title, controls, why] of cases) {
    const [verdict, ...others] = judge(made([point('a', 0.5, 0.8), ...controls]))
    t.is(others.length, 0, title)
    t.is(verdict!.evidence, why === null, title)
    if (why !== null) t.regex(verdict!.why, why, title)
  }
  const all = judge(made([point('a', 1, 0.1), ...random(1, 0.1)]))
  t.like(all[0], { evidence: false, why: 'all go, in whatever order', pValue: null })
  const perplexity = [point('a', 0.5, 10.1), ...random(0.5, 12, 12.1, 11.9)]
  const reversed = point('reverse:a', 0.5, 13, toOrder(2, 0.001))
  t.true(judge(made([...perplexity, reversed], 'pseudo_perplexity', 10))[0]!.evidence)
})

test('the levels of a method are corrected together, so that more of them do not make evidence likelier', (t) => {
  const levels = [0.3, 0.4, 0.5]
  const points = levels.flatMap((level) => [
    point('a', level, 0.8),
    ...random(level, 0.74, 0.73, 0.75),
    point('reverse:a', level, 0.6, toOrder(-0.2, 0.03)),
  ])
  const alone = judge(made(points.slice(0, 5)))
  t.deepEqual(
    alone.map(({ evidence, pValue }) => [evidence, pValue]),
    [[true, 0.03]],
  )
  const together = judge(made(points))
  t.deepEqual(
    together.map(({ evidence }) => evidence),
    [false, false, false],
  )
  t.true(together.every(({ pValue }) => Math.abs(pValue! - 0.09) < 1e-12))
  // statsmodels 0.14: multipletests(…, method='holm').
  const corrected = holm([0.01, 0.04, 0.03, 0.005])
  for (const [at, p] of [0.03, 0.06, 0.06, 0.02].entries()) t.true(Math.abs(corrected[at]! - p) < 1e-12)
})

test('what cannot be drawn is refused before anything is measured', async (t) => {
  const checkpoint = await tinyModel()
  const data = await pairsFile(1)
  const calibration = await Calibration.fromIds(checkpoint, [[5, 6]])
  const refusals: [Record<string, unknown>, RegExp][] = [
    [{ methods: ['magnitud'] }, /`methods` to be a method: .* got 'magnitud'\. Did you mean `magnitude`\?/],
    [
      { methods: ['magnitude+refti'] },
      /ranks none of .*update` to be one of 'none', 'bias', 'refit', got 'refti'/,
    ],
    [
      { methods: ['reverse:sparsegpt'], calibration },
      /ranks none of .*reverse` to be false with 'sparsegpt'/,
    ],
    [{ methods: ['headNorm'], units: ['weights'] }, /`headNorm` ranks none of weights\. /],
    [{ methods: ['wanda'] }, /Method `wanda` needs calibration data/],
    [{ methods: ['magnitude'], calibration }, /`calibration` to be absent, for none of the methods reads it/],
    [{ methods: ['magnitude', 'magnitude'] }, /to name each once, got `magnitude` twice for weights/],
    [{ methods: [] }, /`methods` to be a list of at least one method/],
    [{ methods: [3] }, /a list of names and of methods of your own, got 3/],
    [{ methods: ['magnitude'], units: ['head'] }, /got 'head'\. Did you mean `heads`\?/],
    [{ methods: ['magnitude'], units: ['2:4', '2:4'] }, /`units` to name each once, got 2:4 twice/],
    [
      { methods: ['magnitude'], levels: [0] },
      /`levels\[0\]` to be above 0, got 0\. The dense model is measured anyway/,
    ],
    [{ methods: ['magnitude'], levels: [1.5] }, /`levels\[0\]` to be a number from 0 to 1, got 1\.5/],
    [{ methods: ['magnitude'], levels: [0.5, 0.5] }, /each level once, got 0\.5 twice/],
    [{ methods: ['random'], seeds: 0 }, /`seeds` to be a whole number from 1/],
    [{ methods: ['random'], method: 1 }, /Unknown key `method` in `options`\. Did you mean `methods`\?/],
    [
      { methods: [{ name: 'x', unit: 'heads', recipe: { steps: [] } }] },
      /a recipe with "\{level\}" or "\{count\}"/,
    ],
    [
      {
        methods: [{ name: 'x', unit: 'heads', recipe: { steps: [{ pattern: 'heads', remove: '{level}' }] } }],
      },
      /Method `x`: .*remove` to be a whole number/,
    ],
    [{ methods: ['random'], earlier: {} }, /`earlier` to be what `curve` gave/],
    [{ methods: ['random'], earlier: { dense: {}, points: [] } }, /`earlier\.format` to be 2, got none/],
  ]
  for (const [options, message] of refusals) {
    const onPoint = () => t.fail('measured')
    await t.throwsAsync(curve(checkpoint, { task: 'similarity', data, onPoint, ...options } as never), {
      message,
    })
  }
  const file = join(temporaryDirectory(), 'none.json')
  await t.throwsAsync(readCurveMethods(file), { code: 'FILE_NOT_FOUND' })
  await writeFile(file, '{}')
  await t.throwsAsync(readCurveMethods(file), { code: 'RECIPE_INVALID' })
})

test('points of another study, another file or another machine are not gone on with', async (t) => {
  const checkpoint = await tinyModel()
  const data = await pairsFile(1)
  const study = studyOf(data, { methods: ['headNorm'], units: ['heads'], levels: [0.5] })
  const earlier = await curve(checkpoint, study)
  const refused = (options: object, message: RegExp) =>
    t.throwsAsync(curve(checkpoint, { ...study, earlier, ...options }), { message })
  await refused({ levels: [0.25] }, /of the same study, got one with another planned\. Repeat its arguments/)
  await refused({ seed: 1 }, /another evaluation\./)
  await refused({ data: await pairsFile(2) }, /another data\./)
  const dense = { ...earlier.dense, value: earlier.dense.value + 1e-6 }
  await refused({ earlier: { ...earlier, dense } }, /points of two machines do not go together/)
  await refused(
    { earlier: { ...earlier, format: undefined } },
    /`earlier\.format` to be 2, got none: its intervals are of an earlier version/,
  )
  await refused(
    { earlier: { ...earlier, format: 3 } },
    /`earlier\.format` to be 2, got 3\. .*Begin anew elsewhere\./,
  )
  const stray = { ...earlier.points[0]!, method: 'magnitude' }
  await refused(
    { earlier: { ...earlier, points: [stray] } },
    /`earlier\.points\[0\]` to be a point of this study/,
  )
})

test('the data of a study is known by its bytes', async (t) => {
  const checkpoint = await tinyModel()
  const data = await pairsFile(1)
  const copy = join(temporaryDirectory(), 'pairs.tsv')
  await writeFile(copy, await readFile(data))
  const study = studyOf(data, { methods: ['headNorm'], units: ['heads'], levels: [0.5] })
  const earlier = await curve(checkpoint, study)
  const again = await curve(checkpoint, { ...study, data: copy, earlier })
  t.deepEqual(again.points, earlier.points)
  t.deepEqual(withoutSeconds(again), withoutSeconds(earlier))
})
