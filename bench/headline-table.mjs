// The headline table of docs/benchmarks.md from what `npm run bench -- headline` printed.
// Run: node bench/headline-table.mjs headline.json
import { readFile } from 'node:fs/promises'

const run = JSON.parse(await readFile(process.argv[2], 'utf8'))
const { model, data, rows, missing } = run.results
const { cpu, isa, threads, date, commit, node, version, rounds, loadBefore } = run

console.log(
  `${model} on ${data}, ${date.slice(0, 10)}, ${cpu} (${isa}), ${threads} threads, twofour ${version}, commit ${commit}, Node ${node}, load average before ${loadBefore}, ${rounds} rounds.\n`,
)
table([
  ['variant', 'Spearman [95 %]', 'sentences/s', '× float32 [95 %]', 'sorted: sentences/s', 'what ran'],
  ...rows.filter(({ refused }) => refused === null).map(cellsOf),
])
for (const { name, refused } of rows)
  if (refused !== null) console.log(`- Not run: ${name}. ${refused.message}`)
for (const sentence of missing) console.log(`- ${sentence}`)

function cellsOf({ name, score, timings }) {
  const [arrival, sorted] = ['arrival order', 'sorted by length'].map((work) =>
    timings.find((timing) => timing.work === work),
  )
  return [
    name,
    score === null
      ? '–'
      : `${score.value.toFixed(4)} [${score.interval.map((end) => end.toFixed(4)).join(', ')}]`,
    perSecond(arrival),
    `${arrival.ratio.toFixed(2)} [${arrival.interval.map((end) => end.toFixed(2)).join(', ')}]`,
    perSecond(sorted),
    arrival.ran.map(({ form, matrices }) => `${matrices} ${form}`).join(', ') || '–',
  ]
}

function perSecond({ texts, seconds }) {
  return Math.round(texts / seconds).toLocaleString('en-US')
}

function table([head, ...lines]) {
  for (const row of [head, head.map(() => '---'), ...lines]) console.log(`| ${row.join(' | ')} |`)
  console.log()
}
