import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'

export type Ran = { readonly status: number | null; readonly stdout: string; readonly stderr: string }

export const demoModel = join(import.meta.dirname, '..', 'models', 'demo', 'model')
export const demoPairs = join(import.meta.dirname, '..', 'models', 'demo', 'eval.tsv')
export const goldenRoot = join(import.meta.dirname, 'golden')

const main = join(import.meta.dirname, '..', 'dist', 'cli', 'main.js')

export type RunHere = {
  /** @default nothing */
  readonly stdin?: string | Uint8Array
  /** stdin is a terminal where nobody types. @default false */
  readonly terminal?: boolean
  readonly signal?: AbortSignal
}

/** Runs a command line in this process. */
export async function cli(words: readonly string[], options: RunHere = {}): Promise<Ran> {
  const [stdout, stderr] = [gathering(), gathering()]
  const stdin = Object.assign(Readable.from([options.stdin ?? '']), { isTTY: options.terminal })
  // A static import would go through the loader of the tests, and the commands' own lazy ones not: two of each class.
  const { runCommandLine } = await import('../dist/cli/run.js')
  const signal = options.signal ?? new AbortController().signal
  const status = await runCommandLine(words, { stdin, stdout: stdout.stream, stderr: stderr.stream }, signal)
  return { status, stdout: stdout.text(), stderr: stderr.text() }
}

/** The one JSON value of a command line that ends with `status`; throws with stderr where it does not. */
export async function json<T>(words: readonly string[], status = 0): Promise<T> {
  const ran = await cli([...words, '--json'])
  if (ran.status !== status) throw new Error(`exit status ${ran.status}: ${ran.stderr}`)
  return JSON.parse(ran.stdout) as T
}

/** Starts the compiled program. */
export function start(
  words: readonly string[],
  env: NodeJS.ProcessEnv = {},
  stdout: number | 'pipe' = 'pipe',
): ChildProcess {
  const stdio = ['pipe', stdout, 'pipe'] as const
  return spawn(process.execPath, [main, ...words], { env: { ...process.env, ...env }, stdio: [...stdio] })
}

/** Runs the compiled program to its end. */
export async function twofour(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const child = start(words, env)
  child.stdin!.end()
  return ended(child)
}

/** What a process says until it ends. A signal's death has no status. */
export async function ended(child: ChildProcess): Promise<Ran> {
  const texts = { stdout: '', stderr: '' }
  child.stdout?.on('data', (chunk) => {
    texts.stdout += chunk
  })
  child.stderr!.on('data', (chunk) => {
    texts.stderr += chunk
  })
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, ...texts }
}

function gathering() {
  let text = ''
  const stream = new Writable({
    write(chunk, _, done) {
      text += chunk
      done()
    },
  })
  return { stream, text: () => text }
}
