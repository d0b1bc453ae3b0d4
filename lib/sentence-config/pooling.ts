import { join } from 'node:path'
import type { JsonObject } from '../json-file.js'
import { readJsonObject } from '../json-file.js'
import { flagOf, invalid, type ReadLog } from './read-log.js'

/** How a sequence's token vectors become one. */
export const poolingModes = ['mean', 'cls', 'max', 'meanSqrtLength', 'lastToken', 'weightedMean'] as const
export type PoolingMode = (typeof poolingModes)[number]

export type PoolingConfig = {
  /** Several stand side by side. */
  readonly poolings: readonly PoolingMode[]
  /** Whether the tokens of a prompt are pooled, too. */
  readonly includePrompt: boolean
  /** The first key that the reference does not know, and refuses. */
  readonly unknownKey?: string
}

/** The words of newer files. */
const modeNames = new Map<unknown, PoolingMode>([
  ['cls', 'cls'],
  ['max', 'max'],
  ['mean', 'mean'],
  ['mean_sqrt_len_tokens', 'meanSqrtLength'],
  ['weightedmean', 'weightedMean'],
  ['lasttoken', 'lastToken'],
])

/** The flags of older files, in the order in which the reference puts the vectors of several side by side. */
const modeFlags: readonly (readonly [key: string, mode: PoolingMode])[] = [
  ['pooling_mode_cls_token', 'cls'],
  ['pooling_mode_max_tokens', 'max'],
  ['pooling_mode_mean_tokens', 'mean'],
  ['pooling_mode_mean_sqrt_len_tokens', 'meanSqrtLength'],
  ['pooling_mode_weightedmean_tokens', 'weightedMean'],
  ['pooling_mode_lasttoken', 'lastToken'],
]

const sizes = ['embedding_dimension', 'word_embedding_dimension']

/**
 * config.json of a Pooling module's folder.
 * @throws TwofourError CHECKPOINT_INVALID_CONFIG, FILE_UNREADABLE
 */
export async function readPooling(folder: string, log: ReadLog): Promise<PoolingConfig> {
  const file = join(folder, 'config.json')
  const config = await readJsonObject(file, 'CHECKPOINT_INVALID_CONFIG')
  if (config === undefined)
    throw invalid(file, 'config.json', "the pooling module's configuration", undefined)
  log.opened(file)

  const poolings = Object.hasOwn(config, 'pooling_mode')
    ? namedModes(file, config.pooling_mode, log)
    : flaggedModes(file, config, log)
  const includePrompt = readIncludePrompt(file, config, log)
  for (const key of sizes) {
    if (key in config) log.ignore(file, key, 'vectors are as wide as the encoder makes them')
  }
  const known = ['pooling_mode', 'include_prompt', ...sizes, ...modeFlags.map(([key]) => key)]
  const unknownKey = Object.keys(config).find((key) => !known.includes(key))
  return { poolings, includePrompt, ...(unknownKey !== undefined && { unknownKey }) }
}

function namedModes(file: string, value: unknown, log: ReadLog): PoolingMode[] {
  const list: unknown[] = Array.isArray(value) ? value : [value]
  if (list.length === 0) throw invalid(file, 'pooling_mode', 'a pooling mode or several', value)
  const modes = list.map((name) => {
    const mode = modeNames.get(name)
    if (mode !== undefined) return mode
    throw invalid(file, 'pooling_mode', `one or several of ${[...modeNames.keys()].join(', ')}`, name)
  })
  log.key(file, 'pooling_mode', value, effectOf(modes))
  return modes
}

function flaggedModes(file: string, config: JsonObject, log: ReadLog): PoolingMode[] {
  const chosen = modeFlags.filter(([key]) => flagOf(file, key, config[key], false))
  const modes = chosen.length === 0 ? (['mean'] as const) : chosen.map(([, mode]) => mode)
  for (const [key] of chosen) log.key(file, key, true, effectOf(modes))
  return [...modes]
}

function effectOf(modes: readonly PoolingMode[]): string {
  return modes.length === 1 ? `pooling by '${modes[0]}'` : `poolings ${modes.join(', ')} side by side`
}

function readIncludePrompt(file: string, config: JsonObject, log: ReadLog): boolean {
  const value = config.include_prompt
  // The reference takes null for false.
  if (value === null) throw invalid(file, 'include_prompt', 'true or false', value)
  const include = flagOf(file, 'include_prompt', value, true)
  if (!include) log.key(file, 'include_prompt', false, "a prompt's tokens are not pooled")
  return include
}
