import { geometricMean, quantile } from '../../dist/bench/quantile.js'
import { apart } from './compare.js'
import { numberIn, type Results, type Row, rowsOf, textIn } from './results.js'
import { type ModelShape, modelShapes, type Work, works } from './scale.js'

/** What was to be reached, what was measured, and by how much it was missed. */
export type Goal = [what: string, goal: string, measured: string, verdict: string]

/** Of twofour's issue on CUDA: bfloat16 from 8,192 tokens on, all of one run. Other dtypes and sizes are stated. */
export function goals(results: Results): Goal[] {
  return [
    dispatch(results),
    choice(results),
    largeLinears(results),
    floorShare(results),
    compiled(results),
    ownSparse(results),
    eightBits(results),
    realLengths(results),
    sameNumbers(results),
  ]
}

/** A ratio and where it was met. */
type Found = { readonly value: number; readonly at: string }

function dispatch(results: Results): Goal {
  const rows = rowsOf(results, 'sweep').filter((row) => Number.isFinite(numberIn(row, 'choiceRatio')))
  const found = rows.map((row) => ({ value: numberIn(row, 'choiceRatio'), at: placeOf(row) }))
  return atLeast('dispatch vs unrounded dense, every shape: the worst', 0.99, lowest(found), spreadOf(found))
}

function choice(results: Results): Goal {
  const rows = rowsOf(results, 'sweep').filter((row) => Number.isFinite(numberIn(row, 'choiceOverBest')))
  const found = rows.map((row) => ({ value: 1 / numberIn(row, 'choiceOverBest'), at: placeOf(row) }))
  return atLeast(
    'sparse choice vs the best of an exhaustive search: the worst',
    0.98,
    lowest(found),
    spreadOf(found),
  )
}

function largeLinears(results: Results): Goal {
  const shapes = modelShapes(results.scale)
  const { hidden } = Object.values(shapes)[0]!
  const rows = rowsOf(results, 'sweep').filter(
    (row) =>
      textIn(row, 'dtype') === 'bfloat16' &&
      numberIn(row, 'tokens') >= enough(results) &&
      (numberIn(row, 'columns') === hidden || numberIn(row, 'rows') === hidden) &&
      Number.isFinite(numberIn(row, 'sparseRatio')),
  )
  const ratios = rows.map((row) => numberIn(row, 'sparseRatio'))
  const mean =
    ratios.length === 0 ? undefined : { value: geometricMean(ratios), at: `mean of ${ratios.length}` }
  const range = rows.map((row) => ({ value: numberIn(row, 'sparseRatio'), at: placeOf(row) }))
  const what = `sparse vs cuBLASLt's best, ${Object.keys(shapes)[0]}'s linears, bfloat16 (hoped for)`
  return atLeast(what, 1.3, mean, spreadOf(range))
}

/** Against what the card's own ceilings allow: docs of the model are in bench/gpu/README.md. */
function floorShare(results: Results): Goal {
  const ceilings = rowsOf(results, 'ceilings')
  const flops =
    1e12 *
    numberIn(
      ceilings.find((row) => row.dtype === 'bfloat16'),
      'teraflops',
    )
  const bytes =
    1e9 *
    numberIn(
      ceilings.find((row) => row.dtype === 'copy'),
      'gigabytes',
    )
  const found = ends(results, 'bfloat16', 'dense').flatMap((row) => {
    const shape = modelShapes(results.scale)[textIn(row, 'model')]
    const work = works(results.scale).find(({ name }) => name === row.work)
    if (shape === undefined || work === undefined) return []
    return [{ value: floorSeconds(shape, work, flops, bytes) / numberIn(row, 'seconds'), at: endPlace(row) }]
  })
  const whole = found.filter(({ value }) => Number.isFinite(value))
  return atLeast('dense end to end, share of the floor model: the worst', 0.8, lowest(whole), spreadOf(whole))
}

/** Products at the rate of a large one, attention at half of it, residuals and norms at the rate of a copy. */
function floorSeconds(shape: ModelShape, { lengths }: Work, flops: number, bytes: number): number {
  const { hidden, inner, layers } = shape
  const tokens = lengths.reduce((sum, each) => sum + each, 0)
  const pairs = lengths.reduce((sum, each) => sum + each * each, 0)
  const products = 2 * tokens * (4 * hidden * hidden + 2 * hidden * inner)
  const attention = (4 * pairs * hidden) / 0.5
  return layers * ((products + attention) / flops + (12 * hidden * tokens) / bytes)
}

function compiled(results: Results): Goal {
  const found = ends(results, 'bfloat16', 'dense').flatMap((row) =>
    against(results, row, (peer) => peer.work === row.work && !isReal(results, row)),
  )
  return atLeast('dense vs compiled PyTorch, fixed lengths: the worst', 1.15, lowest(found), spreadOf(found))
}

function ownSparse(results: Results): Goal {
  const found = ends(results, 'bfloat16', '2:4').map((row) => ({
    value: numberIn(row, 'overDense'),
    at: endPlace(row),
  }))
  return atLeast('own 2:4 vs own dense, end to end: the middle', 1.22, middle(found), spreadOf(found))
}

function eightBits(results: Results): Goal {
  const dense = ends(results, 'bfloat16', 'dense')
  const found = ends(results, 'float8', 'dense').flatMap((row) => {
    const other = dense.find(({ model, work }) => model === row.model && work === row.work)
    return other ? [{ value: numberIn(other, 'seconds') / numberIn(row, 'seconds'), at: endPlace(row) }] : []
  })
  return atLeast('float8 dense vs own bfloat16 dense: the middle', 1.6, middle(found), spreadOf(found))
}

function realLengths(results: Results): Goal {
  const found = ends(results, 'bfloat16', '2:4')
    .filter((row) => isReal(results, row))
    .flatMap((row) =>
      against(results, row, (peer) => peer.work === row.work && peer.order === 'as they come'),
    )
  return atLeast(
    '2:4 on real lengths vs padded compiled PyTorch: the worst',
    2.5,
    lowest(found),
    spreadOf(found),
  )
}

/** Whether both computed the same: the first numbers of the first text's last hidden state, in bfloat16. */
function sameNumbers(results: Results): Goal {
  const found = rowsOf(results, 'pytorch').flatMap((peer) => {
    const own = ends(results, 'bfloat16', 'dense').find(({ model }) => model === peer.model)
    if (peer.subject !== 'SDPA' || !Array.isArray(peer.first) || !Array.isArray(own?.first)) return []
    return [apart(own.first, peer.first).difference]
  })
  const measured = found.length === 0 ? 'not measured' : Math.max(...found).toPrecision(2)
  return ["largest difference to PyTorch's first numbers, bfloat16", 'stated', measured, '–']
}

/** Times faster than the compiled dense PyTorch at the same work. */
function against(results: Results, row: Row, wanted: (peer: Row) => boolean): Found[] {
  const peer = rowsOf(results, 'pytorch').find(
    (each) => each.subject === 'SDPA, compiled' && each.model === row.model && wanted(each),
  )
  return peer ? [{ value: numberIn(peer, 'seconds') / numberIn(row, 'seconds'), at: endPlace(row) }] : []
}

function ends(results: Results, dtype: string, form: string): readonly Row[] {
  return rowsOf(results, 'end-to-end').filter(
    (row) => row.dtype === dtype && row.form === form && numberIn(row, 'tokens') >= enough(results),
  )
}

function isReal(results: Results, row: Row): boolean {
  return works(results.scale).some(({ name, real }) => name === row.work && real)
}

/** Works of real lengths come close to 16,384 tokens. */
function enough({ emulated }: Results): number {
  return emulated ? 0 : 8192
}

function placeOf(row: Row): string {
  return `${textIn(row, 'dtype')}, ${numberIn(row, 'rows')} × ${numberIn(row, 'columns')}, ${numberIn(row, 'tokens')} tokens`
}

function endPlace(row: Row): string {
  return `${textIn(row, 'model')}, ${textIn(row, 'work')}`
}

function lowest(found: readonly Found[]): Found | undefined {
  return found.toSorted((a, b) => a.value - b.value)[0]
}

function middle(found: readonly Found[]): Found | undefined {
  if (found.length === 0) return undefined
  return {
    value: quantile(
      found.map(({ value }) => value),
      0.5,
    ),
    at: `of ${found.length}`,
  }
}

function spreadOf(found: readonly Found[]): string {
  const [low, high] = [lowest(found), found.toSorted((a, b) => b.value - a.value)[0]]
  if (low === undefined || high === undefined || found.length < 2) return ''
  return `; from ${low.value.toFixed(2)} × (${low.at}) to ${high.value.toFixed(2)} × (${high.at})`
}

function atLeast(what: string, goal: number, found: Found | undefined, spread: string): Goal {
  const aim = `≥ ${goal} ×`
  if (found === undefined || !Number.isFinite(found.value)) return [what, aim, 'not measured', '–']
  const missed = `missed by ${(100 * (1 - found.value / goal)).toFixed(0)} %`
  return [
    what,
    aim,
    `${found.value.toFixed(3)} × (${found.at})${spread}`,
    found.value >= goal ? 'reached' : missed,
  ]
}
