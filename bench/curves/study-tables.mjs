// As Markdown: what `twofour curve --out DIR` wrote, one unit after the other.
import { table } from '../calibrated/tables.mjs'

/** Levels at which everything is there: the last one of a run that was ended is not. */
function wholeLevels(points) {
  const count = (point) =>
    points.filter(({ unit, level }) => unit === point.unit && level === point.level).length
  const most = new Map()
  for (const point of points) most.set(point.unit, Math.max(most.get(point.unit) ?? 0, count(point)))
  return points.filter((point) => count(point) === most.get(point.unit))
}

/** For each unit how far its orders get and where they are more than chance; then the values, level by level. */
export function studyTables({ study, machine, dense, points: all, spreads, reach, evidence, complete }) {
  const points = complete ? all : wholeLevels(all)
  const { base, data, task, calibration } = study
  const units = [...new Set(points.map(({ unit }) => unit))]
  const { date, commit, cpu, cores, node } = machine
  const seen = calibration && calibratedOn(calibration)
  return [
    ...units.flatMap((unit) => {
      const own = points.filter((point) => point.unit === unit)
      return [
        `### ${unit[0].toUpperCase()}${unit.slice(1)} of ${base.name}, ${task} on ${data.name}: dense ${dense.metric} ${fixed(dense.value)} [${dense.interval.map(fixed).join(', ')}], ${dense.n} examples`,
        orders({ unit, own, reach, evidence }),
        values(own, spreads),
      ]
    }),
    [
      complete ? undefined : 'The run was ended before its last level.',
      seen,
      `${date.slice(0, 10)}, commit ${commit.slice(0, 12)}, ${cpu}, ${cores === 1 ? 'one core' : `${cores} cores`}, Node ${node}.`,
    ]
      .filter(Boolean)
      .join(' '),
  ].join('\n\n')
}

function calibratedOn({ examples, tokens, overlap }) {
  const shared = overlap.examples + overlap.sequences
  const fair = shared === 0 ? 'none of them among the evaluated' : '**some of them among the evaluated**'
  return `Calibrated on ${examples} examples (${tokens} tokens), ${fair}.`
}

/** Levels at which an order is better than one more random pruning would be, and its reverse worse. */
function orders({ unit, own, reach, evidence }) {
  const names = methodsOf(own).filter((name) => name !== 'random' && !name.startsWith('reverse:'))
  const head = [
    'order',
    'within a point up to',
    'better than random at',
    'reversed worse than random at',
    'counts as evidence at',
  ]
  const rows = names.map((name) => {
    const of = (method, holds) => levelsWhere(own, method, holds)
    const far = reach.find((each) => each.unit === unit && each.method === name)?.withinOnePoint
    const proofs = evidence
      .filter((each) => own.some(({ level }) => level === each.level))
      .filter((each) => each.unit === unit && each.method === name && each.evidence)
    const reversed = own.some(({ method }) => method === `reverse:${name}`)
    return [
      name,
      far === null || far === undefined ? 'none' : percent(far),
      of(name, ({ verdict }) => verdict === 'better'),
      reversed ? of(`reverse:${name}`, ({ verdict }) => verdict === 'worse') : 'not measured',
      reversed ? listed(proofs.map(({ level }) => level)) : 'not measured',
    ]
  })
  return table(head, rows)
}

function levelsWhere(own, method, holds) {
  return listed(
    own
      .filter((point) => point.method === method && point.toRandom !== undefined && holds(point.toRandom))
      .map(({ level }) => level),
  )
}

/** One row for each level; after an order's value that value minus where one more random pruning would lie. */
function values(own, spreads) {
  const names = methodsOf(own).filter((name) => name !== 'random')
  const levels = [...new Set(own.toSorted((a, b) => a.share - b.share).map(({ level }) => level))]
  const rows = levels.map((level) => {
    const at = own.filter((point) => point.level === level)
    const random = spreads.find((each) => each.unit === own[0].unit && each.level === level)
    return [
      percent(level),
      random === undefined
        ? ''
        : `${fixed(random.mean)}${random.sd === null ? '' : ` ± ${fixed(random.sd)}`}`,
      ...names.map((name) => cell(at.find(({ method }) => method === name))),
    ]
  })
  return table(['gone', 'at random', ...names], rows)
}

function cell(point) {
  if (point === undefined) return ''
  if (point.toRandom === undefined) return fixed(point.value)
  const [low, high] = point.toRandom.interval
  return `${fixed(point.value)} [${signed(low)}, ${signed(high)}]`
}

function methodsOf(points) {
  return [...new Set(points.map(({ method }) => method))]
}

function listed(levels) {
  return levels.length === 0 ? 'none' : levels.map(percent).join(', ')
}

function percent(level) {
  return typeof level === 'number' ? `${Math.round(100 * level)} %` : level
}

function fixed(value) {
  return value.toFixed(3)
}

function signed(value) {
  const size = fixed(Math.abs(value))
  return Number(size) === 0 ? size : `${value < 0 ? '−' : '+'}${size}`
}
