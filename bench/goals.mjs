// What was to be reached on the CPU, what was measured in one run, and by how much a goal was missed.
// Run: npm run bench -- all --out DIR [--model DIR --texts sts-test.csv --columns …]; node bench/goals.mjs DIR
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { meanOf, place, range, ratiosOf } from './ratios.mjs'

const [folder = '.'] = process.argv.slice(2)
const runs = Object.fromEntries(
  ['encoder', 'load', 'prune', 'requests', 'event-loop'].map((name) => [name, read(name)]),
)
const peers = { float32: 'onnxruntime float32', int8: 'onnxruntime int8' }
const first = Object.values(runs).find((run) => run !== undefined)
if (first === undefined) {
  console.error(
    `Expected ${folder} to hold what \`npm run bench -- all --out ${folder}\` writes, got nothing.`,
  )
  process.exit(2)
}
const { date, cpu, isa, threads, version, commit, node } = first
console.log(
  `${date.slice(0, 10)}, ${cpu} (${isa}), ${threads} threads, twofour ${version}, commit ${commit}, Node ${node}. Load average before and after: ${Object.entries(
    runs,
  )
    .flatMap(([name, run]) => (run ? [`${name} ${run.loadBefore}, ${run.loadAfter}`] : []))
    .join('; ')}.\n`,
)
if (first.once) console.log('Of `--once`: the figures mean nothing.\n')
table([
  ['what', 'goal', 'measured', 'verdict'],
  ...againstPeer('float32', 1),
  ...eachAtLeast('float32', 0.9),
  ...onTexts('float32', 1.3),
  ...againstPeer('int8', 1),
  ...onTexts('int8', undefined),
  ...againstOwn('2:4', 1.25),
  ...againstOwn('90 % zeros', 3),
  ...againstBestPeer('90 % zeros'),
  ...removedHeads(0.95),
  ...loading(1.3),
  ...pruning(3),
  ...eventLoop(5),
  ...overhead(50),
])

/** Ours against the peer of the same dtype: the mean of ratios over all models and shapes. */
function againstPeer(dtype, goal) {
  const found = shapeRatios(dtype, peers[dtype])
  return row(`dense ${dtype} vs ${peers[dtype]}, geometric mean`, '≥', goal, meanOf(found), '×', range(found))
}

/** The goal is missed where a whole interval lies below it. */
function eachAtLeast(dtype, goal) {
  const what = `dense ${dtype} vs ${peers[dtype]}, each`
  const found = shapeRatios(dtype, peers[dtype]).sort((a, b) => a.median - b.median)
  if (found.length === 0) return row(what, '≥', goal, undefined, '×')
  const below = found.filter(({ interval }) => interval[1] < goal)
  const text = `lowest ${place(found[0])}; ${below.length} of ${found.length} below, spread and all`
  return [[what, `≥ ${goal}×`, text, below.length === 0 ? 'reached' : verdict('≥', goal, below[0].median)]]
}

function onTexts(dtype, goal) {
  return textWorks().flatMap((work) => {
    const found = ratios(dtype, peers[dtype], (timing) => timing.work === work)
    const wanted = /arrival/.test(work) ? goal : undefined
    return row(`dense ${dtype} vs ${peers[dtype]}: ${work}`, '≥', wanted, meanOf(found), '×', range(found))
  })
}

function againstOwn(subject, goal) {
  const found = shapeRatios(subject, 'float32')
  return row(`${subject} vs own dense float32, geometric mean`, '≥', goal, meanOf(found), '×', range(found))
}

/** Against whichever dtype of the peer is faster at the shape. */
function againstBestPeer(subject) {
  const all = Object.values(peers).map((peer) => shapeRatios(subject, peer))
  const found = all[0].map(
    (ratio, at) => all.map((each) => each[at] ?? ratio).sort((a, b) => a.median - b.median)[0],
  )
  return row(
    `${subject} vs onnxruntime's best dtype, geometric mean`,
    '≥',
    undefined,
    meanOf(found),
    '×',
    range(found),
  )
}

/** The speed-up as a share of what the count of multiplications gives. */
function removedHeads(goal) {
  const found = shapeRatios('half of the heads', 'float32').map((ratio) => {
    const scale = 1 / operationRatio(ratio)
    return { ...ratio, median: ratio.median * scale, interval: ratio.interval.map((end) => end * scale) }
  })
  return row(
    'half of the heads removed, share of the operations’ ratio',
    '≥',
    goal,
    meanOf(found),
    '',
    range(found),
  )
}

function operationRatio({ shape: { hidden, inner }, tokens, texts }) {
  const count = (share) =>
    4 * hidden * hidden * share + 2 * hidden * inner + (2 * hidden * tokens * share) / texts
  return count(1) / count(0.5)
}

function loading(goal) {
  return (runs.load?.results ?? [undefined]).flatMap((result) => {
    const [read, load] = result?.timings ?? []
    const remark =
      result && `${(load.seconds * 1000).toFixed(0)} ms and ${(read.seconds * 1000).toFixed(0)} ms`
    return [
      ...row(
        `loading ${result?.model ?? ''} vs reading its bytes`,
        '≤',
        goal,
        load && 1 / load.ratio,
        '×',
        remark,
      ),
      ...row(
        `peak memory over packed weights, ${result?.model ?? ''}`,
        '≤',
        goal,
        result?.memory.heldToPacked,
        '×',
      ),
    ]
  })
}

function pruning(goal) {
  const result = runs.prune?.results.find(({ model }) => model === 'BERT-base') ?? runs.prune?.results[0]
  const peer = result?.timings.find(({ name }) => name.startsWith('PyTorch'))
  const title = `2:4 magnitude-prune ${result?.model ?? 'BERT-base'} vs PyTorch`
  return row(title, '≥', goal, peer && 1 / peer.ratio, '×', result?.missing[0])
}

function eventLoop(goal) {
  const found = runs['event-loop']?.results.filter(({ name }) => name !== 'nothing in flight')
  const worst = found?.toSorted((a, b) => b.milliseconds.p99 - a.milliseconds.p99)[0]
  return row('event-loop delay, p99', '<', goal, worst?.milliseconds.p99, ' ms', worst?.name)
}

function overhead(goal) {
  const found = runs.requests?.results.overhead.find(({ name }) => name.startsWith('run of 16 tokens'))
  const remark =
    found &&
    `the middle eight tenths of ${found.calls} calls ${found.p10.toFixed(0)} to ${found.p90.toFixed(0)}`
  return row('overhead per call, one 16-token text, median', '≤', goal, found?.p50, ' µs', remark)
}

function textWorks() {
  const works = runs.encoder?.results.flatMap(({ timings }) => timings.map(({ work }) => work)) ?? []
  return [...new Set(works.filter((work) => work.startsWith('texts')))]
}

function shapeRatios(subject, other) {
  return ratios(subject, other, ({ work }) => !work.startsWith('texts'))
}

function ratios(subject, other, wanted) {
  return ratiosOf(runs.encoder?.results ?? [], subject, other, wanted)
}

/** One line of the table; without a goal the figure is stated only. */
function row(what, sign, goal, measured, unit, remark) {
  const aim = goal === undefined ? 'stated' : `${sign} ${goal}${unit}`
  if (measured === undefined) return [[what, aim, `not measured${remark ? `: ${remark}` : ''}`, '–']]
  const text = `${measured.toFixed(2)}${unit}${remark ? `; ${remark}` : ''}`
  return [[what, aim, text, goal === undefined ? '–' : verdict(sign, goal, measured)]]
}

function verdict(sign, goal, measured) {
  const reached = sign === '≥' ? measured >= goal : sign === '<' ? measured < goal : measured <= goal
  if (reached) return 'reached'
  return `missed by ${(100 * Math.abs(measured / goal - 1)).toFixed(0)} %`
}

function read(name) {
  const file = join(folder, `${name}.json`)
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  return text.trim() === '' ? undefined : JSON.parse(text)
}

function table([head, ...lines]) {
  for (const line of [head, head.map(() => '---'), ...lines]) console.log(`| ${line.join(' | ')} |`)
}
