import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { Encoder } from 'twofour'
import type { Measurement } from '../binding.js'
import { runChild, twofourUrl } from './child.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'
import { cudaTest } from './test-device.js'

type Matrix = ReturnType<Encoder['explain']>[number]
type Report = { readonly matrix: Matrix; readonly worst: number; readonly warnings: readonly string[] }

/** A budget of 1 ms is spent by the first measurement: of the 2:4 matrix, for as many tokens as there may be. */
const program = `
  import { Checkpoint, prune } from ${JSON.stringify(twofourUrl)}
  const [directory, slot, budget, sparsity, shown, maxTokens] = process.argv.slice(1)
  const warnings = []
  process.on('warning', ({ message }) => warnings.push(message))
  const checkpoint = await Checkpoint.open(directory)
  const plan = await prune(checkpoint, { steps: [{ pattern: '2:4', slots: [slot] }] })
  const pruned = await plan.apply(checkpoint)
  const options = { device: 'cuda', dtype: 'bfloat16', maxTokens: Number(maxTokens) }
  const dense = await Encoder.load(pruned, { ...options, sparsity: 'off', tuning: { budget: 0 } })
  const encoder = await Encoder.load(pruned, { ...options, sparsity, tuning: { budget: Number(budget) } })
  const texts = [Array.from({ length: 40 }, (_, index) => index % 64)]
  const [expected, got] = [await dense.run(texts), await encoder.run(texts)]
  const worst = Math.max(...got.lastHiddenState.map((x, index) => Math.abs(x - expected.lastHiddenState[index])))
  const matrix = encoder.explain().find(({ name }) => name === 'layers.0.' + shown)
  dense.dispose()
  encoder.dispose()
  process.stdout.write(JSON.stringify({ matrix, worst, warnings }))`

type Trial = {
  readonly emulation: string
  /** Of the 2:4 matrix; that of the one that is looked at. */
  readonly slot?: string
  readonly shown?: string
  readonly budget?: number
  readonly sparsity?: 'auto' | 'off'
  /** Up to 64 is one class of token counts, up to 128 two. */
  readonly maxTokens?: number
}

/** Loads a small model of which one matrix is 2:4, in a process with a cache directory and an emulated device. */
async function choose(t: ExecutionContext, cache: string, trial: Trial): Promise<Report> {
  const { emulation, slot = 'ffnIn', shown = slot, budget = 1, sparsity = 'auto', maxTokens = 64 } = trial
  const before = { cache: process.env.XDG_CACHE_HOME, emulation: process.env.TWOFOUR_EMULATION }
  process.env.XDG_CACHE_HOME = cache
  process.env.TWOFOUR_EMULATION = `abort=1,${emulation}`
  try {
    const { stdout, stderr, code } = await runChild(program, [
      await model,
      slot,
      `${budget}`,
      sparsity,
      shown,
      `${maxTokens}`,
    ])
    t.is(code, 0, stderr)
    return JSON.parse(stdout)
  } finally {
    restore('XDG_CACHE_HOME', before.cache)
    restore('TWOFOUR_EMULATION', before.emulation)
  }
}

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}

const model = makeCheckpoint({ hidden: 64, heads: 2, inner: 128, layers: 1, pooler: false, seed: 77 })
const everything = Number.POSITIVE_INFINITY
const forms = ({ forms: held }: Matrix) => held.map(({ form }) => form)

cudaTest('a 2:4 matrix runs sparse where that was measured faster, and both times are shown', async (t) => {
  const { matrix, worst } = await choose(t, temporaryDirectory('choice'), { emulation: 'sparse_gain=150' })
  const [first] = matrix.buckets
  t.deepEqual(forms(matrix), ['sparse bfloat16'])
  t.is(first!.form, 'sparse bfloat16')
  t.true(first!.sparseMicroseconds! < first!.denseMicroseconds!)
  t.regex(
    first!.reason,
    /^Sparse \(algorithm 1.*\) is faster by 1\.\d\d ×, measured at 33 tokens: with warm caches/,
  )
  t.true(worst < 0.05, `${worst}`)
})

cudaTest('what many tokens run is measured first, and what is left runs dense', async (t) => {
  const trial = { emulation: 'sparse_gain=150', maxTokens: 128 }
  const { matrix } = await choose(t, temporaryDirectory('choice'), trial)
  const [few, many] = matrix.buckets
  t.deepEqual([few!.form, many!.form], ['bfloat16', 'sparse bfloat16'])
  t.regex(many!.reason, /measured at 65 tokens/)
  t.regex(few!.reason, /^Not measured/)
  t.deepEqual(forms(matrix), ['bfloat16', 'sparse bfloat16'])
})

cudaTest(
  'a matrix with one form runs the algorithm that is fastest with its epilogue, right or left out',
  async (t) => {
    const off = {
      emulation: 'cublaslt_best_id=2',
      sparsity: 'off',
      slot: 'query',
      shown: 'ffnOut',
      budget: everything,
    } as const
    const { matrix } = await choose(t, temporaryDirectory('choice'), off)
    for (const { form, denseMicroseconds, sparseMicroseconds, reason } of matrix.buckets) {
      t.is(form, 'bfloat16')
      t.true(denseMicroseconds! > 0)
      t.is(sparseMicroseconds, null)
      t.regex(
        reason,
        /^Sparse forms are off\. Of cuBLASLt's algorithms for it number 3 of \d is the fastest, measured at/,
      )
    }
    t.deepEqual(
      matrix.buckets.map(({ tokens }) => tokens),
      [null],
    )
    const wrong = { ...off, emulation: 'cublaslt_best_id=2,cublaslt_wrong_id=1' }
    const { matrix: right } = await choose(t, temporaryDirectory('choice'), wrong)
    t.regex(right.buckets[0]!.reason, /number 3 of \d is the fastest/)
    const first = { ...off, emulation: 'cublaslt_best_id=0' }
    const { matrix: own } = await choose(t, temporaryDirectory('choice'), first)
    t.regex(own.buckets[0]!.reason, /number 1 of \d is the fastest/)
  },
)

cudaTest('what was measured of one form is kept for its epilogue, and not measured again', async (t) => {
  const cache = temporaryDirectory('choice')
  const file = join(cache, 'twofour', 'cuda-tuning.json')
  const off = {
    emulation: 'cublaslt_best_id=2',
    sparsity: 'off',
    shown: 'attentionOutput',
    budget: everything,
  } as const
  const { matrix: measured } = await choose(t, cache, off)
  const kept = readFileSync(file, 'utf8')
  // Other times now: whoever measured again would choose and keep others.
  const again = { ...off, emulation: 'cublaslt_best_id=0' }
  const { matrix: known } = await choose(t, cache, again)
  t.deepEqual(known, measured)
  t.is(readFileSync(file, 'utf8'), kept)

  const entries: Measurement[] = Object.values(JSON.parse(kept) as Record<string, Measurement[]>).flat()
  t.deepEqual(new Set(entries.map(({ epilogue }) => epilogue)), new Set(['bias', 'bias, residual']))
  writeFileSync(file, kept.replaceAll('bias, residual', 'bias, relu'))
  const { matrix: foreign } = await choose(t, cache, { ...again, budget: 0 })
  t.deepEqual(
    foreign.buckets.map(({ reason }) => reason.slice(0, 35)),
    ['Sparse forms are off. Not measured:'],
  )
})

cudaTest('an algorithm that was changed on disk is not used', async (t) => {
  const cache = temporaryDirectory('choice')
  const file = join(cache, 'twofour', 'cuda-tuning.json')
  const off = {
    emulation: 'cublaslt_best_id=2',
    sparsity: 'off',
    shown: 'ffnOut',
    budget: everything,
  } as const
  await choose(t, cache, off)
  const changed = readFileSync(file, 'utf8').replaceAll(/(dense \d of \d) [0-9a-f]{4}/g, '$1 ffff')
  writeFileSync(file, changed)
  const { matrix } = await choose(t, cache, { ...off, budget: 0 })
  t.regex(matrix.buckets[0]!.reason, /Not measured/)
  const { matrix: anew } = await choose(t, cache, off)
  t.regex(anew.buckets[0]!.reason, /number 3 of/)
  t.notRegex(readFileSync(file, 'utf8'), /dense \d of \d ffff/)
})

cudaTest('it runs dense where sparse is slower, and the compressed form is freed', async (t) => {
  const { matrix } = await choose(t, temporaryDirectory('choice'), { emulation: 'sparse_gain=50' })
  t.regex(matrix.buckets[0]!.reason, /^Sparse \(algorithm \d.*\) is slower by \d\.\d\d ×/)
  t.true(matrix.buckets[0]!.sparseMicroseconds! > matrix.buckets[0]!.denseMicroseconds!)
  t.deepEqual(forms(matrix), ['bfloat16'])
})

cudaTest('a sparse product that is faster alone but slows the whole encoder runs dense', async (t) => {
  const emulation = 'sparse_gain=150,sparse_gain_added=150,sparse_gain_pass=5'
  const { matrix } = await choose(t, temporaryDirectory('choice'), { emulation, slot: 'attentionOutput' })
  t.is(matrix.buckets[0]!.form, 'bfloat16')
  t.regex(
    matrix.buckets[0]!.reason,
    /^Alone the sparse product is faster, but the whole encoder took \d+\.\d\d × as long/,
  )
  t.deepEqual(forms(matrix), ['bfloat16'])
})

cudaTest('an algorithm that is fast and wrong is left out', async (t) => {
  const cache = temporaryDirectory('choice')
  const { matrix, worst } = await choose(t, cache, { emulation: 'sparse_gain=150,cusparselt_wrong_id=2' })
  t.is(matrix.buckets[0]!.form, 'sparse bfloat16')
  t.true(worst < 0.05, `${worst}`)
  t.notRegex(readFileSync(join(cache, 'twofour', 'cuda-tuning.json'), 'utf8'), /sparse 2 split/)
})

cudaTest('a sparse product is measured with the residual that the model adds', async (t) => {
  const emulation = 'sparse_gain=150,sparse_gain_added=50'
  const { matrix } = await choose(t, temporaryDirectory('choice'), { emulation, slot: 'attentionOutput' })
  t.regex(matrix.buckets[0]!.reason, /^Sparse \(algorithm \d.*\) is slower by/)
})

cudaTest('without an algorithm that can be used it runs dense, and nothing is kept', async (t) => {
  const cache = temporaryDirectory('choice')
  const trial = { emulation: 'fail=cusparseLtMatmulAlgGetAttribute:1:7', maxTokens: 128 }
  const { matrix } = await choose(t, cache, trial)
  const [few, many] = matrix.buckets
  t.is(many!.form, 'bfloat16')
  t.true(many!.denseMicroseconds! > 0)
  t.is(many!.sparseMicroseconds, null)
  t.regex(many!.reason, /^Every sparse algorithm was refused or gave other numbers/)
  t.regex(few!.reason, /^Not measured/)
  t.false(existsSync(join(cache, 'twofour', 'cuda-tuning.json')))
})

cudaTest('what was measured is kept for this device, and not measured again', async (t) => {
  const cache = temporaryDirectory('choice')
  const { matrix: measured } = await choose(t, cache, { emulation: 'sparse_gain=150' })
  const { matrix: known } = await choose(t, cache, { emulation: 'sparse_gain=150', budget: 0 })
  t.is(known.buckets[0]!.form, 'sparse bfloat16')
  t.is(known.buckets[0]!.sparseMicroseconds, measured.buckets[0]!.sparseMicroseconds)
  const { matrix: elsewhere } = await choose(t, cache, {
    emulation: 'sparse_gain=150,driver=13010',
    budget: 0,
  })
  t.regex(elsewhere.buckets[0]!.reason, /^Not measured/)
})

cudaTest('a cache that is no cache is not used, with a note', async (t) => {
  const cache = temporaryDirectory('choice')
  await choose(t, cache, { emulation: 'sparse_gain=150' })
  writeFileSync(join(cache, 'twofour', 'cuda-tuning.json'), '{"broken')
  const { matrix, warnings } = await choose(t, cache, { emulation: 'sparse_gain=150', budget: 0 })
  t.regex(matrix.buckets[0]!.reason, /^Not measured/)
  t.regex(warnings[0] ?? '', /cuda-tuning\.json is not what twofour writes there/)
})
