import { readFile } from 'node:fs/promises'
import { options } from './measure.js'

/**
 * The texts of `--texts FILE.tsv` in their order: both sentences of every line, from the columns that
 * `--columns 5,6` names by number from 0 (as STS-B has them), without a header.
 */
export async function readTexts(): Promise<string[]> {
  if (options.texts === undefined) return []
  const columns = (options.columns ?? '5,6').split(',').map(Number)
  const lines = (await readFile(options.texts, 'utf8')).split(/\r?\n/).filter((line) => line !== '')
  const texts = lines.flatMap((line) => {
    const cells = line.split('\t')
    return columns.map((at) => cells[at] ?? '')
  })
  return options.limit === undefined ? texts : texts.slice(0, Number(options.limit))
}
