// Markdown tables from what bench/calibrated.mjs (models) and bench/calibrated-time.mjs (times) wrote.
// Run: node bench/calibrated-table.mjs bench/results/calibrated-*.json
import { readFile } from 'node:fs/promises'

for (const file of process.argv.slice(2)) {
  const report = JSON.parse(await readFile(file, 'utf8'))
  if (report.times === undefined) methods(report)
  else times(report)
}

function methods(report) {
  const { settings, dense, results } = report
  const [first] = settings.draws
  console.log(`### ${settings.model} on ${settings.test}: dense ${withInterval(dense.test)}\n`)
  console.log(`${machine(report)}\n`)
  console.log(
    `Calibrated on ${first.sequences} sentences of ${settings.calibration} (${count(first.tokens)} tokens), evaluated on ${count(dense.test.n)} examples; layer errors on ${settings.heldOut.sequences} other sentences of ${settings.heldOut.file} (${count(settings.heldOut.tokens)} tokens). No sentence is in two of the three.${settings.limit === null ? '' : ` **Only the first ${settings.limit} examples: a try-out.**`}\n`,
  )
  const seed = first.seed
  for (const group of new Set(results.map((result) => result.group))) {
    const found = results.filter((result) => result.group === group && result.test !== undefined)
    const main = found.filter((result) => result.seed === seed)
    const { metric } = dense.test
    table(
      [
        ...[`${group}`, `${metric} [95 %]`, 'minus dense', 'p', 'on dev', 'layer error'],
        ...['s (CPU s)', 'peak MB', '× dense speed'],
      ],
      main.map(rowOf),
    )
    chosen(group, main, dense)
    spread(group, results)
  }
  for (const { group, name, skipped, failed } of results) {
    if (skipped !== undefined) console.log(`- Skipped: ${group}, ${name}. ${skipped}`)
    if (failed !== undefined) console.log(`- Failed: ${group}, ${name}. ${failed}`)
  }
  console.log()
}

function rowOf({ name, test, dev, error, pruning, speed }) {
  return [
    ...[name, withInterval(test), difference(test.toDense), pValue(test.toDense.pValue)],
    ...[fixed(dev.value), fixed(error.mean)],
    `${seconds(pruning.seconds)} (${seconds(pruning.cpuSeconds)})`,
    megabytes(pruning.peakBytes),
    speed === undefined
      ? '–'
      : `${speed.ratio.toFixed(2)} [${speed.interval.map((end) => end.toFixed(2)).join(', ')}]`,
  ]
}

/** What one would take without having seen the test data. */
function chosen(group, results, { dev }) {
  const best = results.reduce((a, b) => (b.dev.value > a.dev.value ? b : a))
  console.log(
    `Best of ${group} on the development data: **${best.name}** (${fixed(best.dev.value)}; dense ${fixed(dev.value)}).\n`,
  )
}

/** Of methods that were run on several draws of calibration data. */
function spread(group, results) {
  const names = [...new Set(results.filter((result) => result.group === group).map(({ name }) => name))]
  const drawn = (name) => results.filter((each) => each.group === group && each.name === name && each.test)
  const rows = names
    .map((name) => [name, drawn(name)])
    .filter(([, all]) => all.length > 1)
    .map(([name, all]) => [
      name,
      range(all.map(({ test }) => test.value)),
      range(all.map(({ test }) => test.toDense.difference)),
      range(all.map(({ error }) => error.mean)),
    ])
  const draws = Math.max(0, ...names.map((name) => drawn(name).length))
  if (rows.length > 0)
    table([`${group}, ${draws} calibration draws`, 'score', 'minus dense', 'layer error'], rows)
}

function times(report) {
  console.log(`### Time and memory of pruning: ${report.settings.model}\n\n${machine(report)}\n`)
  table(
    ['method', 'calibration data', 'tokens', 'seconds', 'CPU s', 'limit', 'peak MB', '2 × model + 1 GiB'],
    report.times.map(({ name, calibration, tokens, seconds: wall, cpuSeconds, limits, peakBytes }) => [
      ...[name, calibration, count(tokens), `${seconds(wall.median)} [${wall.all.map(seconds).join(', ')}]`],
      ...[seconds(cpuSeconds), `${limits.seconds} s: ${kept(wall.median < limits.seconds)}`],
      ...[megabytes(peakBytes), `${megabytes(limits.bytes)}: ${kept(peakBytes < limits.bytes)}`],
    ]),
  )
}

function kept(within) {
  return within ? 'kept' : '**missed**'
}

function machine({ date, cpu, isa, threads, version, commit, node, loadBefore, loadAfter }) {
  return `${date.slice(0, 10)}, ${cpu} (${isa}), ${threads} threads, twofour ${version}, commit ${commit}, Node ${node}, load average ${loadBefore} before and ${loadAfter} after.`
}

function withInterval({ value, interval: [low, high] }) {
  return `${fixed(value)} [${fixed(low)}, ${fixed(high)}]`
}

function difference({ difference, interval: [low, high] }) {
  return `${signed(difference)} [${signed(low)}, ${signed(high)}]`
}

/** The mean, and from where to where. */
function range(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const format = values.some((value) => value < 0) ? signed : fixed
  return `${format(mean)} (${format(Math.min(...values))} … ${format(Math.max(...values))})`
}

function fixed(value) {
  return value.toFixed(4)
}

function signed(value) {
  const size = fixed(Math.abs(value))
  return Number(size) === 0 ? size : `${value < 0 ? '−' : '+'}${size}`
}

function seconds(value) {
  return value.toFixed(1)
}

function megabytes(bytes) {
  return count(Math.round(bytes / 1e6))
}

function count(value) {
  return value.toLocaleString('en-US')
}

function pValue(p) {
  return p < 0.001 ? '< 0.001' : p.toFixed(3)
}

function table(head, rows) {
  for (const row of [head, head.map(() => '---'), ...rows]) console.log(`| ${row.join(' | ')} |`)
  console.log()
}
