// Not under AddressSanitizer, which ends the process when no memory is left instead of throwing.
import test from 'ava'
import { runChild } from './child.js'
import { makeCheckpoint } from './make-checkpoint.js'

const poisoned = `
  import { execFileSync } from 'node:child_process'
  import { readFileSync } from 'node:fs'
  const encoder = await Encoder.load(process.argv[1], { device: 'cpu' })
  const { logits } = await encoder.run([[1, 2, 3]])
  const submit = encoder.submit.bind(encoder)
  const batches = []
  encoder.submit = async (...all) => {
    const result = await submit(...all)
    batches.push(result.batch)
    return result
  }
  const long = Array.from({ length: 40 }, () => new Int32Array(40).fill(2))
  await encoder.run(long, { outputs: ['lastHiddenState'] })
  const kilobytes = Number(/VmSize:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1])
  execFileSync('prlimit', ['--pid', String(process.pid), '--as=' + (kilobytes * 1024 + 2 ** 28)])
  const ahead = encoder.run(long, { outputs: ['lastHiddenState'] })
  const [before, tooMuch, after] = await Promise.allSettled([
    encoder.run([[1, 2, 3]]),
    encoder.run(long, { outputs: ['logits'] }),
    encoder.run([[1, 2, 3]]),
  ])
  await ahead
  const same = [before, after].every(({ value }) => Buffer.compare(
    Buffer.from(value.logits.buffer), Buffer.from(logits.buffer)) === 0)
  process.stdout.write([tooMuch.reason.code, same, new Set(batches).size].join(' '))`

test('a run for which there is no memory fails alone, also out of a batch', async (t) => {
  // Logits of 1600 tokens are 512 MB, twice what is left.
  const wide = await makeCheckpoint({
    head: 'ForMaskedLM',
    pooler: false,
    hidden: 8,
    heads: 1,
    vocab: 80_000,
  })
  const { stdout, stderr } = await runChild(poisoned, [wide])
  t.is(stderr, '')
  // Two runs of the long one, and each of the two beside the one that failed by itself.
  t.is(stdout, 'OUT_OF_MEMORY true 4')
})
