import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { type EmbedOptions, Encoder, type Text } from 'twofour'
import { equalWithin } from './equal.js'
import { sentenceCases, sentences, writeCase } from './sentence-cases.js'
import { temporaryDirectory } from './temporary-directory.js'

/** test/fixtures/sentence/make.py says how they were made. */
const expected = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/sentence/expected.json'), 'utf8'),
) as Record<string, number[][]>

for (const each of sentenceCases) {
  const { name, texts = sentences, embed, classify } = each
  test(`as the reference: ${name}`, async (t) => {
    const encoder = await Encoder.load(await writeCase(each, temporaryDirectory('sentence')), {
      device: 'cpu',
    })
    const rows = classify === undefined ? await vectors(encoder, texts, embed) : await scores(encoder, texts)
    encoder.dispose()

    const wanted = expected[name]!
    equalWithin(t, rows.flat(), wanted.flat(), 2e-5, name, [wanted.length, wanted[0]!.length])
    t.is(rows[0]!.length, wanted[0]!.length)
  })
}

async function vectors(
  encoder: Encoder,
  texts: readonly Text[],
  options?: EmbedOptions,
): Promise<number[][]> {
  const { vectors, dims } = await encoder.embed(texts, options)
  return texts.map((_, i) => [...vectors.subarray(i * dims[1], (i + 1) * dims[1])])
}

async function scores(encoder: Encoder, texts: readonly Text[]): Promise<number[][]> {
  return (await encoder.classify(texts)).map((found) => Object.values(found.scores))
}
