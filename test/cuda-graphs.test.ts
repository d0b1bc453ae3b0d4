import type { ExecutionContext } from 'ava'
import { runChild, twofourUrl } from './child.js'
import { makeCheckpoint } from './make-checkpoint.js'
import { cudaTest } from './test-device.js'

const model = makeCheckpoint({ hidden: 64, heads: 2, inner: 128, layers: 2, pooler: false, seed: 78 })

/** Runs batches of one bucket one after another; a run for hidden states is never recorded and gives the numbers. */
const program = `
  import { Checkpoint, prune } from ${JSON.stringify(twofourUrl)}
  const [directory, dtype, sparsity] = process.argv.slice(1)
  const checkpoint = await Checkpoint.open(directory)
  const plan = await prune(checkpoint, { steps: [{ pattern: '2:4' }] })
  const encoder = await Encoder.load(await plan.apply(checkpoint), {
    ...{ device: 'cuda', dtype, sparsity, maxTokens: 64, tuning: { budget: 1 } },
  })
  const results = []
  for (let round = 0; round < 5; round++) {
    const batch = Array.from({ length: 1 + round }, (_, text) =>
      Array.from({ length: 3 + round + text }, (_, index) => (7 * index + 5 * text + round) % 64))
    try {
      const { lastHiddenState } = await encoder.run(batch, { outputs: ['lastHiddenState'] })
      const { hiddenStates } = await encoder.run(batch, { outputs: ['hiddenStates'] })
      const equal = Buffer.compare(Buffer.from(lastHiddenState.buffer), Buffer.from(hiddenStates.at(-1).buffer))
      results.push(equal === 0 ? 'equal' : 'other numbers')
    } catch (error) {
      results.push(error.code + ' ' + error.message)
    }
  }
  encoder.dispose()
  process.stdout.write(JSON.stringify(results))`

async function resultsOf(
  t: ExecutionContext,
  emulation: string,
  dtype: string,
  sparsity: string,
): Promise<string[]> {
  const before = process.env.TWOFOUR_EMULATION
  process.env.TWOFOUR_EMULATION = emulation
  const { stdout, stderr, code } = await runChild(program, [await model, dtype, sparsity])
  if (before === undefined) delete process.env.TWOFOUR_EMULATION
  else process.env.TWOFOUR_EMULATION = before
  t.is(code, 0, stderr)
  return JSON.parse(stdout)
}

const five = ['equal', 'equal', 'equal', 'equal', 'equal']

cudaTest('passes that are recorded give the numbers of those that are not, whatever the batch', async (t) => {
  for (const [dtype, sparsity] of [
    ['float32', 'off'],
    ['float16', 'require'],
    ['int8', 'require'],
    ['float8', 'off'],
  ] as const) {
    t.deepEqual(await resultsOf(t, 'abort=1', dtype, sparsity), five, `${dtype}, ${sparsity}`)
  }
})

cudaTest('the second pass of a bucket is recorded, and launched from then on', async (t) => {
  const results = await resultsOf(t, 'fail=cudaGraphLaunch:2:999', 'bfloat16', 'off')
  t.deepEqual([results[0], results[1]], ['equal', 'equal'])
  t.regex(results[2]!, /^(DEVICE_FAILED|CUDA_DEVICE_LOST) While repeating a pass/)
})

cudaTest('passes that only confirm a choice are not recorded', async (t) => {
  const results = await resultsOf(t, 'sparse_gain=150,fail=cudaGraphLaunch:1:999', 'bfloat16', 'auto')
  t.is(results[0], 'equal')
  t.regex(results[1]!, /While repeating a pass/)
})

cudaTest('what cannot be recorded runs as before', async (t) => {
  t.deepEqual(await resultsOf(t, 'cusparselt_capture=0', 'bfloat16', 'require'), five)
  t.deepEqual(await resultsOf(t, 'fail=cudaGraphInstantiate:1:2', 'bfloat16', 'off'), five)
})
