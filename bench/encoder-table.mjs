// The speed tables of docs/benchmarks.md from what `npm run bench -- encoder` printed.
// Run: node bench/encoder-table.mjs encoder.json
import { readFile } from 'node:fs/promises'

const run = JSON.parse(await readFile(process.argv[2], 'utf8'))
const { cpu, isa, threads, date, commit, node, version, rounds, loadBefore, loadAfter } = run

console.log(
  `${date.slice(0, 10)}, ${cpu} (${isa}), ${threads} threads, twofour ${version}, commit ${commit}, Node ${node}, load average ${loadBefore} before and ${loadAfter} after, ${rounds} rounds. Milliseconds, medians.\n`,
)
for (const { model, timings, missing } of run.results) {
  const subjects = [...new Set(timings.map(({ subject }) => subject))]
  const works = [...new Set(timings.map(({ work }) => work))]
  table([[model, ...subjects], ...works.map((work) => [work, ...subjects.map((one) => cell(work, one))])])
  for (const sentence of missing) console.log(`- ${sentence}`)

  function cell(work, subject) {
    const found = timings.find((timing) => timing.work === work && timing.subject === subject)
    if (found === undefined) return '–'
    return Number((found.seconds * 1000).toPrecision(3)).toLocaleString('en-US')
  }
}

function table([head, ...lines]) {
  for (const row of [head, head.map(() => '---'), ...lines]) console.log(`| ${row.join(' | ')} |`)
  console.log()
}
