import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Judges tokenizer.json files, one message after another, for `mutants.ts`. A file may abort the process that reads it,
 * so this is a process of its own. The first argument says who judges: `package`, the npm package alone, or `product`.
 */

export type Request = { index: number; json: string; texts: readonly (readonly string[])[] }
export type Outcome = { ids: number[]; types: number[] } | { refused: string; message: string }
export type Judged = { verdict: string; message?: string; outcomes?: Outcome[] }

type Encoded = { getIds(): number[]; getTypeIds(): number[] }
type NativeTokenizer = { encode(text: string, pair?: string | null): Promise<Encoded> }
type NativePackage = { Tokenizer: { fromString(json: string): NativeTokenizer } }

async function judgeByPackage(
  { json, texts }: Request,
  { Tokenizer: Native }: NativePackage,
): Promise<Judged> {
  let tokenizer: NativeTokenizer
  try {
    tokenizer = Native.fromString(json)
  } catch (error) {
    return { verdict: 'refuse', message: messageOf(error) }
  }
  const outcomes = await each(texts, async ([text, pair]) => {
    const encoded = await tokenizer.encode(text!, pair ?? null)
    return { ids: encoded.getIds(), types: encoded.getTypeIds() }
  })
  return { verdict: 'accept', outcomes }
}

async function judgeByProduct({ json, texts }: Request, directory: string): Promise<Judged> {
  // Not loaded where the package alone is judged: an abort costs a new process.
  const { Tokenizer } = await import('../../lib/tokenizer.js')
  await writeFile(join(directory, 'tokenizer.json'), json)
  let tokenizer: Awaited<ReturnType<typeof Tokenizer.open>>
  try {
    tokenizer = await Tokenizer.open(directory, { modelLimit: 100_000 })
  } catch (error) {
    return { verdict: verdictOf(error), message: messageOf(error) }
  }
  const outcomes = await each(texts, async ([text, pair]) => {
    const { inputIds, tokenTypeIds } = await tokenizer.encode(text!, pair)
    return { ids: [...inputIds], types: [...tokenTypeIds] }
  })
  return { verdict: 'accept', outcomes }
}

async function each(
  texts: Request['texts'],
  encode: (text: readonly string[]) => Promise<Outcome>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const text of texts) {
    try {
      outcomes.push(await encode(text))
    } catch (error) {
      outcomes.push({ refused: verdictOf(error), message: messageOf(error) })
    }
  }
  return outcomes
}

/** `fault`: an error that is none of the product's own. The package has no errors of its own. */
function verdictOf(error: unknown): string {
  const own = error instanceof Error && (error.name === 'TwofourError' || error instanceof RangeError)
  return own || who === 'package' ? 'refuse' : 'fault'
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 300)
}

const who = process.argv[2]
const directory = await mkdtemp(join(tmpdir(), 'twofour-mutants-'))
const load = createRequire(import.meta.url)
const native = who === 'package' ? (load(process.env.TOKENIZERS ?? 'tokenizers') as NativePackage) : undefined

process.on('message', async (request: Request) => {
  const judged = native ? await judgeByPackage(request, native) : await judgeByProduct(request, directory)
  process.send!({ index: request.index, ...judged })
})
process.on('disconnect', async () => {
  await rm(directory, { recursive: true, force: true })
  process.exit()
})
process.send!({ ready: true })
