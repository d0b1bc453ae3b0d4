import { readFile } from 'node:fs/promises'
import { TwofourError } from '../../index.js'

/**
 * The sentences of a TSV file of pairs, the first of a pair before the second.
 * @param limit pairs to read, from the top
 * @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, DATA_INVALID
 */
export async function readSentences(file: string, limit?: number): Promise<string[]> {
  const lines = (await readText(file)).split(/\r?\n/).filter((line) => line !== '')
  const header = (lines[0] ?? '').replace(/^\ufeff/, '').split('\t')
  const places = ['sentence1', 'sentence2'].map((name) => header.indexOf(name))
  if (places.includes(-1) || lines.length < 2) {
    const message = `Expected \`${file}\` to be a TSV file with the columns sentence1, sentence2 and score and a pair on every further line.`
    throw new TwofourError('DATA_INVALID', message, { file })
  }
  return lines.slice(1, limit === undefined ? undefined : 1 + limit).flatMap((line) => {
    const cells = line.split('\t')
    return places.map((place) => cells[place] ?? '')
  })
}

/** The first sentences in batches of one size, so that every batch holds as many texts. */
export function batchesOf(sentences: readonly string[], size: number, most: number): (readonly string[])[] {
  const count = Math.min(most, Math.max(1, Math.floor(sentences.length / size)))
  return Array.from({ length: count }, (_, index) => sentences.slice(index * size, (index + 1) * size))
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') {
      const message = `Expected \`${file}\` to be a TSV file with labelled pairs, found none. Check the path.`
      throw new TwofourError('FILE_NOT_FOUND', message, { file }, { cause })
    }
    throw new TwofourError('FILE_UNREADABLE', `Cannot read ${file}: ${cause.message}.`, { file }, { cause })
  })
}
