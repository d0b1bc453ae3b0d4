import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Progress, TwofourError } from '../index.js'
import { type Answer, type Answers, errorOf, type Request } from './messages.js'
import type { Subject } from './subject.js'

const program = fileURLToPath(new URL('./child.js', import.meta.url))

type Pending = { readonly resolve: (value: unknown) => void; readonly reject: (error: unknown) => void }

/**
 * A subject in a process of its own, so that neither its threads, nor its memory, nor what the compiler learnt from
 * it touches the others. The process ends by `close`, when `signal` fires, and with this one.
 */
export class SubjectProcess {
  readonly name: string
  readonly #child: ChildProcess
  readonly #signal: AbortSignal | undefined
  #pending: Pending | undefined
  #onProgress: ((progress: Progress) => void) | undefined
  readonly #ended: Promise<void>
  readonly #stop = () => void this.close()

  private constructor({ name, module }: Subject, signal: AbortSignal | undefined) {
    this.name = name
    this.#signal = signal
    // A loader of TypeScript is for modules that need it, and would only slow the start of the others.
    const execArgv = module.endsWith('.ts') ? process.execArgv : []
    // What it says of itself goes to stderr: stdout is for results.
    this.#child = fork(program, { execArgv, serialization: 'advanced', stdio: ['ignore', 2, 2, 'ipc'] })
    this.#child.on('message', (answer: Answer) => this.#take(answer))
    this.#child.on('error', (error) => this.#fail(error))
    this.#child.on('exit', (code, by) => this.#fail(this.#endedEarly(code, by)))
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', () => resolve())
      // What could not be started does not exit.
      this.#child.once('error', () => resolve())
    })
    signal?.addEventListener('abort', this.#stop, { once: true })
  }

  /** @throws what its `open` throws; `signal.reason` */
  static async start(
    subject: Subject,
    signal?: AbortSignal,
    onProgress?: (progress: Progress) => void,
  ): Promise<{ process: SubjectProcess; facts: Answers['open'] }> {
    signal?.throwIfAborted()
    const process = new SubjectProcess(subject, signal)
    process.#onProgress = onProgress
    try {
      const { module, settings } = subject
      return { process, facts: await process.ask({ kind: 'open', module, settings }) }
    } catch (error) {
      await process.close()
      throw error
    }
  }

  /** One request at a time. @throws what the subject throws; TwofourError INTERNAL where its process ended */
  ask<Kind extends Request['kind']>(
    request: Extract<Request, { readonly kind: Kind }>,
  ): Promise<Answers[Kind]> {
    return new Promise((resolve, reject) => {
      this.#pending = { resolve: (value) => resolve(value as Answers[Kind]), reject }
      if (this.#signal?.aborted) return this.#fail(this.#signal.reason)
      this.#child.send(request, (error) => {
        if (error !== null) this.#fail(error)
      })
    })
  }

  /** Ends the process, and resolves when it has ended. Idempotent. */
  async close(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#stop)
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  #take(answer: Answer): void {
    if ('progress' in answer) {
      this.#onProgress?.(answer.progress)
      return
    }
    const pending = this.#pending
    this.#pending = undefined
    if ('error' in answer) pending?.reject(errorOf(answer.error))
    else pending?.resolve(answer.value)
  }

  #fail(error: unknown): void {
    this.#pending?.reject(this.#signal?.aborted ? this.#signal.reason : error)
    this.#pending = undefined
  }

  #endedEarly(code: number | null, by: string | null): TwofourError {
    const how = by === null ? `with status ${code}` : `by ${by}`
    const hint = by === 'SIGKILL' ? ' The system does so where memory runs out: compare fewer.' : ''
    return new TwofourError('INTERNAL', `The process of ${this.name} ended ${how}.${hint}`, {
      subject: this.name,
    })
  }
}
