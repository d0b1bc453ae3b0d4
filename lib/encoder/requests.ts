import type { EncoderHandle, RunRequest, RunResult } from '../../binding.js'
import { addon, native } from '../addon.js'
import { TwofourError } from '../errors.js'

/** The runs of one call, which takes one place of the queue however many of them are in flight. */
export type Lane = { inFlight: number }

type Limits = { readonly maxQueue: number; readonly maxWait: number }

/** The way from checked requests to one encoder's native queue, where those that wait are computed together. */
export class Requests {
  readonly #limits: Limits
  #handle: EncoderHandle | undefined
  #running = 0

  constructor(handle: EncoderHandle, limits: Limits) {
    this.#handle = handle
    this.#limits = limits
  }

  /** @throws TwofourError ENCODER_DISPOSED */
  get handle(): EncoderHandle {
    if (this.#handle === undefined) throw disposed()
    return this.#handle
  }

  /** @throws TwofourError ENCODER_DISPOSED, QUEUE_FULL; `signal.reason`; what the run throws */
  async submit(request: RunRequest, signal: AbortSignal | undefined, lane?: Lane): Promise<RunResult> {
    const { handle } = this
    const { maxWait } = this.#limits
    if (maxWait > 0) request.maxWait = maxWait
    const place = lane ?? { inFlight: 0 }
    if (place.inFlight === 0) this.#enter()
    place.inFlight++
    try {
      return await native((control) => addon().runEncoder(handle, request, control), { signal })
    } finally {
      place.inFlight--
      if (place.inFlight === 0) this.#running--
    }
  }

  dispose(): void {
    if (this.#handle !== undefined) addon().disposeEncoder(this.#handle)
    this.#handle = undefined
  }

  #enter(): void {
    const { maxQueue } = this.#limits
    if (this.#running >= maxQueue) {
      throw new TwofourError(
        'QUEUE_FULL',
        `${this.#running} runs are waiting already (maxQueue). Wait for some, or raise maxQueue.`,
        { maxQueue },
      )
    }
    this.#running++
  }
}

export function disposed(): TwofourError {
  return new TwofourError('ENCODER_DISPOSED', 'This encoder was disposed. Load it again to use it.')
}
