import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { Encoder } from 'twofour'
import { runChild, twofourUrl } from './child.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { temporaryDirectory } from './temporary-directory.js'
import { cudaTest } from './test-device.js'

type Matrix = ReturnType<Encoder['explain']>[number]
type Report = { readonly matrix: Matrix; readonly worst: number; readonly warnings: readonly string[] }

/** Only the first class of token counts is measured: the budget is spent then. */
const program = `
  import { Checkpoint, prune } from ${JSON.stringify(twofourUrl)}
  const [directory, slot, budget] = process.argv.slice(1)
  const warnings = []
  process.on('warning', ({ message }) => warnings.push(message))
  const checkpoint = await Checkpoint.open(directory)
  const plan = await prune(checkpoint, { steps: [{ pattern: '2:4', slots: [slot] }] })
  const pruned = await plan.apply(checkpoint)
  const options = { device: 'cuda', dtype: 'bfloat16' }
  const dense = await Encoder.load(pruned, { ...options, sparsity: 'off' })
  const encoder = await Encoder.load(pruned, { ...options, tuning: { budget: Number(budget) } })
  const texts = [Array.from({ length: 40 }, (_, index) => index % 64)]
  const [expected, got] = [await dense.run(texts), await encoder.run(texts)]
  const worst = Math.max(...got.lastHiddenState.map((x, index) => Math.abs(x - expected.lastHiddenState[index])))
  const matrix = encoder.explain().find(({ name }) => name === 'layers.0.' + slot)
  dense.dispose()
  encoder.dispose()
  process.stdout.write(JSON.stringify({ matrix, worst, warnings }))`

type Trial = { readonly emulation: string; readonly slot?: string; readonly budget?: number }

/** Loads a small model of which one matrix is 2:4, in a process with a cache directory and an emulated device. */
async function choose(t: ExecutionContext, cache: string, trial: Trial): Promise<Report> {
  const { emulation, slot = 'ffnIn', budget = 1 } = trial
  const before = { cache: process.env.XDG_CACHE_HOME, emulation: process.env.TWOFOUR_EMULATION }
  process.env.XDG_CACHE_HOME = cache
  process.env.TWOFOUR_EMULATION = `abort=1,${emulation}`
  try {
    const { stdout, stderr, code } = await runChild(program, [await model, slot, String(budget)])
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
const forms = ({ forms: held }: Matrix) => held.map(({ form }) => form)

cudaTest('a 2:4 matrix runs sparse where that was measured faster, and both times are shown', async (t) => {
  const { matrix, worst } = await choose(t, temporaryDirectory('choice'), { emulation: 'sparse_gain=150' })
  const [first, second] = matrix.buckets
  t.is(first!.form, 'sparse bfloat16')
  t.true(first!.sparseMicroseconds! < first!.denseMicroseconds!)
  t.regex(
    first!.reason,
    /^Sparse \(algorithm 1.*\) is faster by 1\.\d\d ×, measured at 33 tokens: with warm caches/,
  )
  t.is(second!.form, 'bfloat16')
  t.regex(second!.reason, /^Not measured/)
  t.deepEqual(forms(matrix), ['bfloat16', 'sparse bfloat16'])
  t.true(worst < 0.05, `${worst}`)
})

cudaTest('it runs dense where sparse is slower, and the compressed form is freed', async (t) => {
  const { matrix } = await choose(t, temporaryDirectory('choice'), { emulation: 'sparse_gain=50' })
  t.regex(matrix.buckets[0]!.reason, /^Sparse \(algorithm \d.*\) is slower by \d\.\d\d ×/)
  t.true(matrix.buckets[0]!.sparseMicroseconds! > matrix.buckets[0]!.denseMicroseconds!)
  t.deepEqual(forms(matrix), ['bfloat16'])
})

cudaTest('a sparse product that is faster alone but slows the whole encoder runs dense', async (t) => {
  // Added to the residual it is slow here, and products are measured without one.
  const emulation = 'sparse_gain=150,sparse_gain_added=5'
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

cudaTest('without an algorithm that can be used it runs dense, and nothing is kept', async (t) => {
  const cache = temporaryDirectory('choice')
  const { matrix } = await choose(t, cache, { emulation: 'fail=cusparseLtMatmulAlgGetAttribute:1:7' })
  const [first] = matrix.buckets
  t.is(first!.form, 'bfloat16')
  t.deepEqual([first!.denseMicroseconds, first!.sparseMicroseconds], [null, null])
  t.regex(first!.reason, /^Every sparse algorithm was refused or gave other numbers/)
  t.regex(matrix.buckets[1]!.reason, /^Not measured/)
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
