import { isJsonObject, type JsonObject } from '../json-file.js'

/**
 * Rewrites the steps of a tokenizer.json that @huggingface/tokenizers 0.2.0 does otherwise than the reference
 * (the Rust library) into steps that it does alike. What cannot be said alike is refused by a thrown Error.
 * Steps that are not named here, unknown ones included, go through as they are.
 */
export function rewriteNormalizer(step: unknown): unknown {
  if (!isJsonObject(step)) return step ?? null
  switch (step.type) {
    case 'Sequence':
      return { ...step, normalizers: each(step.normalizers, rewriteNormalizer) }
    case 'BertNormalizer':
      return rewriteBert(step)
    case 'Lowercase':
      return sequence([plainSigma, step])
    case 'Replace':
      return typeof step.content === 'string'
        ? { ...step, content: step.content.replaceAll('$', '$$$$') }
        : step
    default:
      return step
  }
}

/** @see rewriteNormalizer */
export function rewritePreTokenizer(step: unknown): unknown {
  if (!isJsonObject(step)) return step ?? null
  switch (step.type) {
    case 'Sequence':
      return preSequence(each(step.pretokenizers, rewritePreTokenizer))
    case 'ByteLevel':
      return step.use_regex === false ? step : rewriteByteLevel(step)
    case 'Metaspace':
      return rewriteMetaspace(step)
    case 'Whitespace':
      return keep('\\w+|[^\\w\\s]+')
    case 'WhitespaceSplit':
      return keep('\\S+')
    case 'Punctuation':
      return rewritePunctuation(step)
    case 'Split':
      return rewriteSplit(step)
    default:
      return step
  }
}

/** Puts a lower-casing step first, as sentence-transformers does for `do_lower_case`. */
export function lowerCaseFirst(normalizer: unknown): unknown {
  return sequence([{ type: 'Lowercase' }, normalizer])
}

/** The same steps with a blank put before every text, where a step is byte-level. */
export function prefixed(step: unknown): unknown {
  if (!isJsonObject(step)) return step
  if (step.type === 'Sequence') return { ...step, pretokenizers: each(step.pretokenizers, prefixed) }
  return step.type === 'ByteLevel' ? { ...step, add_prefix_space: true } : step
}

/** Whether any step, at any depth, is of this type. */
export function hasStep(step: unknown, type: string): boolean {
  if (!isJsonObject(step)) return false
  if (step.type === type) return true
  const inner: unknown = step.pretokenizers ?? step.normalizers
  return Array.isArray(inner) && inner.some((item) => hasStep(item, type))
}

// JavaScript lower-cases a word's last Σ to ς; the reference looks at one character at a time.
const plainSigma = { type: 'Replace', pattern: { String: 'Σ' }, content: 'σ' }

function rewriteBert(step: JsonObject): unknown {
  const steps: unknown[] = []
  // The library looks at UTF-16 units and so misses the ideographs beyond them. The ranges are the reference's.
  if (step.handle_chinese_chars !== false) {
    const far = '[\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]'
    steps.push({ type: 'Replace', pattern: { Regex: far }, content: ' $& ' })
  }
  if (step.lowercase !== false) steps.push(plainSigma)
  const defaults = { clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true }
  return sequence([...steps, { ...defaults, ...step }])
}

function rewriteByteLevel(step: JsonObject): unknown {
  // The reference's blanks are Unicode's; the library's own pattern has JavaScript's (U+FEFF in, U+0085 out).
  const words = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
  const prefix = { type: 'Replace', pattern: { Regex: '\\A[^ ]' }, content: ' $&' }
  return preSequence([
    ...(step.add_prefix_space === false ? [] : [prefix]),
    keep(words),
    { ...step, add_prefix_space: false, use_regex: false },
  ])
}

function rewriteMetaspace(step: JsonObject): unknown {
  const mark = typeof step.replacement === 'string' && step.replacement !== '' ? step.replacement : '▁'
  const prepend_scheme = step.prepend_scheme ?? (step.add_prefix_space === false ? 'never' : 'always')
  const marked = { type: 'Metaspace', replacement: mark, prepend_scheme }
  if (step.split === false) return marked
  // The library leaves the text in one piece, and a piece of more than about 100 000 tokens overflows its stack.
  // So the reference's cut before every mark is made here, and one within words that are longer than any text's limit.
  const escaped = mark.replace(/[\\^\]\-[&]/gu, '\\$&')
  return preSequence([
    marked,
    keep(`${mark.replace(/[.*+?^${}()|[\]\\]/gu, '\\$&')}[^${escaped}]{0,29999}|[^${escaped}]{1,30000}`),
  ])
}

function rewritePunctuation(step: JsonObject): unknown {
  const behavior = step.behavior ?? 'Isolated'
  if (behavior === 'Contiguous') return step
  return rewriteSplit({
    type: 'Split',
    pattern: { Regex: '[\\p{P}!-/:-@\\[-`{-~]' },
    behavior,
    invert: false,
  })
}

function rewriteSplit(step: JsonObject): unknown {
  const { behavior } = step
  if (behavior === 'Removed') return step
  if (behavior === 'Isolated') return { ...step, invert: false }
  throw new Error(
    `pre_tokenizer ${String(step.type)} with behavior ${JSON.stringify(behavior)} is not supported`,
  )
}

/** A step that keeps what matches and drops the rest. */
function keep(regex: string): JsonObject {
  return { type: 'Split', pattern: { Regex: regex }, behavior: 'Removed', invert: true }
}

function sequence(steps: readonly unknown[]): JsonObject {
  return { type: 'Sequence', normalizers: steps.filter((step) => step !== null && step !== undefined) }
}

function preSequence(steps: readonly unknown[]): JsonObject {
  return { type: 'Sequence', pretokenizers: steps }
}

function each(list: unknown, rewrite: (step: unknown) => unknown): unknown[] {
  if (!Array.isArray(list)) throw new Error('a Sequence holds no array of steps')
  return list.map(rewrite)
}
