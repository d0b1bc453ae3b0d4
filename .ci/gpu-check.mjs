// The archive for hosts with a GPU, made with the emulation in it and run on that: every step counts, and only those
// may be missing that need what is not ours. Needs `npm run build:emulated`.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { check, close, expect, run } from './tally.mjs'

/** Steps that another program, or a model beside the archive, is needed for. */
const others = ['pytorch', 'onnxruntime', 'demo', 'sanitizer']

const root = fileURLToPath(new URL('..', import.meta.url))
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const program = join(root, 'build', 'gpu-check', `twofour-gpu-check-${version}-emulated`, 'gpu-check')
const work = mkdtempSync(join(tmpdir(), 'twofour-gpu-check-'))

/** Its results, whatever it ends with. */
function gpuCheck(name, args, status, env = {}) {
  const out = join(work, name)
  const emulated = ['--emulated', '--quick', '--out', out, ...args]
  run(program, emulated, { status, seconds: 900, env: { ...process.env, ...env } })
  return out
}

const resultsIn = (out) => JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'))

function checkSteps(out) {
  let steps = []
  check('it wrote its results, and that they are emulated', () => {
    const results = resultsIn(out)
    steps = results.steps
    expect(results.emulated === true, `emulated is ${results.emulated}`)
  })
  for (const { name, state, reason, rows, seconds } of steps) {
    if (state === 'skipped' && others.includes(name)) {
      console.log(`  – ${name}: ${reason}`)
      continue
    }
    check(`${name}, ${rows.length} rows in ${seconds.toFixed(0)} s`, () => {
      expect(state === 'done', `${state}: ${reason}`)
      expect(rows.length > 0, 'It found nothing.')
      expect(!rows.some(({ leftOut }) => leftOut), 'It had no time for all.')
    })
  }
}

try {
  check('npm run bundle -- --emulated makes it', () => {
    run('npm', ['run', '--silent', 'bundle', '--', '--emulated', '--unpacked'], { cwd: root, seconds: 600 })
  })
  check('gpu-check ends well', () => gpuCheck('whole', [], 0))
  checkSteps(join(work, 'whole'))
  check('a kernel that breaks is a failed step, and a bad end', () => {
    const faults = { TWOFOUR_EMULATION: 'fail=cudaMemcpyAsync:30:719' }
    const out = gpuCheck('faulty', ['--only', 'parity'], 1, faults)
    const { state, reason } = resultsIn(out).steps.find(({ name }) => name === 'parity')
    expect(state === 'failed' && /cudaErrorLaunchFailure/.test(reason), `${state}: ${reason}`)
  })
} finally {
  rmSync(work, { recursive: true, force: true })
}
close()
