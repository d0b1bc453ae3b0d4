import { copyFile, mkdir, readdir } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { writing } from './sync.js'

/** What belongs to a checkpoint beside its weights, and does not change with them. */
const files = [
  'tokenizer.json',
  'tokenizer_config.json',
  'vocab.txt',
  'special_tokens_map.json',
  'added_tokens.json',
  'merges.txt',
  'vocab.json',
  'sentencepiece.bpe.model',
  'spiece.model',
  'modules.json',
  'sentence_bert_config.json',
  'config_sentence_transformers.json',
]

/** Modules of sentence-transformers: `1_Pooling`, `2_Normalize`. */
const moduleDirectory = /^\d+_[A-Z]\w*$/

/**
 * Copies tokenizer and sentence-transformers files from one directory to another; links become files.
 * @returns the files, as paths inside the directory
 * @throws TwofourError FILE_UNWRITABLE; `signal.reason`
 */
export async function copyCompanions(
  from: string,
  to: string,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const entries = await readdir(from, { withFileTypes: true })
  const names = entries.map(({ name }) => name)
  const found = files.filter((name) => names.includes(name))
  for (const entry of entries) {
    if (entry.isDirectory() && moduleDirectory.test(entry.name))
      found.push(...(await filesBelow(from, entry.name)))
  }

  for (const file of found) {
    signal?.throwIfAborted()
    const target = join(to, file)
    await writing(target, async () => {
      await mkdir(dirname(target), { recursive: true })
      await copyFile(join(from, file), target)
    })
  }
  return found
}

async function filesBelow(root: string, directory: string): Promise<string[]> {
  const entries = await readdir(join(root, directory), { withFileTypes: true, recursive: true })
  const real = entries.filter((entry) => !entry.isDirectory())
  return real.map((entry) => relative(root, join(entry.parentPath, entry.name)))
}
