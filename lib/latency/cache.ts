import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { EncoderSpec } from '../architecture/spec.js'
import { writeFileDurably } from '../checkpoint/durable.js'
import { TwofourError } from '../errors.js'
import type { LatencySettings } from './options.js'
import { checkTable, type LatencyTable } from './table.js'

/** What is the same for all models whose layers have the same sizes. */
export type LayerTimes = Pick<LatencyTable, 'heads' | 'neurons' | 'matrices'>

/** A file of the user's cache directory, and what times depend on; none where nothing is kept. */
type Place = { readonly file: string; readonly key: string }

export function placeOf(
  { hidden, headSize, activation, relative }: EncoderSpec,
  { heads, neurons }: { readonly heads: number; readonly neurons: number },
  pattern: string,
  { batch, length, load }: LatencySettings,
): Place | undefined {
  if (load.tuning === undefined) return undefined
  const layer = `${hidden} hidden, ${heads} heads of ${headSize}, ${neurons} neurons, ${activation}${relative === null ? '' : ', relative'}`
  const work = `${load.dtype}, ${batch} of ${length} tokens, ${pattern}`
  const file = join(dirname(load.tuning.file), 'latency.json')
  return { file, key: `${load.tuning.key}, ${layer}, ${work}` }
}

/** A file that cannot be read as one is as good as empty. */
export async function keptTimes(place: Place | undefined): Promise<LayerTimes | undefined> {
  if (place === undefined) return undefined
  try {
    const kept = (await readCache(place.file))[place.key]
    if (kept === undefined) return undefined
    const rest = { device: 'x', dtype: 'x', threads: 0, batch: 1, length: 1, fixed: 0, dense: 0 }
    const { heads, neurons, matrices } = checkTable('times', { ...rest, ...(kept as object) })
    return { heads, neurons, matrices }
  } catch {
    return undefined
  }
}

/** A cache that cannot be written costs the next measurement its time, and a warning. */
export async function keepTimes(place: Place | undefined, times: LayerTimes): Promise<void> {
  if (place === undefined) return
  const cache = await readCache(place.file).catch(() => ({}))
  try {
    await writeFileDurably(place.file, `${JSON.stringify({ ...cache, [place.key]: times }, null, 1)}\n`)
  } catch (error) {
    if (!(error instanceof TwofourError)) throw error
    process.emitWarning(`${error.message} Latencies are measured again next time.`, {
      code: 'TWOFOUR_TUNING',
    })
  }
}

async function readCache(file: string): Promise<Record<string, unknown>> {
  const value: unknown = JSON.parse(await readFile(file, 'utf8'))
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
}
