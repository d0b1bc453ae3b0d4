import { spawn } from 'node:child_process'
import { TwofourError } from '../index.js'

export type ToolOptions = {
  cwd?: string
  signal?: AbortSignal | undefined
  /** Each line of the tool's output, as it comes. */
  onLine?: ((line: string) => void) | undefined
}

/** What a tool left: its exit status and all it wrote, both streams together. */
export type ToolResult = { status: number; log: string }

/**
 * Runs a program to its end.
 * @throws TwofourError BUILD_FAILED with `missing` when there is no such program; `signal.reason` when aborted.
 */
export async function runTool(
  command: string,
  args: readonly string[],
  missing: string,
  options: ToolOptions = {},
): Promise<ToolResult> {
  const { cwd, signal, onLine } = options
  signal?.throwIfAborted()
  const child = spawn(command, args, { cwd, signal, stdio: ['ignore', 'pipe', 'pipe'] })

  let log = ''
  let line = ''
  const take = (text: string) => {
    log += text
    const lines = (line + text).split('\n')
    line = lines.pop() ?? ''
    for (const whole of lines) onLine?.(whole)
  }
  child.stdout.setEncoding('utf8').on('data', take)
  child.stderr.setEncoding('utf8').on('data', take)

  return new Promise((resolve, reject) => {
    child.once('close', (status) => {
      if (line !== '') onLine?.(line)
      if (!signal?.aborted) resolve({ status: status ?? 1, log })
    })
    child.once('error', (cause) => {
      if (signal?.aborted) reject(signal.reason)
      else reject(new TwofourError('BUILD_FAILED', missing, { command }, { cause }))
    })
  })
}

/** The last lines of a log, for a message. */
export function tail(log: string, lines = 25): string {
  return log.trimEnd().split('\n').slice(-lines).join('\n')
}
