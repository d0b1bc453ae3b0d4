// One linear by format and form, for the shapes of the models' matrices and several numbers of tokens: the rate of
// each, beside the best that its format reached in this run, the machine's peak where `--peak` names it, and how fast
// memory is copied. Packing and conversion are not timed.
// Run: npm run bench -- linear [--models MiniLM-L6,BERT-base] [--peak float32=116,int8=460] [--rounds 7] [--once]
//      where a peak is of all threads together, in 10⁹ multiplications and additions a second.
import type { Ops } from '../binding.js'
import { medianInterval, quantile } from '../dist/bench/quantile.js'
import { addon } from '../lib/addon.js'
import { randomNumbers } from '../test/random-numbers.js'
import { once, options, print, rounds } from './measure.js'
import { shapes } from './models.js'

type Request = Parameters<Ops['timeLinear']>[1]
type Form = Pick<Request, 'format' | 'sparsity'> & {
  readonly name: string
  readonly zeros: '' | '2:4' | '90 %'
  readonly bytes: number
}

const forms: readonly Form[] = [
  { name: 'float32', format: 'float32', sparsity: 'off', zeros: '', bytes: 4 },
  { name: 'bfloat16', format: 'bfloat16', sparsity: 'off', zeros: '', bytes: 2 },
  { name: 'int8', format: 'int8', sparsity: 'off', zeros: '', bytes: 1 },
  { name: '2:4 float32', format: 'float32', sparsity: 'require', zeros: '2:4', bytes: 4 },
  { name: '2:4 int8', format: 'int8', sparsity: 'require', zeros: '2:4', bytes: 1 },
  { name: '90 % float32', format: 'float32', sparsity: 'require', zeros: '90 %', bytes: 4 },
  { name: '90 % int8', format: 'int8', sparsity: 'require', zeros: '90 %', bytes: 1 },
]

const { ops } = addon()
const tokenCounts = once ? [1, 16] : [1, 16, 128, 1024, 4096]
const next = randomNumbers(24)
const floats = (count: number) => Float32Array.from({ length: count }, () => next() - 0.5)

/** [outputs, inputs] of the four matrices of a layer, query, key and value fused. */
function matricesOf({ hidden, inner }: { hidden: number; inner: number }): [number, number][] {
  return [
    [3 * hidden, hidden],
    [hidden, hidden],
    [inner, hidden],
    [hidden, inner],
  ]
}

function withZeros(weight: Float32Array, zeros: Form['zeros']): Float32Array {
  if (zeros === '') return weight
  if (zeros === '2:4') return weight.map((value, at) => (at % 4 < 2 ? value : 0))
  return weight.map((value) => (next() < 0.1 ? value : 0))
}

/** Seconds of a run in each round, the forms in turn; a form that the build refuses, with its sentence. */
function timeForms(rows: number, columns: number, tokens: number) {
  const dense = floats(rows * columns)
  const request = { bias: floats(rows), rows, columns, input: floats(tokens * columns), tokens }
  // A tenth of a second each, at a rate that is rather too high.
  const repeats = once ? 1 : Math.max(2, Math.min(500, Math.round(1e10 / (rows * columns * tokens))))
  const taken = forms.map((form) => ({
    form,
    weight: withZeros(dense, form.zeros),
    seconds: [] as number[],
    refused: '',
  }))
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < taken.length; turn++) {
      const each = taken[(round + turn) % taken.length]!
      if (each.refused !== '') continue
      const { format, sparsity } = each.form
      try {
        const found = ops.timeLinear('cpu', { ...request, weight: each.weight, format, sparsity, repeats })
        each.seconds.push(quantile([...found], 0.5))
      } catch (error) {
        each.refused = (error as Error).message
      }
    }
  }
  return taken
}

/** 10⁹ bytes a second, copied from one place of memory to another. */
function copyRate(): number {
  const [from, to] = [Buffer.alloc(2 ** 27, 1), Buffer.alloc(2 ** 27)]
  const times = Array.from({ length: once ? 1 : 9 }, () => {
    const begin = performance.now()
    from.copy(to)
    return (performance.now() - begin) / 1000
  })
  return 2 ** 27 / quantile(times, 0.5) / 1e9
}

function peaksOf(text: string | undefined): Record<string, number> {
  const pairs = text?.split(',').map((pair) => pair.split('='))
  return Object.fromEntries(pairs?.map(([name = '', rate]) => [name, Number(rate)]) ?? [])
}

const peaks = peaksOf(options.peak)
const timed = Object.entries(shapes).flatMap(([model, shape]) =>
  matricesOf(shape).flatMap(([rows, columns]) =>
    tokenCounts.flatMap((tokens) => {
      const taken = timeForms(rows, columns, tokens)
      const first = taken[0]!.seconds
      return taken.map(({ form, seconds, refused }) => {
        const place = { model, rows, columns, tokens, form: form.name }
        if (refused !== '') return { ...place, refused }
        const median = quantile(seconds, 0.5)
        const ratios = seconds.map((each, round) => first[round]! / each)
        return {
          ...place,
          seconds: median,
          ratio: quantile(ratios, 0.5),
          interval: medianInterval(ratios),
          // Of the dense matrix, also where zeros are left out: so rates compare as times do.
          rate: (2 * rows * columns * tokens) / median / 1e9,
          weightBytesRate: (rows * columns * form.bytes) / median / 1e9,
          format: form.format,
        }
      })
    }),
  ),
)
const results = timed.map((each) => {
  if (!('rate' in each)) return each
  const same = timed.flatMap((other) => ('rate' in other && other.form === each.form ? [other.rate] : []))
  const peak = peaks[each.format]
  return {
    ...each,
    ofBest: each.rate / Math.max(...same),
    ofPeak: peak === undefined ? null : each.rate / peak,
  }
})
print({ copyRate: copyRate(), peaks, linears: results })
