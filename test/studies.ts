import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Checkpoint, type CurveOptions, type Curves } from 'twofour'
import { type MakeOptions, makeCheckpoint } from './make-checkpoint.js'
import { randomNumbers } from './random-numbers.js'
import { temporaryDirectory } from './temporary-directory.js'
import { put, vocabTxt } from './tiny-tokenizers.js'

const words = ['the', 'cat', 'sat', 'mat', 'cafe', '.', '!']

/** A random model with a tokenizer of 21 tokens: 2 layers of 4 heads and 48 neurons. */
export async function tinyModel(options: MakeOptions = {}): Promise<Checkpoint> {
  const directory = await makeCheckpoint(options)
  await put(directory, { 'vocab.txt': vocabTxt })
  return Checkpoint.open(directory)
}

/** Pairs of sentences with scores; another seed gives other sentences. */
export async function pairsFile(seed: number, count = 14): Promise<string> {
  const next = randomNumbers(seed)
  const sentence = (at: number) => {
    const own = Array.from(
      { length: 3 + Math.floor(next() * 5) },
      () => words[Math.floor(next() * words.length)],
    )
    return [...own, ...Array.from({ length: seed }, () => words[at % words.length])].join(' ')
  }
  const rows = Array.from(
    { length: count },
    (_, at) => `${sentence(at)}\t${sentence(at + 1)}\t${(next() * 5).toFixed(2)}`,
  )
  const file = join(temporaryDirectory('pairs'), 'pairs.tsv')
  await writeFile(file, `sentence1\tsentence2\tscore\n${rows.join('\n')}\n`)
  return file
}

/** A quick study of the pairs of a file. */
export function studyOf(data: string, options: Omit<CurveOptions, 'task' | 'data'>): CurveOptions {
  return { task: 'similarity', data, resamples: 50, threads: 1, ...options }
}

/** What has to be the same each time. */
export function withoutSeconds({ dense, points, ...others }: Curves): unknown {
  const bare = points.map((point) => ({ ...point, seconds: 0 }))
  return JSON.parse(JSON.stringify({ ...others, dense: { ...dense, seconds: 0 }, points: bare }))
}
