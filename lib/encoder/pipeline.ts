import { setImmediate } from 'node:timers/promises'
import { watchSignal } from '../abort.js'

type Entry<R> = { readonly promise: Promise<R>; settled: boolean }

/**
 * The results of `work` over what `source` gives, in its order, with at most `ahead` of them started and not yet
 * taken. An error comes in its place, after the results before it. Whoever stops taking (return, throw) or fires
 * `signal` stops the rest by the signal that `work` is given, and closes the source.
 * @throws what the source or `work` throws; `signal.reason`
 */
export async function* inOrder<T, R>(
  source: AsyncIterator<T>,
  ahead: number,
  work: (item: T, signal: AbortSignal) => Promise<R>,
  signal: AbortSignal | undefined,
): AsyncGenerator<R, void, undefined> {
  const stop = new AbortController()
  const started: Entry<R>[] = []
  let pulling: Promise<void> | undefined
  let ended = false
  let wake = () => {}

  const start = (promise: Promise<R>) => {
    const entry = { promise, settled: false }
    const settle = () => {
      entry.settled = true
      wake()
    }
    promise.then(settle, settle)
    started.push(entry)
  }
  const pull = async () => {
    try {
      const { done, value } = await source.next()
      if (done === true) ended = true
      else if (!stop.signal.aborted) start(work(value, stop.signal))
    } catch (error) {
      ended = true
      start(Promise.reject(error))
    }
    pulling = undefined
    wake()
  }

  const unwatch =
    signal &&
    watchSignal(signal, () => {
      stop.abort(signal.reason)
      wake()
    })
  try {
    for (;;) {
      signal?.throwIfAborted()
      if (!ended && started.length < ahead) pulling ??= pull()
      if (started[0]?.settled) yield await started.shift()!.promise
      else if (started.length > 0 || pulling !== undefined) await new Promise<void>((go) => (wake = go))
      else return
    }
  } finally {
    unwatch?.()
    stop.abort()
    // A source that is being asked closes when it has answered, which may be never: a turn is enough for most.
    const closed = ended ? undefined : source.return?.()
    if (pulling === undefined) await closed
    else await Promise.race([closed?.catch(() => {}), setImmediate()])
  }
}
