import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { TwofourError } from '../errors.js'

export type Wanted = { readonly url: string; readonly bytes: number; readonly sha256: string }

export type FetchOptions = {
  readonly signal?: AbortSignal | undefined
  readonly onBytes?: ((done: number) => void) | undefined
}

/**
 * Fetches a file whose size and hash are known into `target`.
 * @throws TwofourError DOWNLOAD_FAILED, DOWNLOAD_MISMATCH; `signal.reason`
 */
export async function fetchFile(wanted: Wanted, target: string, options: FetchOptions = {}): Promise<void> {
  const { signal, onBytes } = options
  const { url, bytes, sha256 } = wanted
  const hash = createHash('sha256')
  const handle = await open(target, 'w')
  let done = 0
  try {
    for await (const chunk of body(await request(url, signal), url, signal)) {
      done += chunk.length
      if (done > bytes) break
      hash.update(chunk)
      await handle.writeFile(chunk)
      onBytes?.(done)
    }
  } finally {
    await handle.close()
  }
  const found = hash.digest('hex')
  if (done === bytes && found === sha256) return
  const difference =
    done === bytes ? `has the sha256 ${found}` : `has ${done > bytes ? 'more' : 'fewer'} bytes`
  throw new TwofourError(
    'DOWNLOAD_MISMATCH',
    `Expected ${url} to be ${bytes} bytes with the sha256 ${sha256}, but it ${difference}. Nothing was installed; try again, or from another --index.`,
    { url, bytes: done, sha256: found },
  )
}

async function request(url: string, signal: AbortSignal | undefined): Promise<Response> {
  try {
    const response = await fetch(url, signal === undefined ? {} : { signal })
    if (response.ok) return response
    await response.body?.cancel()
    throw failed(url, `the server answered ${response.status} ${response.statusText}`.trimEnd())
  } catch (error) {
    throw asFailure(error, url, signal)
  }
}

async function* body(response: Response, url: string, signal: AbortSignal | undefined) {
  try {
    if (response.body !== null) yield* response.body
  } catch (error) {
    throw asFailure(error, url, signal)
  }
}

function asFailure(error: unknown, url: string, signal: AbortSignal | undefined): unknown {
  signal?.throwIfAborted()
  if (error instanceof TwofourError || !(error instanceof Error)) return error
  // fetch says only "fetch failed"; its cause has the reason.
  const { cause } = error
  return failed(url, cause instanceof Error && cause.message !== '' ? cause.message : error.message, error)
}

function failed(url: string, why: string, cause?: Error): TwofourError {
  const message = `Cannot fetch ${url}: ${why}. Look at the network, or name another --index.`
  return new TwofourError('DOWNLOAD_FAILED', message, { url }, { cause })
}
