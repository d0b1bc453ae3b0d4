import { describe } from '../check.js'
import { TwofourError } from '../errors.js'
import { isJsonObject, type JsonObject } from '../json-file.js'

/** A tokenizer.json of which `model` and `added_tokens` are checked; the steps are the library's to read. */
export type TokenizerJson = JsonObject & { model: JsonObject; added_tokens: readonly AddedToken[] }

type AddedToken = JsonObject & { id: number; content: string }

/** No published vocabulary comes near; without a bound a hostile id would make an array of billions. */
const largestVocab = 1 << 24

export function invalidTokenizer(file: string, why: string, cause?: unknown): TwofourError {
  return new TwofourError('TOKENIZER_INVALID', `${file}: ${why}.`, { file, why }, { cause })
}

/**
 * Checks what the library would take for granted.
 * @param modelVocab rows of the model's word embeddings
 * @throws TwofourError TOKENIZER_INVALID
 */
export function checkTokenizerJson(json: unknown, file: string, modelVocab = largestVocab): TokenizerJson {
  if (!isJsonObject(json)) throw invalidTokenizer(file, `expected a JSON object, got ${describe(json)}`)
  const { model, added_tokens: added = [] } = json
  if (!isJsonObject(model))
    throw invalidTokenizer(file, `expected \`model\` to be an object, got ${describe(model)}`)
  if (!Array.isArray(added))
    throw invalidTokenizer(file, `expected \`added_tokens\` to be an array, got ${describe(added)}`)

  const checkId = (token: string, id: unknown): void => {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0) {
      throw invalidTokenizer(
        file,
        `expected the id of token ${describe(token)} to be a whole number from 0, got ${describe(id)}`,
      )
    }
    if (id < modelVocab) return
    const bound = modelVocab === largestVocab ? 'the largest vocabulary read' : "the model's vocabulary"
    throw new TwofourError(
      'TOKENIZER_INVALID',
      `${file}: token ${describe(token)} has the id ${id}, beyond ${bound} of ${modelVocab} tokens. Use the tokenizer that was published with this model.`,
      { file, token, id, vocab: modelVocab },
    )
  }
  const checked = checkModel(model, file, checkId)
  const addedTokens = added.map((token: unknown): AddedToken => {
    if (!isJsonObject(token) || typeof token.content !== 'string' || token.content === '') {
      throw invalidTokenizer(
        file,
        `expected each of \`added_tokens\` to have a \`content\`, got ${describe(token)}`,
      )
    }
    checkId(token.content, token.id)
    return token as AddedToken
  })
  return { ...json, model: checked, added_tokens: addedTokens }
}

function checkModel(
  given: JsonObject,
  file: string,
  checkId: (token: string, id: unknown) => void,
): JsonObject {
  const { vocab } = given
  if (Array.isArray(vocab)) {
    for (const [id, entry] of vocab.entries()) {
      const [token, score] = Array.isArray(entry) ? entry : []
      if (typeof token !== 'string' || typeof score !== 'number') {
        throw invalidTokenizer(
          file,
          `expected \`model.vocab[${id}]\` to be a token with its score, got ${describe(entry)}`,
        )
      }
      checkId(token, id)
    }
  } else if (isJsonObject(vocab)) {
    for (const [token, id] of Object.entries(vocab)) checkId(token, id)
  } else {
    throw invalidTokenizer(
      file,
      `expected \`model.vocab\` to be an object or an array, got ${describe(vocab)}`,
    )
  }
  const model = { ...given, type: given.type ?? guessType(given) }
  const refusal = refuseModel(model, Array.isArray(vocab) ? vocab.length : undefined)
  if (refusal !== undefined) throw invalidTokenizer(file, refusal)
  return model.type === 'WordPiece' ? { continuing_subword_prefix: '##', ...model } : model
}

/** Files of the first releases do not name their model. */
function guessType(model: JsonObject): string {
  if (Array.isArray(model.vocab)) return 'Unigram'
  if (Array.isArray(model.merges)) return 'BPE'
  return 'continuing_subword_prefix' in model ? 'WordPiece' : 'WordLevel'
}

/** Why the library would go wrong over this model, or `undefined` where it would not. `scored`: tokens with a score. */
function refuseModel(model: JsonObject, scored: number | undefined): string | undefined {
  const {
    type,
    merges,
    unk_id: id = null,
    unk_token: unknown = null,
    continuing_subword_prefix: prefix = null,
  } = model
  if (type !== 'WordPiece' && type !== 'BPE' && type !== 'Unigram' && type !== 'WordLevel') {
    return `expected \`model.type\` to be WordPiece, BPE, Unigram or WordLevel, got ${describe(type)}`
  }
  if ((type === 'Unigram') !== (scored !== undefined))
    return `\`model.vocab\` has not the form of a ${type} model's`
  if (unknown !== null && typeof unknown !== 'string')
    return `expected \`model.unk_token\` to be a string, got ${describe(unknown)}`
  if (prefix !== null && typeof prefix !== 'string')
    return 'expected `model.continuing_subword_prefix` to be a string'
  if (type === 'WordPiece' && unknown === null) return 'expected `model.unk_token` to be a string, got none'
  if (type === 'BPE' && !(Array.isArray(merges) && merges.every(isMerge))) {
    return 'expected `model.merges` to be an array of pairs of tokens'
  }
  if (type === 'BPE' && prefix) return 'a BPE model with `continuing_subword_prefix` is not supported'
  if (type !== 'Unigram') return undefined
  if (model.byte_fallback === true) return 'a Unigram model with `byte_fallback` is not supported'
  if (scored === 0) return 'expected `model.vocab` to hold tokens, got none'
  const known = id === null || (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < scored!)
  return known
    ? undefined
    : `expected \`model.unk_id\` to be an index in \`model.vocab\`, got ${describe(id)}`
}

function isMerge(merge: unknown): boolean {
  if (typeof merge === 'string') return merge.includes(' ')
  return Array.isArray(merge) && merge.length === 2 && merge.every((token) => typeof token === 'string')
}
