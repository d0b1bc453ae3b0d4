import { type CudaLibrary, type CudaState, cudaState } from '../index.js'

/** What is missing, why, and what to do. */
export type Problem = { readonly what: string; readonly reason: string; readonly fix: string }

const install = 'npx twofour cuda install'

/** Opens what is there: somebody wants to know. */
export function examineCuda(): CudaState {
  return cudaState({ always: true })
}

/** Libraries are missed only where there is a GPU that they would serve. */
export function cudaProblems({ code, reason, libraries }: CudaState): Problem[] {
  if (code !== '') return [{ what: 'cuda', reason, fix: 'Models run on the CPU: --device auto takes it.' }]
  return libraries
    .filter(({ usable }) => !usable)
    .map(({ name, sentence }) => ({ what: name, reason: sentence, fix: install }))
}

/** Pairs for the report: what was found, and where. */
export function cudaLines(state: CudaState): (readonly [string, string])[] {
  const { plugin, libraries } = state
  if (!plugin.available) return [['cuda plugin', 'not here']]
  return [
    ['cuda plugin', `${plugin.file}\n${runtimeLine(state)}`],
    ...libraries.map((library) => [library.name, libraryLine(library)] as const),
  ]
}

function runtimeLine({ runtimeVersion, driverVersion, minimumDriver, emulated }: CudaState): string {
  if (emulated) return 'An emulation on the CPU: nothing that is measured on it says anything about a GPU.'
  const driver = driverVersion === 0 ? 'no driver' : `the driver here serves CUDA ${dotted(driverVersion)}`
  return `CUDA ${dotted(runtimeVersion)}, needs driver ${minimumDriver} or newer; ${driver}`
}

function libraryLine({ path, from, version, usable, sentence }: CudaLibrary): string {
  if (!usable) return sentence
  const note = sentence === '' ? '' : `\n${sentence}`
  return `${version}, ${path} (${from})${note}`
}

/** 13000 is 13.0. */
function dotted(version: number): string {
  return `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`
}
