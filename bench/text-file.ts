// Labelled pairs of `--texts FILE`, read as `evaluate` reads them: the public door has the evaluation only.
import { type Pairs, readPairs } from '../dist/evaluation/labelled.js'
import { options } from './measure.js'

/** `--columns sentence1=5,sentence2=6,score=4`; undefined where the file's header names them. */
export function columnsOf(): Record<string, string> | undefined {
  const pairs = options.columns?.split(',').map((pair) => pair.split('=') as [string, string])
  return pairs && Object.fromEntries(pairs)
}

/** The first `limit` pairs of the file. */
export async function readLabelled(
  file: string,
  limit?: number,
): Promise<Pick<Pairs, 'scores'> & { texts: string[] }> {
  const { sentence1, sentence2, scores } = await readPairs(file, { columns: columnsOf() })
  const texts = sentence1.slice(0, limit).flatMap((text, at) => [text, sentence2[at]!])
  return { texts, scores: scores.subarray(0, limit) }
}

export function limitOf(): number | undefined {
  return options.limit === undefined ? undefined : Number(options.limit)
}
