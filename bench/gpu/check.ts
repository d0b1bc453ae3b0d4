// gpu-check's program: runs every step of the plan in a process of its own with a limit of time, and writes
// results.json, results.md and log.txt after each.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Context, type Planned, plan } from './plan.js'
import { Readings } from './readings.js'
import { type Row, type StepResult, textIn } from './results.js'
import { runCommand } from './run-command.js'
import { Writer } from './writer.js'

const root = dirname(import.meta.dirname)
const known = {
  out: { type: 'string', default: 'gpu-check-results' },
  quick: { type: 'boolean', default: false },
  models: { type: 'string' },
  only: { type: 'string' },
  budget: { type: 'string' },
  emulated: { type: 'boolean', default: false },
} as const
const options = readOptions()

function readOptions() {
  try {
    return parseArgs({ options: known }).values
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exit(2)
  }
}

function wantedSteps(): readonly Planned[] {
  if (options.only === undefined) return plan
  const names = options.only.split(',')
  const unknown = names.find((name) => !plan.some((step) => step.name === name))
  if (unknown !== undefined) {
    throw new TypeError(
      `Expected --only to name steps of ${plan.map(({ name }) => name).join(', ')}, got '${unknown}'.`,
    )
  }
  const models = plan.some((step) => step.models === true && names.includes(step.name))
  const needed = ['device', ...(models ? ['make-models'] : []), ...names]
  return plan.filter(({ name }) => needed.includes(name))
}

/** Seconds of the whole run. */
function budget(): number {
  const seconds = Number(options.budget ?? (options.quick && !options.emulated ? 270 : 840))
  if (seconds > 0) return seconds
  throw new TypeError(`Expected --budget to be seconds above 0, got '${options.budget}'.`)
}

/** The run's own caches, but libraries that `twofour cuda install` fetched are found as ever. */
function prepare(work: string): void {
  const cache = join(work, 'cache')
  mkdirSync(join(cache, 'twofour'), { recursive: true })
  const installed = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'twofour', 'cuda')
  if (existsSync(installed)) symlinkSync(installed, join(cache, 'twofour', 'cuda'))
  process.env.XDG_CACHE_HOME = cache
  process.env.TMPDIR = work
  if (!options.emulated) return
  const plugin = join(root, 'emulated', 'libtwofour_cuda_emulated.so')
  if (!existsSync(plugin)) {
    throw new TypeError(
      'This archive holds no emulation. `npm run bundle -- --emulated` makes one that does.',
    )
  }
  process.env.TWOFOUR_CUDA_PLUGIN = plugin
}

/** python3, and where its environment holds NVIDIA's libraries, that environment for twofour to look into. */
function findPython(): string | undefined {
  const ask = ['-c', 'import sys; print(sys.executable); print(sys.prefix)']
  for (const name of [process.env.GPU_CHECK_PYTHON, 'python3', 'python']) {
    if (name === undefined) continue
    try {
      const [executable, prefix] = execFileSync(name, ask, { encoding: 'utf8', stdio: 'pipe' }).split('\n')
      process.env.VIRTUAL_ENV ??= prefix
      return executable
    } catch {
      // Not this one.
    }
  }
  return undefined
}

async function main(): Promise<number> {
  const steps = wantedSteps()
  const end = performance.now() + budget() * 1000
  const out = resolve(options.out)
  const work = mkdtempSync(join(tmpdir(), 'gpu-check-'))
  process.once('exit', () => rmSync(work, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
  prepare(work)
  const python = findPython()
  const about = JSON.parse(readFileSync(join(root, 'bundle.json'), 'utf8')) as {
    version: string
    commit: string
  }
  const readings = new Readings()
  const results = new Writer(out, {
    ...about,
    scale: options.quick ? 'quick' : 'full',
    emulated: options.emulated,
  })

  for (const planned of steps) {
    const left = (end - performance.now()) / 1000
    const refused = results.refusal || (left < 5 ? 'The time of the run was used up.' : '')
    const result =
      refused !== ''
        ? skipped(planned, refused)
        : await run(planned, left, { work, python, readings, results })
    results.add(result, readings.summary())
    const why = result.reason && ` ${result.reason}`
    console.log(`${planned.name}: ${result.state}, ${result.seconds.toFixed(1)} s.${why}`)
  }
  readings.stop()
  console.log(`\n${results.conclusion()}\nWritten: ${out}/results.json, results.md, log.txt`)
  return results.passed ? 0 : 1
}

/** Of a step's seconds. An emulation computes as much whatever it runs on, so that its limit is for what hangs. */
const slack = { full: 1, quick: 0.6, emulated: 3 } as const

type Here = {
  readonly work: string
  readonly python: string | undefined
  readonly readings: Readings
  readonly results: Writer
}

async function run(planned: Planned, left: number, here: Here): Promise<StepResult> {
  const { work, python, readings, results } = here
  const limit = Math.min(left, planned.seconds * slack[results.scale])
  const settings = {
    ...{ scale: results.scale, work, golden: join(root, 'golden') },
    seconds: Math.max(1, 0.85 * limit - 2),
    models: options.models === undefined ? null : resolve(options.models),
  }
  const context: Context = {
    ...{ root, scale: results.scale, emulated: results.emulated, settings, python },
    device: results.device,
  }
  const command = planned.command(context)
  if (typeof command === 'string') return skipped(planned, command)
  const rows: Row[] = []
  const begin = performance.now()
  const onRow = (row: Row) => rows.push(readings.joined(row))
  const log = (line: string) => results.log(`${planned.name}: ${line}`)
  const ending = await runCommand(command, limit, onRow, log)
  const seconds = (performance.now() - begin) / 1000
  const { name, title } = planned
  const missing = textIn(
    rows.find((row) => 'missing' in row && rows.length === 1),
    'missing',
  )
  if (missing !== '') return skipped(planned, missing)
  if (ending.reason.includes('ENOENT')) return skipped(planned, `${command.file} is not here.`)
  return { name, title, ...ending, seconds, rows }
}

function skipped({ name, title }: Planned, reason: string): StepResult {
  return { name, title, state: 'skipped', seconds: 0, reason, rows: [] }
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof TypeError)) throw error
  console.error(error.message)
  process.exitCode = 2
}
