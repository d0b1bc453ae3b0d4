import { TwofourError } from '../errors.js'
import { isJsonObject, type JsonObject } from '../json-file.js'

/** One stretch of a finished sequence: fixed special tokens, or the tokens of the first (A) or second (B) text. */
export type Part = { ids: readonly number[]; type: number } | { text: 'A' | 'B'; type: number }

/** How texts become a sequence: where special tokens stand, and each stretch's token type id. */
export type Template = { single: readonly Part[]; pair: readonly Part[] }

const bare: Template = {
  single: [{ text: 'A', type: 0 }],
  pair: [
    { text: 'A', type: 0 },
    { text: 'B', type: 1 },
  ],
}

/**
 * The template that `post_processor` of a tokenizer.json asks for. It is laid out here and not by the library,
 * which takes an empty second text for none and gives RoBERTa's second text type 1, where the reference gives 0.
 * @throws TwofourError TOKENIZER_INVALID
 */
export function readTemplate(processor: unknown): Template {
  if (processor === null || processor === undefined) return bare
  if (!isJsonObject(processor)) throw invalid('post_processor is not an object')
  switch (processor.type) {
    case 'TemplateProcessing': {
      const special = isJsonObject(processor.special_tokens) ? processor.special_tokens : {}
      return {
        single: readParts(processor.single, special, 'A') ?? bare.single,
        pair: readParts(processor.pair, special, 'AB') ?? bare.pair,
      }
    }
    case 'BertProcessing':
      return fixed(readNamed(processor.cls), readNamed(processor.sep), [], 1)
    case 'RobertaProcessing':
      return fixed(readNamed(processor.cls), readNamed(processor.sep), [readNamed(processor.sep)], 0)
    case 'ByteLevel':
      return bare
    case 'Sequence':
      return readSequence(processor.processors)
    default:
      throw invalid(`post_processor ${JSON.stringify(processor.type)} is not known`)
  }
}

/** How many special tokens the parts hold. */
export function countSpecial(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + ('ids' in part ? part.ids.length : 0), 0)
}

/**
 * How many tokens of each text stay when both must fit into `budget`: the rule `longest_first` of Hugging Face
 * tokenizers (truncate_encodings in tokenizers/src/utils/truncation.rs). The shorter text stays whole where it
 * fills at most half; else both are halved, and the odd token goes to the longer text, or to the second of equals.
 */
export function share(first: number, second: number, budget: number): [first: number, second: number] {
  if (first + second <= budget) return [first, second]
  const half = Math.floor(budget / 2)
  const short = Math.min(first, second, half)
  return first > second ? [budget - short, short] : [short, budget - short]
}

export type Assembled = { inputIds: number[]; tokenTypeIds: number[]; starts: { A: number; B: number } }

/** Lays out a finished sequence; `starts` says at which index each text's first token stands. */
export function assemble(parts: readonly Part[], a: readonly number[], b: readonly number[]): Assembled {
  const out: Assembled = { inputIds: [], tokenTypeIds: [], starts: { A: 0, B: 0 } }
  for (const part of parts) {
    if ('text' in part) out.starts[part.text] = out.inputIds.length
    for (const id of 'ids' in part ? part.ids : part.text === 'A' ? a : b) {
      out.inputIds.push(id)
      out.tokenTypeIds.push(part.type)
    }
  }
  return out
}

function fixed(cls: number, sep: number, between: readonly number[], second: number): Template {
  const single: Part[] = [
    { ids: [cls], type: 0 },
    { text: 'A', type: 0 },
    { ids: [sep], type: 0 },
  ]
  const tail: Part[] = [
    { ids: between, type: second },
    { text: 'B', type: second },
    { ids: [sep], type: second },
  ]
  return { single, pair: [...single, ...tail] }
}

function readSequence(processors: unknown): Template {
  if (!Array.isArray(processors)) throw invalid('post_processor.processors is not an array')
  const templates = processors.map((step) => readTemplate(step)).filter((template) => template !== bare)
  if (templates.length > 1) throw invalid('post_processor adds special tokens twice, which is not supported')
  return templates[0] ?? bare
}

function readParts(list: unknown, special: JsonObject, texts: 'A' | 'AB'): Part[] | undefined {
  if (list === undefined) return undefined
  if (!Array.isArray(list)) throw invalid('a template of post_processor is not an array')
  if (list.length === 0) return undefined
  const parts = list.map((item: unknown) => readPart(item, special))
  const found = parts.flatMap((part) => ('text' in part ? [part.text] : [])).sort()
  if (found.join('') !== texts) throw invalid(`a template of post_processor does not hold each text once`)
  return parts
}

function readPart(item: unknown, special: JsonObject): Part {
  const [kind, body] = isJsonObject(item) ? (Object.entries(item)[0] ?? []) : []
  if (!isJsonObject(body)) throw invalid('a part of a post_processor template is not an object')
  const type = body.type_id ?? 0
  if (!isId(type)) throw invalid('type_id of a post_processor template is not a whole number')
  if (kind === 'Sequence' && (body.id === 'A' || body.id === 'B')) return { text: body.id, type }
  if (kind !== 'SpecialToken' || typeof body.id !== 'string')
    throw invalid('a part of a post_processor template is not known')
  const entry = Object.hasOwn(special, body.id) ? special[body.id] : undefined
  const ids: unknown = isJsonObject(entry) ? entry.ids : undefined
  if (!Array.isArray(ids) || !ids.every(isId))
    throw invalid(`post_processor names ${JSON.stringify(body.id)} without an id`)
  return { ids, type }
}

function readNamed(value: unknown): number {
  const id: unknown = Array.isArray(value) ? value[1] : undefined
  if (!isId(id)) throw invalid('`cls` or `sep` of post_processor is not a token with its id')
  return id
}

function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function invalid(why: string): TwofourError {
  return new TwofourError('TOKENIZER_INVALID', `tokenizer.json: ${why}.`, { why })
}
