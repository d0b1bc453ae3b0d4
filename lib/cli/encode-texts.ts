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
  return {
    ...{ signal, pooling: poolingOption(options.text('pooling')), prompt: promptOption(options) },
    ...{ prefix: options.text('prefix'), dimensions: options.whole('dimensions', 1) },
    ...(chosen && { normalize }),
  }
}

/** The library names what it refuses. */
function poolingOption(text: string | undefined): EmbedOptions['pooling'] {
  const names = text?.split(',')
  return (names?.length === 1 ? text : names) as EmbedOptions['pooling']
}

/** null: none. */
function promptOption(options: Invocation['options']): EmbedOptions['prompt'] {
  const name = options.text('prompt')
  if (!options.flag('no-prompt')) return name
  if (name === undefined) return null
  throw new TypeError('Expected --prompt or --no-prompt, got both.')
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
  const [, width] = (await encoder.embed([], settings)).dims
  const data = new Float32Array(texts.length * width)
  let truncated = 0
  for await (const slice of encoder.embed(texts.values(), settings)) {
    data.set(slice.vectors, slice.first * width)
    truncated += slice.truncated
    const done = slice.first + slice.texts.length
    onProgress({ stage: 'encode', done, total: texts.length, unit: 'texts' })
  }
  const shape = [texts.length, width]
  await saveSafetensors(out, [{ name: 'embeddings', dtype: 'F32', shape, data }], { signal })
  noteTruncated(truncated, texts.length, output)
  await output.result(
    { out, texts: texts.length, width, truncated },
    () => `${out}: embeddings F32 [${shape.join(', ')}]`,
  )
}

function row({ vectors, dims: [, width] }: Embeddings, at: number): number[] {
  return Array.from(vectors.subarray(at * width, (at + 1) * width), shortest)
}

/** Says that texts were cut, which no vector shows. */
export function noteTruncated(truncated: number, of: number, output: Invocation['output']): void {
  if (truncated === 0) return
  output.note(`Cut ${truncated.toLocaleString('en-US')} of ${several(of, 'text')}: longer than the limit.`)
}
