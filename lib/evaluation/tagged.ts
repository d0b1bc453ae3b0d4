import { checkOneOf } from '../check.js'
import { conllSentences } from './conll.js'
import { conlluSentences, type TagColumn, tagColumns } from './conllu.js'
import { type Format, formatOf } from './format.js'
import { invalid, readSource } from './source.js'

/** A sentence in words with one label each; `line` is the line of its first word. */
export type TaggedSentence = { line: number; words: string[]; labels: string[] }

export type Tagged = { file: string; sentences: TaggedSentence[]; notes: string[] }

export type TaggedOptions = {
  /** Which column of a CoNLL-U file is the label; a CoNLL file's label is its last column. @default 'upos' */
  column?: TagColumn | undefined
  /** @default by the file's extension */
  format?: Format | undefined
  signal?: AbortSignal | undefined
}

/**
 * Reads labelled words from a CoNLL-U (`.conllu`) or CoNLL (`.conll`, `.iob`, `.bio`) file.
 *
 * @throws TypeError on bad options; TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, or DATA_INVALID with the line.
 */
export async function readTagged(
  file: string,
  { column = 'upos', format: asked, signal }: TaggedOptions = {},
): Promise<Tagged> {
  checkOneOf('column', column, tagColumns)
  const source = await readSource(file, signal)
  const { format, notes } = formatOf(source, asked, ['conllu', 'conll'])

  const sentences = format === 'conllu' ? conlluSentences(source, column) : conllSentences(source)
  if (sentences.length === 0) throw invalid(file, undefined, 'Expected at least one sentence, found none.')
  return { file, sentences, notes }
}
