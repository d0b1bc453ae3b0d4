import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import type { Curves } from 'twofour'
import { curveCsv } from '../lib/cli/curve-csv.js'
import { curveSvg } from '../lib/cli/curve-plot.js'
import { cli, json } from './command-line.js'
import { pairsFile, tinyModel, withoutSeconds } from './studies.js'
import { temporaryDirectory } from './temporary-directory.js'

const quick = ['--resamples', '50', '--threads', '1', '--seeds', '2']

async function made(): Promise<string[]> {
  const { directory } = await tinyModel()
  return ['curve', directory, '--task', 'similarity', '--data', await pairsFile(1), ...quick]
}

/** Cells of RFC 4180 without line breaks in them. */
function cellsOf(line: string): string[] {
  const cells = [...`${line},`.matchAll(/("(?:[^"]|"")*"|[^,]*),/g)].map(([, cell]) => cell!)
  return cells.map((cell) => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell))
}

/** Whether every tag is closed in its order, with one root. */
function isWellFormed(xml: string): boolean {
  const open: string[] = []
  let roots = 0
  for (const [, close, name, attributes, self] of xml.matchAll(
    /<(\/?)([a-z]+)((?:\s+[\w-]+="[^"<]*")*)\s*(\/?)>/gi,
  )) {
    if (close === '' && open.length === 0) roots++
    if (close === '/' ? open.pop() !== name || attributes !== '' : self === '' && open.push(name!) === 0)
      return false
  }
  const rest = xml.replaceAll(/<\/?[a-z]+(?:\s+[\w-]+="[^"<]*")*\s*\/?>/gi, '')
  return roots === 1 && open.length === 0 && !/[<>]|&(?!(amp|lt|gt|quot|#39);)/.test(rest)
}

test('curve prints a table, and writes the same points as JSON, CSV and SVG', async (t) => {
  const out = join(temporaryDirectory(), 'study')
  const words = [...(await made()), '--units', 'heads,2:4,layers', '--levels', '0.5', '--out', out]
  const printed = await json<Curves>(words)
  t.deepEqual((await readdir(out)).sort(), ['curve.csv', 'curve.json', 'curve.svg'])
  const { machine, ...kept } = JSON.parse(await readFile(join(out, 'curve.json'), 'utf8')) as Curves & {
    machine: Record<string, unknown>
  }
  t.deepEqual(kept, printed)
  t.truthy(machine.cpu)
  t.true(printed.complete)
  t.deepEqual(
    [...new Set(printed.points.map(({ unit, method }) => `${unit} ${method}`))],
    [
      ...[
        'heads headNorm',
        'heads reverse:headNorm',
        'heads magnitude',
        'heads reverse:magnitude',
        'heads random',
      ],
      ...['N:M magnitude', 'N:M reverse:magnitude', 'N:M random'],
      ...['layers last', 'layers reverse:last', 'layers random'],
    ],
  )

  const [header, dense, ...rows] = (await readFile(join(out, 'curve.csv'), 'utf8'))
    .trimEnd()
    .split('\r\n')
    .map(cellsOf)
  t.is(rows.length, printed.points.length)
  const at = (row: string[], name: string) => row[header!.indexOf(name)]
  t.is(Number(at(dense!, 'value')), printed.dense.value)
  for (const [index, point] of printed.points.entries()) {
    const row = rows[index]!
    t.is(row.length, header!.length)
    const { unit, method, level, seed, value, interval, toDense, toOrder, toRandom, density, seconds } = point
    t.deepEqual([at(row, 'unit'), at(row, 'method'), at(row, 'level')], [unit, method, String(level)])
    t.is(at(row, 'seed'), seed === null ? '' : String(seed))
    t.deepEqual(
      [
        'value',
        'low',
        'high',
        'difference',
        'p_value',
        'prunable_density',
        'all_density',
        'evaluate_seconds',
      ].map((name) => Number(at(row, name))),
      [
        ...[value, ...interval, toDense.difference, toDense.pValue],
        ...[density.prunable.density, density.all.density, seconds.evaluate],
      ],
    )
    t.is(at(row, 'reversed_p_value'), toOrder === undefined ? '' : String(toOrder.pValue))
    t.is(at(row, 'random_high'), toRandom === undefined ? '' : String(toRandom.interval[1]))
    t.is(at(row, 'interval_method'), point.intervalMethod)
    t.is(at(row, 'random_verdict'), toRandom?.verdict ?? '')
    t.is(at(row, 'random_seeds_beaten'), toRandom === undefined ? '' : String(toRandom.better))
  }

  const svg = await readFile(join(out, 'curve.svg'), 'utf8')
  t.true(isWellFormed(svg))
  t.is(svg.match(/class="heading"/g)?.length, 3)
  t.notRegex(svg, /NaN|Infinity|undefined/)

  const { stdout } = await cli(words)
  t.regex(
    stdout,
    /^.*, similarity on pairs\.tsv: dense spearman −?0\.\d+ \[.*\], 14 examples\.\n\nheads removed\n/,
  )
  t.regex(stdout, /^random +0\.5 +−?0\.\d+ ± 0\.\d+ .* control, 2 seeds: mean ± sd$/m)
  t.regex(stdout, /smoke test:\s+random\s+pruning\s+costs\s+-?\d+\.\d\s+points\s+only/)
  t.regex(stdout, /Evidence is where random pruning costs at least 5 points/)
  t.regex(stdout, /their p-values are of single comparisons/)
})

test('a stopped curve leaves whole files, and the same command goes on to the same end', async (t) => {
  const [out, whole] = [join(temporaryDirectory(), 'a'), join(temporaryDirectory(), 'b')]
  const words = [
    ...(await made()),
    '--units',
    'heads',
    '--levels',
    '0.25,0.5',
    '--methods',
    'headNorm,random',
    '--json',
  ]
  const controller = new AbortController()
  const file = join(out, 'curve.json')
  const timer = setInterval(() => {
    if (existsSync(file)) controller.abort(new Error('stopped'))
  }, 1)
  const stopped = await cli([...words, '--out', out], { signal: controller.signal })
  clearInterval(timer)
  t.not(stopped.status, 0)
  const left = JSON.parse(await readFile(file, 'utf8')) as Curves
  t.false(left.complete)
  t.deepEqual((await readdir(out)).sort(), ['curve.csv', 'curve.json', 'curve.svg'])
  t.true(isWellFormed(await readFile(join(out, 'curve.svg'), 'utf8')))

  const [rest, once] = [await cli([...words, '--out', out]), await cli([...words, '--out', whole])]
  t.deepEqual(withoutSeconds(JSON.parse(rest.stdout)), withoutSeconds(JSON.parse(once.stdout)))
})

test('a folder of another study is refused, and replaced with --overwrite', async (t) => {
  const out = join(temporaryDirectory(), 'study')
  const words = [...(await made()), '--units', 'heads', '--methods', 'headNorm', '--out', out]
  await json([...words, '--levels', '0.5'])
  const before = await readFile(join(out, 'curve.json'), 'utf8')
  const { status, stderr } = await cli([...words, '--levels', '0.25'])
  t.is(status, 2)
  t.regex(
    stderr,
    /curve\.json` to be of the same study, got one with another planned\. .* --overwrite or another --out/,
  )
  t.is(await readFile(join(out, 'curve.json'), 'utf8'), before)
  const { points } = await json<Curves>([...words, '--levels', '0.25', '--overwrite'])
  t.is(points[0]!.level, 0.25)

  await writeFile(join(out, 'curve.json'), '{')
  t.regex((await cli([...words, '--levels', '0.25'])).stderr, /to be the JSON of an earlier run.*--overwrite/)
  const file = join(temporaryDirectory(), 'file')
  await writeFile(file, '')
  t.like(await cli([...words.slice(0, -1), file]), { status: 1 })
})

test('calibration is read as the task is, or as texts, and what was calibrated on is refused', async (t) => {
  const words = [...(await made()), '--units', '2:4', '--methods', 'wanda']
  const data = words[words.indexOf('--data') + 1]!
  const other = await pairsFile(2)
  const { study } = await json<Curves>([...words, '--calibration', other, '--calibration-limit', '5'])
  t.like(study.calibration, { examples: 5, sequences: 10, overlap: { examples: 0, sequences: 0 } })
  const texts = join(temporaryDirectory(), 'texts.txt')
  await writeFile(texts, 'the cat sat\nthe mat\n')
  t.is((await json<Curves>([...words, '--calibration', texts])).study.calibration!.sequences, 2)

  const overlapping = await cli([...words, '--calibration', data])
  t.is(overlapping.status, 2)
  t.regex(
    overlapping.stderr,
    /`--calibration` to share nothing .* got 14 examples .*\. Leave those out with --exclude-overlap, or pass `--allow-overlap`/,
  )
  const half = join(temporaryDirectory(), 'half.tsv')
  const [header, ...rows] = (await readFile(data, 'utf8')).trimEnd().split('\n')
  const more = (await readFile(other, 'utf8')).trimEnd().split('\n').slice(1)
  await writeFile(half, [header, ...rows.slice(0, 7), ...more].join('\n'))
  const apart = await json<Curves>([...words, '--calibration', half, '--exclude-overlap'])
  t.like(apart.study.calibration, { examples: 14, overlap: { examples: 0, sequences: 0 } })
  t.deepEqual(apart.notes, ['7 of 21 examples were left out, for sequences that are excluded.'])
  const { stdout } = await cli([...words, '--calibration', data, '--allow-overlap'])
  t.regex(stdout, /of the evaluated data 14 examples and 28 single sequences are among them: not a fair test/)
})

test('what curve cannot do is misuse, in the words of the command line', async (t) => {
  const words = await made()
  const cases: [string[], RegExp][] = [
    [['--methods', 'wand'], /`--methods` to be a method: .*Did you mean `wanda`\?/],
    [
      ['--methods', 'wanda'],
      /Method `wanda` needs calibration data, and there is none\. Pass --calibration FILE\./,
    ],
    [['--units', 'head'], /`--units` to be of weights, .*Did you mean `heads`\?/],
    [['--levels', 'half'], /Expected --levels to be numbers with commas between them, got 'half'/],
    [['--methods', 'random,'], /Expected --methods to be names with commas between them/],
    [['--calibration-seed', '1'], /--calibration-seed is for --calibration FILE/],
  ]
  for (const [more, message] of cases) {
    const { status, stderr } = await cli([...words, ...more])
    t.is(status, 2, more.join(' '))
    t.regex(stderr, message)
  }
  t.regex((await cli(['curve', 'x'])).stderr, /Expected --task, got none/)
})

test('names of one’s own cannot break the table or the picture', (t) => {
  const study = { base: { name: '<b>"model"' } } as Curves['study']
  const dense = {
    metric: 'spearman',
    value: 0.8,
    interval: [0.7, 0.9],
    seconds: 1,
  } as unknown as Curves['dense']
  const sizes = { prunable: { density: 0.5 }, all: { density: 0.5 } }
  const point = {
    ...{ unit: 'a "unit"', method: 'x, <y> & "z"', level: 0.5, share: 0.5, seed: null, value: 0.5 },
    ...{ interval: [null, null], density: sizes, seconds: { prune: 1, evaluate: 1 } },
    toDense: { difference: -0.3, interval: [null, null], pValue: 0.1, test: 'jackknife_t' },
  } as unknown as Curves['points'][number]
  const curves = { study, dense, points: [point], spreads: [] } as unknown as Curves
  t.true(isWellFormed(curveSvg(curves)))
  const row = cellsOf(curveCsv(curves).split('\r\n')[2]!)
  t.deepEqual(row.slice(0, 2), ['a "unit"', 'x, <y> & "z"'])
  t.is(row[7], '')
})
