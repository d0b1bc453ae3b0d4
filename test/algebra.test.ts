/**
 * Products, factorisations and solvers of native/algebra under every instruction set that this machine has, against
 * double loops. Sizes lie around the edges of tiles (4, 6 and 12 rows, 4 to 32 columns), of blocks (64, 96) and of the
 * depth that is packed at a time (256). A sum of k products may be off by 4 · ε · √k · the largest product.
 */
import test from 'ava'
import { addon } from '../lib/addon.js'
import { closeWithin, equalExactly } from './equal.js'
import { isasHere } from './isas.js'
import { randomNumbers } from './random-numbers.js'

const { algebra } = addon()
const next = randomNumbers(6)
const numbers = (count: number) => Float64Array.from({ length: count }, () => next() - 0.5)
const kinds = { fp32: Float32Array, fp64: Float64Array } as const

type Product = { m: number; k: number; n: number; transposed: boolean; scale: number }
const shapes = [0, 1, 5, 13, 97].flatMap((m) =>
  [0, 1, 7, 300].flatMap((k) => [0, 1, 33, 100].map((n) => ({ m, k, n }))),
)

/** c + scale · a · b, element by element. */
function plain({ m, k, n, transposed, scale }: Product, a: Strided, b: Strided, c: Strided): Float64Array {
  const out = Float64Array.from(c.values)
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++)
      for (let d = 0; d < k; d++) {
        const left = transposed ? a.values[d * a.stride + i]! : a.values[i * a.stride + d]!
        out[i * c.stride + j]! += scale * left * b.values[d * b.stride + j]!
      }
  return out
}

type Strided = { values: Float32Array | Float64Array; stride: number }
const strided = (kind: keyof typeof kinds, rows: number, columns: number, gap: number): Strided => ({
  values: kinds[kind].from(numbers(rows * (columns + gap))),
  stride: columns + gap,
})

function product(
  isa: string,
  shape: Product,
  a: Strided,
  b: Strided,
  c: Strided,
  threads: number,
  mirrored = false,
) {
  return algebra.product({
    ...{ isa, ...shape, threads, mirrored },
    ...{ a: a.values, aStride: a.stride, b: b.values, bStride: b.stride, c: c.values, cStride: c.stride },
  })
}

for (const kind of ['fp32', 'fp64'] as const) {
  test(`products in ${kind} are those of a double loop, whatever lies between rows`, (t) => {
    const epsilon = kind === 'fp32' ? 2 ** -23 : 2 ** -52
    for (const { m, k, n } of shapes)
      for (const transposed of [false, true]) {
        const a = transposed ? strided(kind, k, m, 3) : strided(kind, m, k, 3)
        const [b, c] = [strided(kind, k, n, 2), strided(kind, m, n, 1)]
        const shape = { m, k, n, transposed, scale: -0.5 }
        const reference = plain(shape, a, b, c)
        const allowed = 4 * epsilon * (1 + Math.sqrt(k))
        for (const isa of isasHere()) {
          const what = `${isa}: ${m} × ${k} × ${n}${transposed ? ' transposed' : ''}`
          closeWithin(t, product(isa, shape, a, b, c, 2), reference, allowed, what)
        }
      }
  })

  test(`no product in ${kind} depends on the number of threads, and the mirrored one is symmetric`, (t) => {
    const [k, n] = [300, 200]
    const shape = { m: n, k, n, transposed: true, scale: 1 }
    const a = strided(kind, k, n, 0)
    const zeros = { values: new kinds[kind](n * n), stride: n }
    for (const isa of isasHere()) {
      const whole = product(isa, shape, a, a, zeros, 1)
      for (const threads of [2, 5])
        equalExactly(t, product(isa, shape, a, a, zeros, threads), whole, `${isa}, ${threads} threads`)
      equalExactly(t, product(isa, shape, a, a, zeros, 3, true), whole, `${isa}, mirrored`)
      const turned = whole.map((_, i) => whole[(i % n) * n + Math.floor(i / n)]!)
      equalExactly(t, turned, whole, `${isa}, transposed`)
    }
  })
}

/** x · xᵀ + n · I over random x: condition number of some tens. */
function positiveDefinite(n: number): Float64Array {
  const x = numbers(n * n)
  const matrix = new Float64Array(n * n)
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < n; k++) matrix[i * n + j]! += x[i * n + k]! * x[j * n + k]!
      if (i === j) matrix[i * n + j]! += n / 10
    }
  return matrix
}

const times = (a: Float64Array, b: Float64Array, n: number, columns = n, transposed = false) =>
  plain(
    { m: n, k: n, n: columns, transposed, scale: 1 },
    { values: a, stride: n },
    { values: b, stride: columns },
    { values: new Float64Array(n * columns), stride: columns },
  )
const transpose = (a: Float64Array, n: number) => a.map((_, i) => a[(i % n) * n + Math.floor(i / n)]!)
const identity = (n: number) => Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0))

test('Cholesky, its solutions, the inverse and its upper factor multiply back to what they come from', (t) => {
  for (const n of [1, 2, 63, 64, 65, 200]) {
    const [matrix, right] = [positiveDefinite(n), numbers(n * 3)]
    const result = algebra.factors({ matrix, n, right, columns: 3, threads: 2 })
    if (result.failedAt !== undefined) return t.fail(`refused at ${result.failedAt}`)
    const { lower, inverse, upper, solution } = result
    const allowed = n * n * 2 ** -52
    closeWithin(t, times(lower, transpose(lower, n), n), matrix, allowed, `L Lᵀ of ${n}`, [n, n])
    closeWithin(t, times(matrix, inverse, n), identity(n), 100 * allowed, `A A⁻¹ of ${n}`, [n, n])
    closeWithin(t, times(upper, upper, n, n, true), inverse, 100 * allowed, `Uᵀ U of ${n}`, [n, n])
    closeWithin(t, times(matrix, solution, n, 3), right, 100 * allowed, `A x of ${n}`, [n, 3])
    equalExactly(t, transpose(inverse, n), inverse, `symmetry of the inverse of ${n}`)
    t.true(upper.every((value, i) => i % n >= Math.floor(i / n) || value === 0))
    t.deepEqual(algebra.factors({ matrix, n, right, columns: 3, threads: 5 }), result)
  }
})

test('Cholesky says at which row a matrix proves not to be positive definite', (t) => {
  const right = new Float64Array(0)
  const at = (matrix: Float64Array, n: number) =>
    algebra.factors({ matrix, n, right, columns: 0, threads: 1 }).failedAt
  t.is(at(Float64Array.of(0), 1), 0)
  t.is(at(Float64Array.of(1, 2, 2, 1), 2), 1)
  t.is(at(Float64Array.of(Number.NaN), 1), 0)
  for (const row of [0, 63, 64, 99]) {
    const n = 100
    const matrix = positiveDefinite(n)
    // The same input twice: singular, so that only rounding stands between the pivot and zero.
    const twin = row === 0 ? 1 : row - 1
    for (let i = 0; i < n; i++) matrix[row * n + i] = matrix[twin * n + i]!
    for (let i = 0; i < n; i++) matrix[i * n + row] = matrix[i * n + twin]!
    t.is(at(matrix, n), Math.max(row, twin), `${row} like ${twin}`)
  }
})

test('conjugate gradients solve each row on its own support, the same whatever the company and the threads', (t) => {
  const [n, rows] = [70, 9]
  const matrix = Float32Array.from(positiveDefinite(n))
  const right = Float32Array.from(numbers(rows * n))
  // The first row keeps nothing, the last everything.
  const kept = Array.from({ length: rows * n }, (_, i) => i >= n && (i >= (rows - 1) * n || next() < 0.5))
  const bits = new Uint8Array(Math.ceil(kept.length / 8))
  kept.forEach((stays, i) => {
    if (stays) bits[i >> 3]! |= 1 << (i & 7)
  })
  const [shift, tolerance, gain, steps] = [0.25, 1e-6, 0, 200]
  const request = { matrix, n, shift, bits, right, tolerance, gain, steps, threads: 1 }
  const x = algebra.maskedSolution(request)
  const residuals = right.map((value, i) => {
    if (!kept[i]) return x[i]!
    const row = i - (i % n)
    let sum = shift * x[i]!
    for (let j = 0; j < n; j++) sum += matrix[(i % n) * n + j]! * x[row + j]!
    return sum - value
  })
  closeWithin(t, residuals, new Float32Array(rows * n), 1e-5, 'residual', [rows, n])
  equalExactly(t, algebra.maskedSolution({ ...request, threads: 4 }), x, '4 threads')
  const last = bits.slice(((rows - 1) * n) / 8)
  equalExactly(
    t,
    algebra.maskedSolution({ ...request, bits: last, right: right.slice((rows - 1) * n) }),
    x.slice((rows - 1) * n),
    'the last row alone',
  )
})

test('conjugate gradients end where steps gain little, with that share of the gain missing at most', (t) => {
  const n = 400
  // Neighbours are alike, so that the last of the solution takes many steps.
  const matrix = Float32Array.from({ length: n * n }, (_, i) => {
    const [row, column] = [Math.floor(i / n), i % n]
    return Math.exp(-Math.abs(row - column) / 50) + (row === column ? 1e-3 : 0)
  })
  const right = Float32Array.from(numbers(n))
  const bits = new Uint8Array(n / 8).fill(255)
  const request = { matrix, n, shift: 0, bits, right, tolerance: 0, steps: 2000, threads: 1 }
  const gainOf = (x: Float32Array) => {
    let gain = 0
    for (let i = 0; i < n; i++) {
      let product = 0
      for (let j = 0; j < n; j++) product += matrix[i * n + j]! * x[j]!
      gain += x[i]! * (right[i]! - product / 2)
    }
    return gain
  }
  const whole = gainOf(algebra.maskedSolution({ ...request, gain: 0 }))
  const shares = [0.1, 0.01, 0.001].map(
    (gain) => gainOf(algebra.maskedSolution({ ...request, gain })) / whole,
  )
  t.log(shares)
  t.true(shares[0]! < shares[1]! && shares[1]! < shares[2]!, 'an earlier end gains less')
  t.true(shares[2]! > 0.99 && shares[2]! < 1)
})
