import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { cudaState, devices, installation, TwofourError } from 'twofour'
import { describeMachine } from '../../../dist/bench/machine.js'
import type { Row, StepSettings } from '../results.js'

const fields = [
  ...['name', 'driver_version', 'pstate', 'memory.total', 'clocks.sm', 'clocks.mem', 'clocks.max.sm'],
  ...[
    'clocks.max.mem',
    'power.limit',
    'power.draw',
    'temperature.gpu',
    'ecc.mode.current',
    'mig.mode.current',
  ],
] as const

/** What is here: device, driver, libraries with their versions and the rule that found each, clocks and power. */
export async function device(_settings: StepSettings, emit: (row: Row) => void): Promise<void> {
  const { cpu } = await describeMachine()
  emit({ what: 'machine', cpu, node: process.versions.node, version: installation().version })
  const state = cudaState({ always: true })
  const { emulated, runtimeVersion, driverVersion, minimumDriver } = state
  emit({ what: 'CUDA', emulated, runtimeVersion, driverVersion, minimumDriver, reason: state.reason })
  for (const { name, from, version, usable, path, sentence } of state.libraries) {
    emit({ what: name, version, usable, from, path, sentence })
  }
  for (const problem of await doctor()) emit({ ...problem, what: `doctor: ${problem.what}` })
  emit({ what: 'nvidia-smi', ...(await readings()) })

  const card = devices().find(({ kind }) => kind === 'cuda')
  emit({ what: 'device', ...card, emulated })
  if (card?.available !== true) {
    const reason = card?.reason ?? 'There is no CUDA device.'
    throw new TwofourError('DEVICE_UNAVAILABLE', reason)
  }
}

/** What `twofour doctor` misses. */
function doctor(): Promise<Row[]> {
  const program = join(installation().root, 'dist', 'cli', 'main.js')
  return new Promise((resolve) => {
    execFile(process.execPath, [program, 'doctor', '--json'], { timeout: 40_000 }, (error, out) => {
      if (error) resolve([{ what: 'did not run', reason: error.message.split('\n')[0] }])
      else resolve((JSON.parse(out) as { problems: Row[] }).problems)
    })
  })
}

function readings(): Promise<Row> {
  const query = [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader', '-i', '0']
  return new Promise((resolve) => {
    execFile('nvidia-smi', query, { timeout: 20_000 }, (error, out) => {
      const values = out.trim().split(', ')
      resolve(
        error
          ? { missing: `nvidia-smi cannot be run: ${error.message.split('\n')[0]}` }
          : Object.fromEntries(fields.map((field, i) => [field, values[i] ?? ''])),
      )
    })
  })
}
