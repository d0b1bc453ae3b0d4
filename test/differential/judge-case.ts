import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  Checkpoint,
  type ClassifyOptions,
  type EmbedOptions,
  Encoder,
  type HeadChoice,
  TwofourError,
} from 'twofour'

/** Compares the product with the references on one case that `generate.py` wrote, through the public API. */

export type Case = {
  readonly family: string
  readonly head: string
  readonly kind: string
  readonly sentence: boolean
  readonly cross: boolean
  readonly settings: Readonly<Record<string, string>>
  readonly folder: string
  readonly asked: Asked
}
type Asked = {
  readonly texts: readonly string[]
  readonly pairs: readonly [string, string][]
  readonly words: readonly string[]
  readonly question: readonly [string, string]
  readonly masked?: readonly string[]
}
type Refused = { readonly refused: string }
type Encoded = { readonly ids: number[]; readonly types: number[] | null }
type Words = { readonly ids: number[]; readonly firstPiece: number[] }
type Question = Encoded & { readonly spans: Span[] }
type Candidates = [token: number, score: number][][]
type Scores = Readonly<Record<string, number>>

/** What one reference said. Stages that it refused have no values. */
type Values = {
  readonly refused: Readonly<Record<string, string>>
  readonly notJudged?: Readonly<Record<string, string>>
  readonly missing?: readonly string[]
  readonly texts?: readonly (Encoded | Refused)[]
  readonly pairs?: readonly (Encoded | Refused)[]
  readonly words?: Words | Refused
  readonly question?: Question | Refused
  readonly masked?: readonly (Candidates | Refused)[]
  readonly scores?: readonly (Scores | Refused)[]
  readonly pairScores?: readonly (Scores | Refused)[]
  readonly crossScores?: readonly (number[] | Refused)[]
  readonly activation?: string
  readonly encoded?: Readonly<Record<string, number[]>>
}
type Expected = {
  readonly agreed: boolean
  readonly differences: string[]
  readonly by: Readonly<Record<string, Values>>
}
type Tensors = ReadonlyMap<string, Float32Array>

/** One part of a case, judged: the references that it agrees with, or the first difference from one. */
export type Part = {
  readonly name: string
  readonly agreesWith: readonly string[]
  readonly difference: string | undefined
}
export type CaseResult = {
  readonly name: string
  readonly case: Case
  readonly agreed: boolean
  readonly differences: readonly string[]
  /** Stages that every reference refused. */
  readonly refused: readonly string[]
  readonly parts: readonly Part[]
}

/** A difference in words; undefined where there is none; null where this reference has nothing to compare with. */
type Verdict = string | undefined | null

const tolerance = 2e-5

export async function judgeCase(directory: string, name: string): Promise<CaseResult> {
  const asked = JSON.parse(readFileSync(join(directory, 'case.json'), 'utf8')) as Case
  const expected = JSON.parse(readFileSync(join(directory, 'expected.json'), 'utf8')) as Expected
  const tensors = readTensors(join(directory, 'expected.safetensors'))
  const folder = join(directory, asked.folder)
  const product = await Product.open(folder, headOf(asked))
  try {
    const parts: Part[] = []
    for (const [part, judge] of partsOf(asked, product)) {
      if (idParts.includes(part) && changesIds(asked)) continue
      if (product.reaches(part)) parts.push(await judgePart(part, judge, { expected, tensors, folder }))
    }
    const references = Object.values(expected.by)
    const stages = ['tokenizer', 'model', 'sentence', 'cross']
    const refused = stages.filter((stage) =>
      references.every((values) => values.refused[stage] !== undefined),
    )
    const { agreed, differences } = expected
    return { name, case: asked, agreed, differences, refused, parts }
  } finally {
    product.close()
  }
}

const kinds: Readonly<Record<string, HeadChoice>> = {
  masked: 'maskedLanguage',
  sequence: 'sequenceClassification',
  token: 'tokenClassification',
  question: 'questionAnswering',
}

/** The references are told the class of the head; where the file names none, so is the product. */
function headOf({ head, settings }: Case): HeadChoice | undefined {
  return ['absent', 'null'].includes(settings['config architectures'] ?? '') ? kinds[head] : undefined
}

/**
 * Settings of sentence-transformers that its tokenizer alone obeys: transformers', which the ids are from, does not.
 * The sentence vectors show whether they are obeyed.
 */
function changesIds({ settings }: Case): boolean {
  return settings['sentence max_seq_length'] !== undefined || settings['sentence do_lower_case'] === 'True'
}

type Judge = (values: Values, tensor: (key: string) => Float32Array | undefined) => Promise<Verdict>

/**
 * A decision: where no class and no key says so, `add_prefix_space` of tokenizer.json counts, as in transformers 5;
 * transformers 4 sets it to false.
 */
function leavesFree(folder: string, reference: string): boolean {
  if (!reference.startsWith('transformers-4')) return false
  const config = readJson(join(folder, 'tokenizer_config.json'))
  const step = readJson(join(folder, 'tokenizer.json')).pre_tokenizer as {
    type?: string
    add_prefix_space?: boolean
  } | null
  const generic = `${config.tokenizer_class}`.startsWith('PreTrainedTokenizer')
  return (
    generic && !('add_prefix_space' in config) && step?.type === 'ByteLevel' && step.add_prefix_space === true
  )
}

function readJson(file: string): Record<string, unknown> {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>) : {}
}

/** A part is right where it is as one of the references has it. */
async function judgePart(
  name: string,
  judge: Judge,
  { expected, tensors, folder }: { expected: Expected; tensors: Tensors; folder: string },
): Promise<Part> {
  const agreesWith: string[] = []
  let difference: string | undefined
  let silent = false
  for (const [reference, values] of Object.entries(expected.by)) {
    if (idParts.includes(name) && leavesFree(folder, reference)) {
      silent = true
      continue
    }
    const verdict = await judge(values, (key) => tensors.get(`${reference}/${key}`)).catch(
      (error: unknown) => `${isOwn(error) ? '' : 'FAULT '}${messageOf(error)}`,
    )
    // A reference that crashed here, and did not refuse the folder, leaves the product free.
    if (verdict === null) silent ||= Object.keys(values.refused).length === 0
    else if (verdict === undefined) agreesWith.push(reference)
    else difference ??= verdict
  }
  const wrong = agreesWith.length === 0 && !silent
  return { name, agreesWith, difference: wrong ? difference : undefined }
}

type Tokenizer = Awaited<ReturnType<Encoder['tokenizer']>>

/** Parts in which ids are compared. */
const idParts = ['texts', 'pairs', 'words', 'question']

/** Parts that need no tokenizer: they run the reference's own ids. */
const byIds = ['hidden states', 'pooled', 'logits']

/** The product's folder, opened; what it refuses is kept, and thrown where it is asked for. */
class Product {
  readonly #encoder: PromiseSettledResult<Encoder>
  readonly #tokenizer: PromiseSettledResult<Tokenizer>

  private constructor(encoder: PromiseSettledResult<Encoder>, tokenizer: PromiseSettledResult<Tokenizer>) {
    this.#encoder = encoder
    this.#tokenizer = tokenizer
  }

  static async open(folder: string, head: HeadChoice | undefined): Promise<Product> {
    const loading = Checkpoint.open(folder, { head }).then((checkpoint) =>
      Encoder.load(checkpoint, { threads: 1 }),
    )
    const [encoder] = await Promise.allSettled([loading])
    const [tokenizer] = await Promise.allSettled([loading.then((loaded) => loaded.tokenizer())])
    return new Product(encoder, tokenizer)
  }

  get encoder(): Encoder {
    return settledValue(this.#encoder)
  }

  get tokenizer(): Tokenizer {
    return settledValue(this.#tokenizer)
  }

  /** Whether this part can be asked for: a folder that does not open fails once, not in every part. */
  reaches(part: string): boolean {
    if (part === 'opens') return true
    if (this.#encoder.status === 'rejected') return false
    return part === 'tokenizer opens' || byIds.includes(part) || this.#tokenizer.status === 'fulfilled'
  }

  close(): void {
    if (this.#encoder.status === 'fulfilled') this.#encoder.value.dispose()
  }
}

function settledValue<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'rejected') throw result.reason
  return result.value
}

function partsOf(asked: Case, product: Product): [string, Judge][] {
  const { texts, pairs, words, question, masked } = asked.asked
  const parts: [string, Judge][] = [
    [
      'opens',
      async ({ refused, notJudged }) => refusal(refused.model, notJudged?.model, async () => product.encoder),
    ],
    [
      'tokenizer opens',
      async ({ refused, notJudged }) =>
        refusal(refused.tokenizer, notJudged?.tokenizer, async () => product.tokenizer),
    ],
    ['texts', ({ texts: want }) => each(want, (encoded, n) => sameEncoding(product, encoded, [texts[n]!]))],
    ['pairs', ({ pairs: want }) => each(want, (encoded, n) => sameEncoding(product, encoded, pairs[n]!))],
    ['words', ({ words: want }) => one(want, (encoded) => sameWords(product, encoded, words))],
    ['question', ({ question: want }) => one(want, (encoded) => sameQuestion(product, encoded, question))],
    ['hidden states', (values, tensor) => sameOutputs(product, values, tensor, 'lastHiddenState')],
    ['pooled', (values, tensor) => sameOutputs(product, values, tensor, 'pooled')],
    ['logits', (values, tensor) => sameOutputs(product, values, tensor, 'logits')],
  ]
  if (asked.head === 'masked') {
    parts.push([
      'fill mask',
      ({ masked: want }) => each(want, (found, n) => sameCandidates(product, found, masked![n]!)),
    ])
  }
  if (asked.head === 'sequence' && asked.settings['cross activation'] === undefined) {
    parts.push(
      ['scores', ({ scores }) => each(scores, (want, n) => sameScores(product, want, texts[n]!))],
      [
        'pair scores',
        ({ pairScores }) => each(pairScores, (want, n) => sameScores(product, want, pairs[n]!)),
      ],
    )
  }
  if (asked.cross) {
    const own = asked.settings['cross activation'] !== undefined
    parts.push(['cross scores', (values) => sameCrossScores(product, values, pairs, own)])
  }
  if (asked.head === 'none') {
    parts.push(['sentence vectors', (values, tensor) => sameVectors(product, values, tensor, texts)])
  }
  return parts
}

/** Refusals are compared as such: the product has to refuse what the reference does, with an error of its own. */
async function refusal(
  refused: string | undefined,
  notJudged: string | undefined,
  open: () => Promise<unknown>,
): Promise<Verdict> {
  if (notJudged !== undefined) return null
  if (refused === undefined) {
    await open()
    return undefined
  }
  try {
    await open()
  } catch (error) {
    return isOwn(error) ? undefined : `FAULT ${messageOf(error)}`
  }
  return `accepted, but the reference refuses: ${refused}`
}

async function one<T extends object>(
  want: T | Refused | undefined,
  judge: (want: T) => Promise<Verdict>,
): Promise<Verdict> {
  return want === undefined || 'refused' in want ? null : judge(want)
}

async function each<T extends object>(
  list: readonly (T | Refused)[] | undefined,
  judge: (want: T, n: number) => Promise<Verdict>,
): Promise<Verdict> {
  let compared = false
  for (const [n, want] of (list ?? []).entries()) {
    if ('refused' in want) continue
    const verdict = await judge(want, n)
    if (typeof verdict === 'string') return `${n}: ${verdict}`
    compared ||= verdict === undefined
  }
  return compared ? undefined : null
}

// Ids

async function sameEncoding(
  product: Product,
  want: Encoded,
  [text, pair]: readonly string[],
): Promise<Verdict> {
  const { tokenizer } = product
  // The references take an empty second text for none; here two texts are two.
  if (pair === '') return undefined
  const { inputIds, tokenTypeIds } = await tokenizer.encode(text!, pair)
  const about = [text, pair]
    .filter((part) => part !== undefined)
    .map((part) => JSON.stringify(part))
    .join(' + ')
  return sameList('ids', want.ids, inputIds, about) ?? sameTypes(product, want.types, tokenTypeIds, about)
}

async function sameWords(product: Product, want: Words, words: readonly string[]): Promise<Verdict> {
  const { tokenizer } = product
  const { inputIds, firstPiece } = await tokenizer.encodeWords(words)
  const about = JSON.stringify(words)
  return (
    sameList('ids', want.ids, inputIds, about) ?? sameList('first pieces', want.firstPiece, firstPiece, about)
  )
}

async function sameQuestion(
  product: Product,
  want: Question,
  [question, context]: readonly [string, string],
): Promise<Verdict> {
  const { tokenizer } = product
  if (context === '') return undefined
  const { inputIds, tokenTypeIds, contextTokens } = await tokenizer.encodeQuestion(question, context)
  const about = `${JSON.stringify(question)} + ${JSON.stringify(context)}`
  const spans = contextTokens.map(({ index, begin, end }): Span => [index, begin, end])
  return (
    sameList('ids', want.ids, inputIds, about) ??
    sameTypes(product, want.types, tokenTypeIds, about) ??
    sameList('spans', want.spans.filter(isFilled).map(joined), spans.filter(isFilled).map(joined), about)
  )
}

type Span = [index: number, start: number, end: number]

/** A blank of its own has an empty span, whose place depends on how the context was cut. */
function isFilled([, start, end]: Span): boolean {
  return end > start
}

function joined(span: Span): string {
  return span.join('-')
}

/** A tokenizer may make types that its model has no rows for. */
function sameTypes({ encoder }: Product, want: number[] | null, got: number[], about: string): Verdict {
  return want === null || encoder.spec.tokenTypes < 2 ? undefined : sameList('types', want, got, about)
}

function sameList<T>(what: string, want: readonly T[], got: ArrayLike<T>, about: string): Verdict {
  const list = Array.from(got)
  return want.join() === list.join()
    ? undefined
    : `${what} of ${about.slice(0, 90)}: expected ${want.join()} got ${list.join()}`
}

// Numbers

type Output = 'lastHiddenState' | 'pooled' | 'logits'

async function sameOutputs(
  product: Product,
  values: Values,
  tensor: (key: string) => Float32Array | undefined,
  output: Output,
): Promise<Verdict> {
  const asked = [...named('texts', values.texts), ...named('pairs', values.pairs)].flatMap(
    ({ name, encoded }) => {
      const want = tensor(`${name}.${output}`)
      return want === undefined ? [] : [{ name, encoded, want }]
    },
  )
  if (asked.length === 0) return null
  const { encoder } = product
  for (const { name, encoded, want } of asked) {
    const { ids: inputIds, types: tokenTypeIds } = encoded
    const typed = tokenTypeIds !== null && encoder.spec.tokenTypes > 0
    const ran = await encoder.run([typed ? { inputIds, tokenTypeIds } : inputIds], { outputs: [output] })
    const difference = sameNumbers(want, ran[output]!.subarray(0, want.length))
    if (difference !== undefined) return `${name} ${output}: ${difference}`
  }
  return undefined
}

function named(group: string, list: readonly (Encoded | Refused)[] | undefined) {
  return (list ?? []).flatMap((encoded, n) =>
    'refused' in encoded ? [] : [{ name: `${group}.${n}`, encoded }],
  )
}

async function sameCandidates(product: Product, want: Candidates, text: string): Promise<Verdict> {
  // transformers' pipeline does not cut texts at `model_max_length`.
  if ((await product.tokenizer.encode(text)).truncated) return null
  const [masks] = await product.encoder.fillMask([text], { top: want[0]!.length })
  if (masks!.length !== want.length)
    return `expected ${want.length} masks in ${JSON.stringify(text)}, got ${masks!.length}`
  for (const [n, candidates] of want.entries()) {
    const got = masks![n]!.candidates
    const scores = sameNumbers(
      candidates.map(([, score]) => score),
      got.map(({ score }) => score),
    )
    if (scores !== undefined) return `mask ${n} of ${JSON.stringify(text)}: ${scores}`
    for (const [rank, [id, score]] of candidates.entries()) {
      const near = candidates.some(([, other], at) => at !== rank && Math.abs(other - score) < 1e-6)
      if (id !== got[rank]!.id && !near)
        return `mask ${n}: expected token ${id} at ${rank}, got ${got[rank]!.id}`
    }
  }
  return undefined
}

async function sameScores(
  product: Product,
  want: Scores,
  text: string | readonly [string, string],
): Promise<Verdict> {
  if (text[1] === '' && typeof text !== 'string') return undefined
  const [got] = await product.encoder.classify([text])
  const labels = Object.keys(want).sort()
  if (labels.join() !== Object.keys(got!.scores).sort().join()) {
    return `expected labels ${labels.join()} got ${Object.keys(got!.scores).sort().join()}`
  }
  return sameNumbers(
    labels.map((label) => want[label]!),
    labels.map((label) => got!.scores[label]!),
  )
}

/** `own`: the folder names an activation, which `classify` then uses by itself. */
async function sameCrossScores(
  product: Product,
  { crossScores, activation }: Values,
  pairs: readonly [string, string][],
  own: boolean,
): Promise<Verdict> {
  const named = activation === 'Sigmoid' ? 'sigmoid' : 'none'
  const options: ClassifyOptions & { activation?: 'sigmoid' | 'none' } = own ? {} : { activation: named }
  return each(crossScores, async (want, n) => {
    const [got] = await product.encoder.classify([pairs[n]!], options)
    return sameNumbers(want, Object.values(got!.scores))
  })
}

async function sameVectors(
  product: Product,
  { encoded = {}, texts: encodedTexts = [] }: Values,
  tensor: (key: string) => Float32Array | undefined,
  texts: readonly string[],
): Promise<Verdict> {
  let compared = false
  for (const [name, indices] of Object.entries(encoded)) {
    const want = tensor(`encode.${name}`)
    if (want === undefined) continue
    const prompt: EmbedOptions & { prompt?: string | null } =
      name === 'none' ? { prompt: null } : name.startsWith('prompt ') ? { prompt: name.slice(7) } : {}
    // Of a text without any token the reference pools nothing; here it is refused.
    if (indices.some((n) => encodedTexts[n] !== undefined && isEmpty(encodedTexts[n]))) continue
    const { vectors } = await product.encoder.embed(
      indices.map((n) => texts[n]!),
      prompt,
    )
    if (vectors.length !== want.length)
      return `${name}: expected ${want.length} numbers, got ${vectors.length}`
    const width = want.length / indices.length
    for (const [row, n] of indices.entries()) {
      const part = (list: Float32Array): Float32Array => list.subarray(row * width, (row + 1) * width)
      const difference = sameNumbers(part(want), part(vectors))
      if (difference !== undefined) return `${name} ${JSON.stringify(texts[n]!.slice(0, 60))}: ${difference}`
    }
    compared = true
  }
  return compared ? undefined : null
}

function isEmpty(encoded: Encoded | Refused): boolean {
  return 'ids' in encoded && encoded.ids.length === 0
}

/** Absolute, relative to 1 and the largest number. */
function sameNumbers(want: ArrayLike<number>, got: ArrayLike<number>): string | undefined {
  if (want.length !== got.length) return `expected ${want.length} numbers, got ${got.length}`
  const largest = Array.from(want).reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  let worst = -1
  let error = tolerance * (1 + largest)
  for (let n = 0; n < want.length; n++) {
    const distance = Math.abs(want[n]! - got[n]!)
    if (distance <= error) continue
    worst = n
    error = Number.isNaN(distance) ? Infinity : distance
  }
  if (worst < 0) return undefined
  return `number ${worst} of ${want.length}: expected ${want[worst]} got ${got[worst]}`
}

/** A safetensors file of float32 tensors, read whole. */
function readTensors(file: string): Tensors {
  const bytes = readFileSync(file)
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { data_offsets?: [number, number] }
  >
  const tensors = new Map<string, Float32Array>()
  for (const [name, { data_offsets: range }] of Object.entries(header)) {
    if (range === undefined) continue
    const [begin, end] = range.map((offset) => bytes.byteOffset + start + offset) as [number, number]
    tensors.set(name, new Float32Array(bytes.buffer.slice(begin, end)))
  }
  return tensors
}

function isOwn(error: unknown): boolean {
  return error instanceof TwofourError && error.code !== 'INTERNAL'
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = error instanceof TwofourError ? error.code : error.name
  return `${code}: ${error.message}`.slice(0, 300)
}
