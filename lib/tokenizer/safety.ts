import { describe } from '../check.js'
import { isJsonObject, type JsonObject } from '../json-file.js'
import { checkCharsmap } from './charsmap.js'
import { backtracking, longestText } from './regex-safety.js'
import { invalidTokenizer } from './side-files.js'

/**
 * Refuses a SentencePiece table over which the library would end the process instead of throwing: it panics, and a
 * panic cannot cross into Node. To be called before the library sees the file.
 * @throws TwofourError TOKENIZER_INVALID
 */
export function checkTables(json: JsonObject, file: string): void {
  for (const step of stepsOf(json)) {
    if (!('precompiled_charsmap' in step)) continue
    const map = step.precompiled_charsmap
    const why = typeof map === 'string' ? checkCharsmap(map) : '`precompiled_charsmap` is not a string'
    if (why !== undefined) throw invalidTokenizer(file, why)
  }
}

/**
 * Refuses regular expressions that some text takes too far back, for the same reason. Returns the longest text, in
 * characters, that the others surely match within their bound.
 * @throws TwofourError TOKENIZER_INVALID
 */
export async function checkRegexes(json: JsonObject, file: string): Promise<number> {
  let longest = Number.POSITIVE_INFINITY
  for (const step of stepsOf(json)) {
    const regex = isJsonObject(step.pattern) ? step.pattern.Regex : undefined
    if (typeof regex !== 'string') continue
    const why = await backtracking(regex)
    if (why !== undefined) {
      const fix = 'Save it with an expression in which no repetition stands in another'
      throw invalidTokenizer(file, `the regular expression ${describe(regex)} ${why}. ${fix}`)
    }
    longest = Math.min(longest, longestText(regex))
  }
  return longest
}

/** Every object with a `type` at any depth of the steps. */
function* stepsOf({ normalizer, pre_tokenizer, post_processor, decoder }: JsonObject): Generator<JsonObject> {
  const open: unknown[] = [normalizer, pre_tokenizer, post_processor, decoder]
  while (open.length > 0) {
    const value = open.pop()
    if (Array.isArray(value)) open.push(...(value as unknown[]))
    if (!isJsonObject(value)) continue
    if (typeof value.type === 'string') yield value
    open.push(...Object.values(value))
  }
}
