type Watched = { readonly callbacks: Set<() => void>; readonly fire: () => void }

const watched = new WeakMap<AbortSignal, Watched>()

/**
 * Calls `callback` when `signal` fires. However many watch a signal, it has one listener: above ten Node warns of a
 * leak, and one signal for hundreds of runs is usual.
 * @returns what ends the watching
 */
export function watchSignal(signal: AbortSignal, callback: () => void): () => void {
  const { callbacks, fire } = watched.get(signal) ?? startWatching(signal)
  callbacks.add(callback)
  return () => {
    callbacks.delete(callback)
    if (callbacks.size > 0) return
    signal.removeEventListener('abort', fire)
    watched.delete(signal)
  }
}

function startWatching(signal: AbortSignal): Watched {
  const callbacks = new Set<() => void>()
  const fire = () => {
    for (const callback of callbacks) callback()
  }
  signal.addEventListener('abort', fire)
  const made = { callbacks, fire }
  watched.set(signal, made)
  return made
}
