import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/** Where 'twofour' is, for programs that are given as text. */
export const twofourUrl: string = pathToFileURL(createRequire(import.meta.url).resolve('twofour')).href

export type ChildEnd = {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs an ES module as a program of its own, with `Encoder` imported and these variables set. One that hangs is killed after a minute,
 * which `signal` shows.
 */
export function runChild(
  source: string,
  args: readonly string[] = [],
  nodeArguments: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<ChildEnd> {
  const program = `import { Encoder } from ${JSON.stringify(twofourUrl)}\n${source}`
  const argv = [...nodeArguments, '--input-type=module', '-e', program, '--', ...args]
  return new Promise((resolve) => {
    const env = { ...process.env, ...environment }
    execFile(process.execPath, argv, { timeout: 60_000, env }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null
      resolve({ code, signal: error?.signal ?? null, stdout, stderr })
    })
  })
}
