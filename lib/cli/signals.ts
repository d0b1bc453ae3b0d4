import { TwofourError } from '../index.js'

/** Why work was stopped from outside, and the exit status that goes with it. */
export class Stopped extends Error {
  override readonly name = 'Stopped'
  readonly status: number

  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

/** 128 + the signal's number, as shells have it. */
const statuses = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/**
 * Aborts `controller` on SIGINT, SIGTERM and SIGHUP, so that the work cleans up after itself; a second signal ends
 * the process at once.
 */
export function stopOnSignals(controller: AbortController): void {
  for (const [name, status] of Object.entries(statuses)) {
    process.on(name, () => {
      // 'exit' listeners of the library remove what is half written.
      if (controller.signal.aborted) process.exit(status)
      controller.abort(new Stopped(`Stopped by ${name}.`, status))
    })
  }
}

/** Ends the work when stdout can take no more; a lost stderr stops nothing. */
export function stopOnClosedStdout(controller: AbortController): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => controller.abort(stdoutFailure(error)))
  process.stderr.on('error', () => {})
}

/** That the reader has gone, as `head` goes, is no failure: the work ends quietly. */
export function stdoutFailure(error: NodeJS.ErrnoException): Error {
  if (error.code === 'EPIPE') return new Stopped('', 0)
  return new TwofourError(
    'FILE_UNWRITABLE',
    `Cannot write to stdout: ${error.message}.`,
    {},
    { cause: error },
  )
}
