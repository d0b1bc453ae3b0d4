// Tables for the docs from what `twofour curve --out DIR` wrote, and those of docs/benchmarks.md, whose files are of
// an earlier form.
// Run: node bench/curve-tables.mjs DIR/curve.json bench/results/curves-*.json
import { readFile } from 'node:fs/promises'
import { studyTables } from './curves/study-tables.mjs'

for (const file of process.argv.slice(2)) {
  const curves = JSON.parse(await readFile(file, 'utf8'))
  if (curves.study !== undefined) {
    console.log(`${studyTables(curves)}\n`)
    continue
  }
  const { model, data, dense, date, commit, cpu, device, node } = curves
  console.log(`### ${model} on ${data}: dense ${withInterval(dense)}, n = ${dense.n}\n`)
  console.log(`${date.slice(0, 10)}, commit ${commit}, ${cpu} (${device}), Node ${node}.\n`)
  weights(curves)
  heads(curves)
  layers(curves)
}

function weights({ dense, points }) {
  table(
    ['weights', 'kept', dense.metric, 'minus dense', 'p'],
    [
      ...series(points, 'unstructured magnitude').map((point) => ['magnitude, per matrix', ...single(point)]),
      ...series(points, '2:4 magnitude').map((point) => ['magnitude, 2:4', ...single(point)]),
      [
        'random, 2:4',
        share(series(points, '2:4 random')[0].density),
        ...spreadOf(series(points, '2:4 random')),
      ],
    ],
  )
}

function heads({ dense, points }) {
  const rows = series(points, 'heads headNorm').map((point) => {
    const random = series(points, 'heads random').filter(({ level }) => level === point.level)
    const [kept, ...figures] = single(point)
    return [String(point.recipe.steps[0].remove), kept, ...figures, ...spreadOf(random).slice(0, 2)]
  })
  const names = ['heads removed', 'weights kept', `by norm: ${dense.metric}`, 'minus dense', 'p']
  table([...names, 'at random', 'minus dense'], rows)
}

function layers({ dense, points }) {
  const rows = series(points, 'layers last').map((point) => {
    const first = series(points, 'layers first').find(({ level }) => level === point.level)
    const [kept, ...figures] = single(point)
    return [String(point.level), kept, ...figures, ...single(first).slice(1)]
  })
  const figures = (which) => [`${which}: ${dense.metric}`, 'minus dense', 'p']
  table(['layers removed', 'weights kept', ...figures('the last'), ...figures('the first')], rows)
}

function series(points, name) {
  return points.filter((point) => point.series === name)
}

function single({ density, toDense, ...point }) {
  return [share(density), withInterval(point), difference(toDense), pValue(toDense.pValue)]
}

/** Of several seeds: the mean, and between which values it lies. */
function spreadOf(points) {
  const values = points.map(({ value }) => value)
  const differences = points.map(({ toDense }) => toDense.difference)
  const range = `${fixed(Math.min(...values))} … ${fixed(Math.max(...values))}`
  const largest = Math.max(...points.map(({ toDense }) => toDense.pValue))
  const bound = largest < 0.001 ? 'each < 0.001' : `up to ${pValue(largest)}`
  return [`${fixed(mean(values))} (${range})`, signed(mean(differences)), bound]
}

function withInterval({ value, interval: [low, high] }) {
  return `${fixed(value)} [${fixed(low)}, ${fixed(high)}]`
}

function difference({ difference, interval: [low, high] }) {
  return `${signed(difference)} [${signed(low)}, ${signed(high)}]`
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function fixed(value) {
  return value.toFixed(4)
}

function signed(value) {
  const size = fixed(Math.abs(value))
  return Number(size) === 0 ? size : `${value < 0 ? '−' : '+'}${size}`
}

function share(value) {
  return `${(100 * value).toFixed(1)} %`
}

function pValue(p) {
  return p < 0.001 ? '< 0.001' : p.toFixed(3)
}

function table(head, rows) {
  for (const row of [head, head.map(() => '---'), ...rows]) console.log(`| ${row.join(' | ')} |`)
  console.log()
}
