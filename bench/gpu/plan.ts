import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Row, type StepSettings, textIn } from './results.js'
import type { Command } from './run-command.js'
import { dtypes, linears, modelShapes, type Scale, sweepTokens } from './scale.js'

/** What a command is made from. */
export type Context = {
  /** The unpacked bundle. */
  readonly root: string
  readonly scale: Scale
  readonly emulated: boolean
  readonly settings: StepSettings
  /** Of the step `device`. */
  readonly device: readonly Row[]
  readonly python: string | undefined
}

export type Planned = {
  readonly name: string
  readonly title: string
  /** At most. */
  readonly seconds: number
  /** Whether it runs the models that make-models writes. */
  readonly models?: boolean
  /** The program; or the sentence why it cannot be run here. */
  readonly command: (context: Context) => Command | string
}

/** Every step, in the order of the run: what is needed most comes first, for the time may run out. */
export const plan: readonly Planned[] = [
  ours('device', 'Device and libraries', 60),
  ours('wrappers', "The device's own instructions", 20),
  ours('parity', 'Every verb and dtype against the CPU', 75),
  ours('golden', 'Golden models', 90),
  ours('suite', 'The encoder: shapes and invariants', 75),
  asked('ceilings', 'Ceilings of the card', 25),
  asked('epilogues', 'Which types and epilogues the libraries accept', 30),
  asked('buffers', 'One compressed matrix for all plans', 45),
  asked('graphs', 'CUDA graphs of both libraries', 20),
  asked('repeatability', 'The same bits each time: products', 30),
  asked('half-sums', 'float16 sums', 20),
  ours('make-models', 'Seeded models', 90),
  { ...ours('tune', 'What tuning chose', 100), models: true },
  { ...asked('sweep', 'Linears: dense, sparse, and what was chosen', 180), models: true },
  { ...ours('end-to-end', 'End to end', 130), models: true },
  { ...peer('pytorch', 'PyTorch', 120, 'torch_bert.py'), models: true },
  { ...peer('onnxruntime', "onnxruntime's CUDA provider", 40, 'onnxruntime_bert.py'), models: true },
  { ...ours('repeat', 'The same bits each time: models', 40), models: true },
  {
    ...ours('demo', 'The demo model: score and speed', 60),
    command: (context) =>
      context.settings.models === null ? 'No --models DIR was given.' : step('demo', context),
  },
  asked('threads', 'Two threads on one handle', 20),
  { name: 'sanitizer', title: 'Verbs under compute-sanitizer', seconds: 120, command: sanitizer },
]

function ours(name: string, title: string, seconds: number): Planned {
  return { name, title, seconds, command: (context) => step(name, context) }
}

function step(name: string, { root, settings }: Context): Command {
  const args = [join(root, 'checks', 'step.js'), name, JSON.stringify(settings)]
  return { file: process.execPath, args }
}

function asked(name: string, title: string, seconds: number): Planned {
  return { name, title, seconds, command: (context) => probe(name, context) }
}

function probe(question: string, { root, scale, emulated, settings, device }: Context): Command {
  const path = (library: string) =>
    textIn(
      device.find(({ what }) => what === library),
      'path',
    )
  const shape = ([rows, columns]: readonly [number, number]) => `${rows}x${columns}`
  const questions: Record<string, readonly string[]> = {
    ceilings: emulated
      ? ['--shapes', '64x64', '--tokens', '64']
      : ['--shapes', '8192x8192', '--tokens', '8192'],
    sweep: [
      ...['--shapes', linears(scale).map(shape).join(), '--tokens', sweepTokens(scale).join()],
      ...['--choices', join(settings.work, 'choices.txt'), '--sustain', emulated ? '0.01' : '0.25'],
      ...['--sustain-tokens', emulated ? '64' : '16384'],
    ],
  }
  const usual = emulated
    ? ['--shapes', '64x128,128x64', '--tokens', '64,100']
    : ['--shapes', '3072x768,768x3072', '--tokens', '1024,64,8192']
  const rounds = emulated ? 2 : 9
  return {
    file: join(root, emulated ? 'emulated/probe' : 'checks/probe'),
    args: [
      ...[question, '--cublaslt', path('cuBLASLt'), '--cusparselt', path('cuSPARSELt')],
      ...['--dtypes', dtypes(scale).join(), '--rounds', `${rounds}`, '--seconds', `${settings.seconds}`],
      ...(questions[question] ?? usual),
    ],
  }
}

function peer(name: string, title: string, seconds: number, file: string): Planned {
  const command = ({ root, python, scale, settings }: Context): Command | string => {
    if (python === undefined) return 'There is no python3 here.'
    const models = Object.keys(modelShapes(scale))
    const wanted = name === 'pytorch' ? models : models.slice(-1)
    const script = join(root, 'checks', 'peers', file)
    return { file: python, args: [script, settings.work, `${settings.seconds}`, ...wanted] }
  }
  return { name, title, seconds, command }
}

/** Few cases, for each launch is watched. What libraries try and drop themselves is no error. */
function sanitizer(context: Context): Command | string {
  if (context.emulated) return 'An emulation is watched by the sanitizers that it is compiled with.'
  const { args } = step('parity', { ...context, settings: { ...context.settings, scale: 'emulated' } })
  const options = ['--tool', 'memcheck', '--error-exitcode', '9', '--print-limit', '20']
  const toolkit = '/usr/local/cuda/bin/compute-sanitizer'
  return {
    file: existsSync(toolkit) ? toolkit : 'compute-sanitizer',
    args: [...options, '--report-api-errors', 'no', process.execPath, ...args],
  }
}
