import type { Terminal } from './command.js'
import { stdoutFailure } from './signals.js'

/**
 * Where results and remarks go. Results: stdout. Remarks: stderr. With --json stdout gets exactly one value, by
 * `value`.
 */
export class Output {
  /** --json was given. */
  readonly json: boolean
  readonly #terminal: Terminal
  readonly #signal: AbortSignal
  readonly #clear: () => void

  /** @param clear wipes the progress bar away, before anything is written */
  constructor(terminal: Terminal, json: boolean, signal: AbortSignal, clear: () => void = () => {}) {
    this.json = json
    this.#terminal = terminal
    this.#signal = signal
    this.#clear = clear
  }

  /** The one JSON value, on a line. Call it last: after it nothing may fail. */
  async value(value: unknown): Promise<void> {
    await this.#write(`${JSON.stringify(value)}\n`)
  }

  /** Text for people, or lines of JSON. Waits where the reader is slow. */
  async print(text: string): Promise<void> {
    await this.#write(text.endsWith('\n') ? text : `${text}\n`)
  }

  /** One value with --json, else text. */
  async result(value: unknown, text: () => string): Promise<void> {
    await (this.json ? this.value(value) : this.print(text()))
  }

  /** A remark beside the result. */
  note(sentence: string): void {
    this.#clear()
    this.#terminal.stderr.write(`${sentence}\n`)
  }

  /** Waits until the text is gone: a slow reader holds up the work, and a full disk is noticed. */
  async #write(text: string): Promise<void> {
    this.#signal.throwIfAborted()
    this.#clear()
    await new Promise<void>((resolve, reject) => {
      this.#terminal.stdout.write(text, (error?: NodeJS.ErrnoException | null) => {
        if (error) reject(stdoutFailure(error))
        else resolve()
      })
    })
  }
}
