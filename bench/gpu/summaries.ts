import { numberIn, type Row, textIn } from './results.js'

/** Rows of a step as fewer ones, for the page. */
export const summaries: Readonly<Record<string, (rows: readonly Row[]) => Row[]>> = {
  device: facts,
  golden: (rows) => [...wrongOnes(rows), ...counted(rows, ['dtype', 'form'])],
  suite: (rows) => [...wrongOnes(rows), ...worstByDtype(rows)],
  tune: buckets,
  epilogues,
}

/** One line each: what, and all that is known of it. */
function facts(rows: readonly Row[]): Row[] {
  return rows.map(({ what, ...others }) => {
    const told = Object.entries(others).filter(([key, value]) => value !== '' && key !== 'path')
    return { what, facts: told.map(([key, value]) => `${key}: ${value}`).join('; ') }
  })
}

function wrongOnes(rows: readonly Row[]): Row[] {
  return rows.filter(({ right }) => right === false)
}

/** Cases of one kind, and how much of what is allowed the worst of them is off. */
function counted(rows: readonly Row[], keys: readonly string[]): Row[] {
  return grouped(rows, keys).map(([kind, group]) => ({
    ...kind,
    cases: group.length,
    wrong: wrongOnes(group).length,
    worst: Math.max(...group.map((row) => numberIn(row, 'worst'))),
    allowed: numberIn(group[0], 'allowed'),
  }))
}

/** How far each check is off, a column for each dtype. */
function worstByDtype(rows: readonly Row[]): Row[] {
  return grouped(rows, ['what']).map(([kind, group]) => ({
    ...kind,
    ...Object.fromEntries(group.map((row) => [textIn(row, 'dtype'), numberIn(row, 'worst')])),
  }))
}

/** A line for each linear, a column for each number of tokens: what runs, and sparse over dense where measured. */
function buckets(rows: readonly Row[]): Row[] {
  const chosen = rows.filter((row) => 'form' in row)
  return grouped(chosen, ['model', 'dtype', 'name', 'rows', 'columns']).map(([kind, group]) => ({
    ...kind,
    ...Object.fromEntries(group.map((row) => [bound(row), choice(row)])),
  }))
}

function bound({ tokens }: Row): string {
  return typeof tokens === 'number' ? `to ${tokens}` : 'more'
}

function choice(row: Row): string {
  const form = textIn(row, 'form').startsWith('sparse') ? 'sparse' : 'dense'
  const ratio = numberIn(row, 'denseMicroseconds') / numberIn(row, 'sparseMicroseconds')
  return Number.isFinite(ratio) ? `${form}, ${ratio.toFixed(2)} ×` : `${form}, not measured`
}

/** A line for each library and types, a column for each epilogue. */
function epilogues(rows: readonly Row[]): Row[] {
  const asked = rows.filter((row) => 'epilogue' in row)
  return grouped(asked, ['library', 'dtype', 'output']).map(([kind, group]) => {
    const cells = grouped(group, ['epilogue']).map(([{ epilogue }, answers]) => [
      epilogue,
      answers.map(answer).join(', '),
    ])
    return { ...kind, ...Object.fromEntries(cells) }
  })
}

function answer(row: Row): string {
  const bias = textIn(row, 'bias') && ` (bias ${textIn(row, 'bias')})`
  if (row.accepted !== true) return `no${bias}`
  const gelu = textIn(row, 'gelu')
  if (gelu !== '') return `${gelu === 'neither' ? 'wrong' : gelu}${bias}`
  return `${row.right === true ? 'yes' : 'wrong'}${bias}`
}

function grouped(rows: readonly Row[], keys: readonly string[]): [kind: Row, rows: Row[]][] {
  const groups = new Map<string, [Row, Row[]]>()
  for (const row of rows) {
    const kind = Object.fromEntries(keys.map((key) => [key, row[key]]))
    const name = JSON.stringify(kind)
    const known = groups.get(name)
    if (known === undefined) groups.set(name, [kind, [row]])
    else known[1].push(row)
  }
  return [...groups.values()]
}
