import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { watchSignal } from '../abort.js'
import { TwofourError } from '../errors.js'
import { type Reply, revivedError, type Start } from './messages.js'
import { type PackedTexts, packedPart, type Text } from './packed.js'

/** Texts and characters of one message: about a millisecond of the event loop when its callers go on. */
const mostTexts = 64
const mostCharacters = 16_384
/** Messages on their way to one thread, so that it never waits for the event loop. */
const mostSent = 2
/** A thread that had nothing to do for so many milliseconds ends; the next text starts another. */
const idle = 30_000

/** Also from source: threads start without the loader that reads TypeScript. */
const compiled = new URL('../../dist/tokenizer/worker.js', import.meta.url)

type Job = {
  readonly texts: readonly Text[]
  readonly resolve: (packed: PackedTexts) => void
  readonly reject: (error: unknown) => void
}
type Thread = { readonly worker: Worker; readonly sent: Job[][] }

/** Tokenizers in threads of their own, for texts that would hold up the event loop. Threads start when needed. */
export class TokenizerWorkers {
  readonly #start: Start
  /** Tokenising is far faster than the model, and the cores are the model's. */
  readonly #most = Math.min(4, Math.max(1, availableParallelism() >> 2))
  readonly #threads = new Set<Thread>()
  #waiting: Job[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(start: Start) {
    this.#start = start
  }

  /**
   * Texts of several calls travel together; each call has its own error.
   * @throws what `Tokenizer.open` and `encode` throw; `signal.reason`; TwofourError OUT_OF_MEMORY, INTERNAL
   */
  async tokenize(texts: readonly Text[], signal?: AbortSignal): Promise<PackedTexts> {
    const tokenized = new Promise<PackedTexts>((resolve, reject) => {
      this.#waiting.push({ texts, resolve, reject })
    })
    const job = this.#waiting.at(-1)!
    const unwatch = signal && watchSignal(signal, () => this.#withdraw(job, signal.reason))
    this.#send()
    try {
      return await tokenized
    } finally {
      unwatch?.()
    }
  }

  /** Ends the threads. What waits is rejected with `reason`. */
  end(reason: unknown): void {
    for (const { reject } of this.#waiting) reject(reason)
    this.#waiting = []
    for (const thread of this.#threads) this.#drop(thread, reason)
    clearTimeout(this.#timer)
  }

  #withdraw(job: Job, reason: unknown): void {
    this.#waiting = this.#waiting.filter((other) => other !== job)
    job.reject(reason)
  }

  #send(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#free()
      if (thread === undefined) return
      const jobs = this.#takeJobs()
      thread.sent.push(jobs)
      // While it has work the process must not end for want of anything else.
      thread.worker.ref()
      thread.worker.postMessage(jobs.flatMap(({ texts }) => texts))
    }
  }

  #free(): Thread | undefined {
    const [first] = [...this.#threads].sort((a, b) => a.sent.length - b.sent.length)
    if (first !== undefined && first.sent.length < mostSent) return first
    return this.#threads.size < this.#most ? this.#startThread() : undefined
  }

  #takeJobs(): Job[] {
    let texts = 0
    let characters = 0
    let count = 0
    for (const job of this.#waiting) {
      texts += job.texts.length
      characters += charactersOf(job.texts)
      if (count > 0 && (texts > mostTexts || characters > mostCharacters)) break
      count++
    }
    return this.#waiting.splice(0, count)
  }

  #startThread(): Thread {
    const worker = new Worker(compiled, {
      name: 'twofour tokenizer',
      workerData: this.#start,
      // Flags of this process (a program as text, a loader) are not for the thread.
      execArgv: [],
    })
    const thread: Thread = { worker, sent: [] }
    this.#threads.add(thread)
    worker.on('message', (reply: Reply) => this.#receive(thread, reply))
    worker.on('error', (error) => this.#drop(thread, failed(error)))
    worker.on('exit', (code) => this.#drop(thread, failed(new Error(`it ended with status ${code}`))))
    return thread
  }

  #receive(thread: Thread, { packed, failures }: Reply): void {
    const jobs = thread.sent.shift()
    // The next texts go out before the callers of these go on.
    this.#send()
    if (thread.sent.length === 0) thread.worker.unref()
    this.#restTimer()
    let begin = 0
    for (const { texts, resolve, reject } of jobs ?? []) {
      const end = begin + texts.length
      const failure = failures.find(([text]) => text >= begin && text < end)
      if (failure === undefined) resolve(packedPart(packed, begin, end))
      else reject(revivedError(failure[1]))
      begin = end
    }
  }

  #drop(thread: Thread, reason: unknown): void {
    if (!this.#threads.delete(thread)) return
    for (const job of thread.sent.flat()) job.reject(reason)
    thread.worker.unref()
    void thread.worker.terminate()
    this.#send()
  }

  #restTimer(): void {
    clearTimeout(this.#timer)
    const end = () => {
      if ([...this.#threads].every(({ sent }) => sent.length === 0)) this.end(undefined)
    }
    this.#timer = setTimeout(end, idle).unref()
  }
}

export function charactersOf(texts: readonly Text[]): number {
  let characters = 0
  for (const text of texts)
    characters += typeof text === 'string' ? text.length : text[0].length + text[1].length
  return characters
}

function failed(cause: unknown): TwofourError {
  const { code, message } = cause as NodeJS.ErrnoException
  return code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? new TwofourError('OUT_OF_MEMORY', `Tokenising ran out of memory: ${message}.`, {}, { cause })
    : new TwofourError('INTERNAL', `The tokenizer's thread failed: ${message}.`, {}, { cause })
}
