import { describe } from '../check.js'
import { isJsonObject, type JsonObject } from '../json-file.js'
import { checkCharsmap } from './charsmap.js'
import { examine, longestText } from './regex-safety.js'
import { invalidTokenizer } from './side-files.js'

/**
 * Refuses what the library would end the process over instead of throwing: it panics, and a panic cannot cross into
 * Node. To be called before the library sees the file.
 * @throws TwofourError TOKENIZER_INVALID
 */
export function checkSafe(json: JsonObject, file: string): void {
  for (const step of stepsOf(json)) {
    const why = refuseStep(step)
    if (why !== undefined) throw invalidTokenizer(file, why)
  }
  const why = refuseMerges(json.model)
  if (why !== undefined) throw invalidTokenizer(file, why)
}

function refuseStep(step: JsonObject): string | undefined {
  switch (step.type) {
    case 'Precompiled': {
      const table = step.precompiled_charsmap
      return typeof table === 'string' ? checkCharsmap(table) : '`precompiled_charsmap` is not a string'
    }
    case 'Replace':
      return isJsonObject(step.pattern) && step.pattern.String === ''
        ? 'Replace looks for no text'
        : undefined
    case 'FixedLength':
      return step.length === 0 ? 'FixedLength cuts pieces of no characters' : undefined
    default:
      return undefined
  }
}

/** The library cuts the prefix off the second token of a merge without looking. */
function refuseMerges(model: unknown): string | undefined {
  if (!isJsonObject(model) || !Array.isArray(model.merges)) return undefined
  const prefix = model.continuing_subword_prefix
  if (typeof prefix !== 'string' || prefix === '') return undefined
  const length = Buffer.byteLength(prefix)
  for (const merge of model.merges as unknown[]) {
    const second: unknown = typeof merge === 'string' ? merge.split(' ')[1] : Array.isArray(merge) && merge[1]
    if (typeof second !== 'string') continue
    const bytes = Buffer.from(second)
    if (bytes.length < length || ((bytes[length] ?? 0) & 0xc0) === 0x80) {
      return `the merge ${describe(merge)} is shorter than the prefix ${describe(prefix)} of its second token`
    }
  }
  return undefined
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
    const why = await slowOrEmpty(regex, step.type === 'Replace')
    if (why !== undefined) {
      const fix = 'Save it with an expression in which no repetition stands in another'
      throw invalidTokenizer(file, `the regular expression ${describe(regex)} ${why}. ${fix}`)
    }
    longest = Math.min(longest, longestText(regex))
  }
  return longest
}

/** What is replaced must be some text. */
async function slowOrEmpty(regex: string, replaced: boolean): Promise<string | undefined> {
  const found = await examine(regex)
  return found.slow ?? (replaced && found.empty ? 'matches no text, which cannot be replaced' : undefined)
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
