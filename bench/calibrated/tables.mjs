/** As Markdown: of what bench/calibrated.mjs wrote, or bench/calibrated-time.mjs. */
export function tablesOf(report) {
  const blocks = report.times === undefined ? ofMethods(report) : ofTimes(report)
  return `${blocks.join('\n\n')}\n`
}

/**
 * What one would take of a group without having seen the test data: its best by the development data; of shares of
 * operations the smallest that costs no more than a point there, if one does.
 */
export function bestOf(report, group) {
  const chosen = mainOf(report, group).filter(({ name }) => !name.endsWith('(control)'))
  if (group !== 'structure') return chosen.reduce((a, b) => (b.dev.value > a.dev.value ? b : a))
  return chosen.findLast(({ dev }) => dev.toDense.difference >= -0.01)
}

/** Of the first draw, what was measured. */
export function mainOf({ settings, results }, group) {
  const { seed } = settings.draws[0]
  return results.filter((each) => each.group === group && each.seed === seed && each.test !== undefined)
}

function ofMethods(report) {
  const { settings, dense, results } = report
  const groups = [...new Set(results.map(({ group }) => group))]
  return [
    `### ${settings.model} on ${settings.test}: dense ${withInterval(dense.test)}`,
    machine(report),
    dataOf(report),
    ...groups.filter((group) => mainOf(report, group).length > 0).flatMap((group) => ofGroup(report, group)),
    ...missing(results),
  ]
}

function dataOf({ settings, dense }) {
  const { draws, heldOut, limit } = settings
  const [{ sequences, tokens }] = draws
  const sentences = [
    `Calibrated on ${sequences} sentences of ${settings.calibration} (${count(tokens)} tokens), evaluated on ${count(dense.test.n)} examples; layer errors on ${heldOut.sequences} other sentences, of ${heldOut.file} (${count(heldOut.tokens)} tokens). No sentence is in two of the three.`,
    ...(limit === null ? [] : [`**Only the first ${limit} examples: a try-out.**`]),
  ]
  return sentences.join(' ')
}

function ofGroup(report, group) {
  const { dense } = report
  const main = mainOf(report, group)
  const best = bestOf(report, group)
  const order = main.toSorted((a, b) => b.error.mean - a.error.mean).map(({ name }) => name)
  return [
    table(
      [
        ...[group, `${dense.test.metric} [95 %]`, 'minus dense', 'p', 'on dev', 'layer error'],
        ...['s (CPU s)', 'peak MB', '× dense speed'],
      ],
      main.map(rowOf),
    ),
    group === 'structure'
      ? furthest(best)
      : `Best on the development data: **${best.name}** (${fixed(best.dev.value)}; dense ${fixed(dense.dev.value)}). Layer errors, the largest first: ${order.join(' > ')}.`,
    ...drawsOf(report, group),
  ]
}

function furthest(best) {
  if (best === undefined)
    return 'None of these stays within a point of the dense model on the development data.'
  const { name, dev, test, speed } = best
  const faster = speed === undefined ? '' : `, ${timesFaster(speed)} × the dense speed`
  return `The fewest operations within a point of the dense model on the development data (${signed(dev.toDense.difference)}): **${name}**, ${difference(test.toDense)} on the test data${faster}.`
}

function rowOf({ name, test, dev, error, pruning, speed }) {
  return [
    ...[name, withInterval(test), difference(test.toDense), pValue(test.toDense.pValue)],
    ...[fixed(dev.value), fixed(error.mean)],
    `${seconds(pruning.seconds)} (${seconds(pruning.cpuSeconds)})`,
    megabytes(pruning.peakBytes),
    speed === undefined ? '–' : timesFaster(speed),
  ]
}

/** Of methods that were run on several draws of calibration data. */
function drawsOf({ results }, group) {
  const found = results.filter((each) => each.group === group && each.test !== undefined)
  const names = [...new Set(found.map(({ name }) => name))]
  const drawn = names
    .map((name) => ({ name, all: found.filter((each) => each.name === name) }))
    .filter(({ all }) => all.length > 1)
  if (drawn.length === 0) return []
  const rows = drawn.map(({ name, all }) => [
    name,
    range(all.map(({ test }) => test.value)),
    range(all.map(({ test }) => test.toDense.difference)),
    range(all.map(({ error }) => error.mean)),
  ])
  const draws = Math.max(...drawn.map(({ all }) => all.length))
  return [table([`${group} by ${draws} draws of sentences`, 'score', 'minus dense', 'layer error'], rows)]
}

function missing(results) {
  const lines = results.flatMap(({ group, name, seed, skipped, failed }) => [
    ...(skipped === undefined ? [] : [`- Skipped: ${group}, ${name}, draw ${seed}. ${skipped}`]),
    ...(failed === undefined ? [] : [`- Failed: ${group}, ${name}, draw ${seed}. ${failed}`]),
  ])
  return lines.length === 0 ? [] : [lines.join('\n')]
}

function ofTimes(report) {
  const rows = report.times.map(
    ({ name, calibration, tokens, seconds: wall, cpuSeconds, limits, peakBytes }) => [
      ...[name, calibration, count(tokens), `${seconds(wall.median)} (${wall.all.map(seconds).join(', ')})`],
      ...[seconds(cpuSeconds), `${limits.seconds} s: ${kept(wall.median < limits.seconds)}`],
      ...[megabytes(peakBytes), `${megabytes(limits.bytes)}: ${kept(peakBytes < limits.bytes)}`],
    ],
  )
  const head = ['2:4 by', 'calibration data', 'tokens', 'seconds, median (each)', 'CPU s', 'limit', 'peak MB']
  return [
    `### Time and memory: ${report.settings.model}`,
    machine(report),
    table([...head, '2 × model + 1 GiB, MB'], rows),
  ]
}

function kept(within) {
  return within ? 'kept' : '**missed**'
}

export function machine({ date, cpu, isa, threads, version, commit, node, loadBefore, loadAfter }) {
  return `${date.slice(0, 10)}, ${cpu} (${isa}), ${threads} threads, twofour ${version}, commit ${commit}, Node ${node}, load average ${loadBefore} before and ${loadAfter} after.`
}

export function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

export function withInterval({ value, interval: [low, high] }) {
  return `${fixed(value)} [${fixed(low)}, ${fixed(high)}]`
}

export function difference({ difference, interval: [low, high] }) {
  return `${signed(difference)} [${signed(low)}, ${signed(high)}]`
}

export function timesFaster({ ratio, interval }) {
  return `${ratio.toFixed(2)} [${interval.map((end) => end.toFixed(2)).join(', ')}]`
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
