import type { Command } from './command.js'

/** Every command there is, in the order of the help. Each is loaded when it is called. */
const table = new Map<string, () => Promise<Command>>([
  ['doctor', async () => (await import('./doctor.js')).doctor],
  ['demo', async () => (await import('./demo.js')).demo],
  ['inspect', async () => (await import('./inspect.js')).inspect],
  ['prune', async () => (await import('./prune.js')).prune],
  ['encode', async () => (await import('./encode.js')).encode],
  ['classify', async () => (await import('./classify.js')).classify],
  ['eval', async () => (await import('./eval.js')).evaluation],
  ['curve', async () => (await import('./curve.js')).curveCommand],
  ['heads', async () => (await import('./heads.js')).heads],
  ['bench', async () => (await import('./bench.js')).bench],
  ['tune', async () => (await import('./tune.js')).tune],
  ['cuda', async () => (await import('./cuda.js')).cuda],
  ['build', async () => (await import('./build.js')).build],
])

/** Names that are fixed and not built yet. */
const laterNames = ['verify', 'quantise-study', 'tokens', 'estimate', 'diff', 'report', 'serve']

export const commandNames = [...table.keys()]

/** Whether the name is fixed, and its command not in this version. */
export function comesLater(name: string): boolean {
  return laterNames.includes(name)
}

export async function findCommand(name: string): Promise<Command | undefined> {
  return table.get(name)?.()
}

export async function allCommands(): Promise<Command[]> {
  return Promise.all([...table.values()].map((load) => load()))
}
