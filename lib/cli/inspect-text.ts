import type { TextReport } from '../index.js'
import { alignedPairs, grouped } from './table.js'

/** What becomes of a text: how it is cut, what vector and what scores it gets. */
export function textReport({ tokenizer, embedding, classification }: TextReport): string {
  return alignedPairs([
    ['texts', 'refused' in tokenizer ? `none: ${tokenizer.refused}` : tokenizerLine(tokenizer)],
    ['vectors', 'refused' in embedding ? `none: ${embedding.refused}` : vectorLine(embedding)],
    ...promptLines(embedding),
    ...(classification === null ? [] : [['scores', scoreLine(classification)] as const]),
  ])
}

type Made<K extends 'tokenizer' | 'embedding'> = Exclude<TextReport[K], { refused: string }>

function tokenizerLine({ class: name, limit, limitSource, truncationSide, tokenTypes }: Made<'tokenizer'>) {
  const end = truncationSide === 'right' ? 'end' : 'beginning'
  const types = tokenTypes ? 'token types for the second of two texts' : 'no token types'
  return `${name}, at most ${grouped(limit)} tokens (${limitSource}), cut at the ${end}, ${types}`
}

function vectorLine({ pooling, normalize, dimensions, similarity }: Made<'embedding'>) {
  const scaled = normalize ? ', scaled to length 1' : ''
  return `${pooling.join(' and ')} pooling${scaled}, ${grouped(dimensions)} numbers, compared by ${similarity}`
}

function promptLines(embedding: TextReport['embedding']): (readonly [string, string])[] {
  if ('refused' in embedding) return []
  const { prompt, prompts } = embedding
  const names = Object.keys(prompts)
  if (names.length === 0) return []
  const usual = prompt === null ? 'none unasked' : `${prompt.name} unasked: ${JSON.stringify(prompt.text)}`
  return [['prompts', `${names.join(', ')}; ${usual}`]]
}

function scoreLine(classification: NonNullable<TextReport['classification']>): string {
  if ('refused' in classification) return `none: ${classification.refused}`
  return classification.activation === 'none' ? 'logits as they are' : `by ${classification.activation}`
}
