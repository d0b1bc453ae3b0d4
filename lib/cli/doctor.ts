import { arch, availableParallelism, release, totalmem, type } from 'node:os'
import {
  type CudaState,
  type Device,
  devices,
  type Installation,
  installation,
  TwofourError,
} from '../index.js'
import { bytes } from './amounts.js'
import type { Command } from './command.js'
import { deviceKind, dtypeOption } from './devices.js'
import { cudaLines, cudaProblems, examineCuda, type Problem } from './doctor-cuda.js'
import { alignedPairs } from './table.js'

export const doctor: Command = {
  name: 'doctor',
  summary: 'says what is here, what is missing, and how to get it',
  usage: 'doctor [--json]',
  example: 'twofour doctor',
  options: {},
  notes: 'Exit status 0 whatever is missing. --device cpu or cuda shows that one alone.',
  async run({ options, output }) {
    const kind = deviceKind(options.text('device'))
    dtypeOption(options.text('dtype'))
    const found = examine(kind)
    await output.result(found, () => report(found))
  },
}

function examine(kind: Device['kind'] | undefined) {
  const { version, root, addon } = installation()
  const { all, cuda, problems } = findDevices(addon)
  return {
    twofour: { version, root },
    node: { version: process.versions.node, needed: '>=20.19.0' },
    system: {
      name: `${type()} ${release()} ${arch()}`,
      glibc: glibcVersion(),
      cores: availableParallelism(),
      memoryBytes: totalmem(),
    },
    addon,
    devices: all.filter((device) => kind === undefined || device.kind === kind),
    cuda: kind === 'cpu' ? null : cuda,
    problems: [...nodeProblem(), ...addonProblem(addon), ...problems, ...deviceProblems(all, cuda)],
  }
}

/** An addon that loads may still refuse, as with a TWOFOUR_ISA that is not one. */
function findDevices({ available }: Installation['addon']): Found {
  if (!available) return { all: [], cuda: null, problems: [] }
  try {
    return { all: devices(), cuda: examineCuda(), problems: [] }
  } catch (error) {
    if (!(error instanceof TwofourError)) throw error
    return { all: [], cuda: null, problems: [{ what: 'devices', reason: error.message, fix: '' }] }
  }
}

type Found = { readonly all: Device[]; readonly cuda: CudaState | null; readonly problems: Problem[] }

function nodeProblem(): Problem[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return []
  const reason = `Node ${process.versions.node} is older than 20.19.`
  return [{ what: 'node', reason, fix: 'Install Node 20.19 or newer.' }]
}

function addonProblem(addon: Installation['addon']): Problem[] {
  if (addon.available) return []
  return [{ what: 'addon', reason: addon.reason, fix: 'npx twofour build' }]
}

/** Of a device that is there and cannot be used; what is missing at all is CUDA's own to say. */
function deviceProblems(all: readonly Device[], cuda: CudaState | null): Problem[] {
  const refused = all
    .filter(({ available, index }) => !available && index !== undefined)
    .map(({ name, reason }) => ({
      what: name,
      reason,
      fix: 'Models run on the CPU: --device auto takes it.',
    }))
  return cuda === null ? refused : [...refused, ...cudaProblems(cuda)]
}

function report({
  twofour,
  node,
  system,
  addon,
  devices: all,
  cuda,
  problems,
}: ReturnType<typeof examine>): string {
  const glibc = system.glibc === null ? '' : `, glibc ${system.glibc}`
  const lines = alignedPairs([
    ['twofour', `${twofour.version} in ${twofour.root}`],
    ['node', node.version],
    ['system', `${system.name}${glibc}`],
    ['memory', bytes(system.memoryBytes)],
    [
      'addon',
      addon.available ? `${addon.version}${addon.file === null ? '' : `, ${addon.file}`}` : 'missing',
    ],
    ...all.map((device) => [device.kind, deviceLines(device)] as const),
    ...(cuda === null ? [] : cudaLines(cuda)),
  ])
  const said = problems.map(({ what, reason, fix }) =>
    // A reason of the library may name the fix itself.
    reason.includes(fix) ? `- ${what}: ${reason}` : `- ${what}: ${reason} ${fix}`,
  )
  return [lines, '', ...(said.length > 0 ? ['Missing:', ...said] : ['Nothing is missing.'])].join('\n')
}

function deviceLines({ available, name, reason, isa, isas, threads }: Device): string {
  if (!available) return 'not here'
  const paths = isas === undefined ? '' : `\nISA ${isa}; this machine can run ${isas.join(', ')}`
  const limit = threads === undefined ? reason : `threads ${threads}: ${reason}`
  return `${name}${paths}\n${limit}`
}

function glibcVersion(): string | null {
  // Looking up names of network peers would take seconds.
  Object.assign(process.report, { excludeNetwork: true })
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  return header?.glibcVersionRuntime ?? null
}
