/**
 * A generator that also gives up what it was made from where nobody ever asks it for anything: its own `finally` runs
 * only once it has begun.
 */
export function closing<T>(
  made: AsyncGenerator<T, void, undefined>,
  close: () => Promise<void>,
): AsyncGenerator<T, void, undefined> {
  let begun = false
  const end = async () => {
    if (!begun) await close()
    begun = true
  }
  return {
    next() {
      begun = true
      return made.next()
    },
    async return() {
      await end()
      return made.return()
    },
    async throw(error) {
      await end()
      return made.throw(error)
    },
    async [Symbol.asyncDispose]() {
      await end()
      await made.return()
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
