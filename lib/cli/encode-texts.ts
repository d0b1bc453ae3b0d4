import { type Embeddings, type EmbedOptions, type Encoder, saveSafetensors } from '../index.js'
import { several, shortest } from './amounts.js'
import type { Invocation } from './command.js'
import { readTexts } from './texts.js'
import { withEncoder } from './with-encoder.js'

/** Texts in; JSON Lines, one JSON array, or a safetensors file out. */
export async function encodeTexts(
  model: string,
  words: readonly string[],
  invocation: Invocation,
): Promise<void> {
  const { options, output } = invocation
  const settings = embedSettings(invocation)
  const texts = await readTexts(words, invocation)

  await withEncoder(model, invocation, async (encoder) => {
    const out = options.text('out')
    if (out !== undefined) return saveVectors(encoder, texts, settings, out, invocation)
    const truncated = await printVectors(encoder, texts, settings, invocation)
    noteTruncated(truncated, texts.length, output)
  })
}

function embedSettings({ options, signal }: Invocation): EmbedOptions {
  const normalize = options.flag('normalize')
  if (normalize && options.flag('no-normalize')) {
    throw new TypeError('Expected --normalize or --no-normalize, got both.')
  }
  const chosen = normalize || options.flag('no-normalize')
  const pooling = options.text('pooling') as EmbedOptions['pooling']
  return { signal, pooling, ...(chosen && { normalize }) }
}

async function printVectors(
  encoder: Encoder,
  texts: readonly string[],
  settings: EmbedOptions,
  { output, onProgress }: Invocation,
): Promise<number> {
  const all: object[] = []
  let truncated = 0
  for await (const slice of encoder.embed(texts.values(), settings)) {
    truncated += slice.truncated
    const rows = slice.texts.map((text, at) => ({ text, vector: row(slice, at) }))
    if (output.json) all.push(...rows)
    else await output.print(rows.map((each) => JSON.stringify(each)).join('\n'))
    const done = slice.first + slice.texts.length
    onProgress({ stage: 'encode', done, total: texts.length, unit: 'texts' })
  }
  if (output.json) await output.value(all)
  return truncated
}

async function saveVectors(
  encoder: Encoder,
  texts: readonly string[],
  settings: EmbedOptions,
  out: string,
  { output, signal, onProgress }: Invocation,
): Promise<void> {
  const { hidden } = encoder.spec
  const data = new Float32Array(texts.length * hidden)
  let truncated = 0
  for await (const slice of encoder.embed(texts.values(), settings)) {
    data.set(slice.vectors, slice.first * hidden)
    truncated += slice.truncated
    const done = slice.first + slice.texts.length
    onProgress({ stage: 'encode', done, total: texts.length, unit: 'texts' })
  }
  const shape = [texts.length, hidden]
  await saveSafetensors(out, [{ name: 'embeddings', dtype: 'F32', shape, data }], { signal })
  noteTruncated(truncated, texts.length, output)
  await output.result(
    { out, texts: texts.length, hidden, truncated },
    () => `${out}: embeddings F32 [${shape.join(', ')}]`,
  )
}

function row({ vectors, dims: [, hidden] }: Embeddings, at: number): number[] {
  return Array.from(vectors.subarray(at * hidden, (at + 1) * hidden), shortest)
}

/** Says that texts were cut, which no vector shows. */
export function noteTruncated(truncated: number, of: number, output: Invocation['output']): void {
  if (truncated === 0) return
  output.note(`Cut ${truncated.toLocaleString('en-US')} of ${several(of, 'text')}: longer than the limit.`)
}
