import { isJsonObject, type JsonObject } from '../json-file.js'
import {
  type AddedToken,
  type SpecialKey,
  specialKeys,
  specialToken,
  type TokenizerClass,
} from './classes.js'
import { invalidTokenizer, type SideFiles } from './side-files.js'

/** The special tokens by their role, and the tokens that tokenizer.json lacks or describes otherwise. */
export type TokenSettings = {
  readonly named: ReadonlyMap<SpecialKey, AddedToken>
  /** In the order in which they get ids, where they have none yet. */
  readonly toAdd: readonly AddedToken[]
}

/**
 * What tokenizer_config.json, special_tokens_map.json and added_tokens.json say of tokens, by transformers' precedence:
 * `added_tokens_decoder` describes every added token; without it special_tokens_map.json goes before
 * tokenizer_config.json, and tokenizer.json before added_tokens.json. A special token that is in none of them is added.
 * @param json the tokenizer.json
 * @throws TwofourError TOKENIZER_INVALID
 */
export function settleTokens(json: JsonObject, side: SideFiles, like: TokenizerClass): TokenSettings {
  const own = readList(json.added_tokens)
  const named = readNamed(side, like)
  const names = new Set([...named.values()].map(({ content }) => content))
  const described = readDescribed(own, side, names)

  const known = new Map(own.map(({ token }) => [token.content, token]))
  const toAdd = described
    .filter((token) => !same(known.get(token.content), token))
    .map((token) => (names.has(token.content) ? { ...token, special: true } : token))
  const there = new Set([...known.keys(), ...toAdd.map(({ content }) => content)])
  for (const token of [...named.values(), ...readAdditional(side, like)]) {
    if (there.has(token.content)) continue
    there.add(token.content)
    toAdd.push(token)
  }
  return { named, toAdd }
}

type Listed = { readonly id: number; readonly token: AddedToken }

/** The added tokens of a tokenizer.json, whose form the library checks. */
export function readList(list: unknown): Listed[] {
  if (!Array.isArray(list)) return []
  return list.flatMap((entry: unknown) => {
    if (!isJsonObject(entry) || typeof entry.content !== 'string') return []
    return [{ id: Number(entry.id), token: flagsOf(entry, entry.content) }]
  })
}

/** Every token that is described by id, ascending. */
function readDescribed(own: readonly Listed[], side: SideFiles, names: ReadonlySet<string>): AddedToken[] {
  const { config, added } = side
  const byId = new Map<number, AddedToken>()
  if (config.added_tokens_decoder !== undefined) {
    if (!isJsonObject(config.added_tokens_decoder)) {
      throw invalidTokenizer('tokenizer_config.json', '`added_tokens_decoder` is not an object')
    }
    for (const [id, entry] of Object.entries(config.added_tokens_decoder)) {
      if (!isJsonObject(entry) || typeof entry.content !== 'string' || !/^\d+$/.test(id)) {
        const field = `added_tokens_decoder[${JSON.stringify(id)}]`
        throw invalidTokenizer('tokenizer_config.json', `\`${field}\` is not a token with its \`content\``)
      }
      byId.set(Number(id), flagsOf(entry, entry.content))
    }
  } else {
    for (const [content, id] of Object.entries(added)) {
      if (typeof id !== 'number') {
        throw invalidTokenizer('added_tokens.json', `the id of ${JSON.stringify(content)} is not a number`)
      }
      const special = names.has(content)
      byId.set(id, specialToken(content, { special, normalized: !special }))
    }
    for (const { id, token } of own) byId.set(id, token)
  }
  return [...byId].sort(([a], [b]) => a - b).map(([, token]) => token)
}

function readNamed({ config, map }: SideFiles, like: TokenizerClass): Map<SpecialKey, AddedToken> {
  const sources = config.added_tokens_decoder === undefined ? [map, config] : [config]
  const named = new Map<SpecialKey, AddedToken>()
  for (const key of specialKeys) {
    const source = sources.find((each) => Object.hasOwn(each, key))
    const token = source === undefined ? like.special[key] : readToken(key, source[key])
    if (token !== undefined) named.set(key, token)
  }
  return named
}

function readAdditional({ config, map }: SideFiles, like: TokenizerClass): AddedToken[] {
  const sources = config.added_tokens_decoder === undefined ? [config, map] : [config]
  const valuesOf = (key: string): unknown[] => sources.map((source) => source[key])
  const listsOf = (key: string): unknown[][] => valuesOf(key).filter((list) => Array.isArray(list))
  // Named ones come beside a list; of two lists the newer key's counts.
  const byName = valuesOf('extra_special_tokens').filter(isJsonObject).flatMap(Object.values)
  const newer = listsOf('extra_special_tokens').flat()
  const lists = newer.length > 0 ? [newer] : listsOf('additional_special_tokens')
  const listed = [...byName, ...(lists.length === 0 ? like.additional : lists.flat())]
  return listed.flatMap((value: unknown) => readToken('additional_special_tokens', value) ?? [])
}

/** A token's name, or an object with its flags; null is none. */
function readToken(key: string, value: unknown): AddedToken | undefined {
  if (value === null) return undefined
  if (typeof value === 'string') return specialToken(value)
  if (isJsonObject(value) && typeof value.content === 'string') {
    return { ...flagsOf(value, value.content), special: true }
  }
  throw invalidTokenizer('tokenizer_config.json or special_tokens_map.json', `\`${key}\` is not a token`)
}

function flagsOf(entry: JsonObject, content: string): AddedToken {
  const special = entry.special === true
  return {
    content,
    special,
    normalized: typeof entry.normalized === 'boolean' ? entry.normalized : !special,
    lstrip: entry.lstrip === true,
    rstrip: entry.rstrip === true,
    singleWord: entry.single_word === true,
  }
}

function same(one: AddedToken | undefined, other: AddedToken): boolean {
  return (
    one !== undefined &&
    one.special === other.special &&
    one.normalized === other.normalized &&
    one.lstrip === other.lstrip &&
    one.rstrip === other.rstrip &&
    one.singleWord === other.singleWord
  )
}
