import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Row } from './results.js'

export type Command = {
  readonly file: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export type Ending = { readonly state: 'done' | 'failed' | 'stopped'; readonly reason: string }

/** Programs that run now. They are in groups of their own, which a terminal's Ctrl-C does not reach. */
const running = new Set<number>()
process.on('exit', () => {
  for (const pid of running) kill(pid)
})

/**
 * Runs a program whose JSON lines are rows; all else that it prints goes to `log`. When its time is over, it and what
 * it started are killed; rows that came before stay.
 */
export async function runCommand(
  command: Command,
  seconds: number,
  onRow: (row: Row) => void,
  log: (line: string) => void,
): Promise<Ending> {
  let failed = ''
  let said = ''
  const child = spawn(command.file, [...command.args], {
    env: { ...process.env, ...command.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  if (child.pid !== undefined) running.add(child.pid)
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => {
    const row = rowIn(line)
    if (row === undefined) log(line)
    else if (typeof row.failed === 'string') failed = row.failed
    else onRow(row)
  })
  const errors = createInterface({ input: child.stderr })
  errors.on('line', (line) => {
    log(line)
    if (line.trim() !== '') said = line.trim()
  })

  let stopped = false
  const timer = setTimeout(() => {
    stopped = true
    kill(child.pid)
  }, seconds * 1000)
  const ended = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (status, signal) => {
      resolve(status === 0 ? '' : signal === null ? `exit status ${status}` : `ended by ${signal}`)
    })
  })
  clearTimeout(timer)
  if (child.pid !== undefined) running.delete(child.pid)
  if (stopped) return { state: 'stopped', reason: `Its ${Math.round(seconds)} s were over.` }
  if (ended === '' && failed === '') return { state: 'done', reason: '' }
  return { state: 'failed', reason: failed || `${ended}${said && `: ${said}`}` }
}

/** The whole process group: what a step started ends with it. */
function kill(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended just now.
  }
}

function rowIn(line: string): Row | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line) as Row
  } catch {
    return undefined
  }
}
