import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { Tokenizer } from '../../lib/tokenizer.js'

/**
 * Compares what the product makes of every code point, by every normalizer and pre-tokenizer that a tokenizer.json may
 * name, with tables that `code-points.py` made of the reference:
 *
 *     python test/differential/code-points.py --out DIR
 *     npx tsx test/differential/code-points.ts --tables DIR [--by product|package] [--only REGEX]
 *
 * `--by package` asks the npm package `tokenizers` alone, which shows the places of pieces too. The first code points
 * that differ are named for each step.
 */

type Step = { readonly name: string; readonly part: 'normalizer' | 'pre_tokenizer'; readonly step: object }
type Run = readonly [first: number, last: number, outcome: string]
/** The outcome for one code point, in the form of the tables. */
type See = (char: string) => string | Promise<string>

type NativeTokenizer = {
  getNormalizer(): { normalizeString(text: string): string }
  getPreTokenizer(): { preTokenizeString(text: string): [string, [number, number]][] }
}
type NativePackage = { Tokenizer: { fromString(json: string): NativeTokenizer } }

const byteLetters = Array.from({ length: 256 }, (_, byte) => byte)
let nextLetter = 256
const letters = byteLetters.map((byte) => {
  const plain = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173)
  return String.fromCodePoint(plain ? byte : nextLetter++)
})

const context = (char: string): string => `${char} a${char}a ${char}${char} ${char}`

function outcome(char: string, text: string): string {
  const inBytes = Array.from(Buffer.from(char), (byte) => letters[byte]).join('')
  return text.replaceAll(char, '◌').replaceAll(inBytes, '◍')
}

/**
 * Shows pieces through ids: each byte is a token, and a word ends with this mark. It is of no letter, so it neither
 * merges nor is looked up.
 */
const wordEnd = '\u0003\u0004'

function byteTokenizer({ part, step }: Step): string {
  const vocab = Object.fromEntries(
    byteLetters.map((byte) => [`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, byte]),
  )
  const model = {
    type: 'BPE',
    vocab,
    merges: [],
    byte_fallback: true,
    end_of_word_suffix: wordEnd,
    unk_token: null,
  }
  return JSON.stringify({ version: '1.0', added_tokens: [], [part]: step, model })
}

async function seeByProduct(step: Step, directory: string): Promise<See> {
  writeFileSync(join(directory, 'tokenizer.json'), byteTokenizer(step))
  const tokenizer = await Tokenizer.open(directory, { modelLimit: 100_000 })
  return async (char) => {
    const { inputIds } = await tokenizer.encode(context(char))
    const pieces = Buffer.from(inputIds).toString('utf8').split(wordEnd).slice(0, -1)
    return pieces.map((piece) => outcome(char, piece)).join('␟')
  }
}

function seeByPackage({ part, step }: Step, { Tokenizer: Native }: NativePackage): See {
  const model = { type: 'WordLevel', vocab: { a: 0 }, unk_token: 'a' }
  const tokenizer = Native.fromString(JSON.stringify({ model, [part]: step }))
  if (part === 'normalizer') {
    const normalizer = tokenizer.getNormalizer()
    return (char) => outcome(char, normalizer.normalizeString(context(char)))
  }
  const preTokenizer = tokenizer.getPreTokenizer()
  return (char) => {
    const pieces = preTokenizer.preTokenizeString(context(char))
    const places = pieces.map(([, [start, end]]) => `${start}-${end}`).join(' ')
    return `${pieces.map(([piece]) => outcome(char, piece)).join('␟')}␝${places}`
  }
}

async function differences(see: See, runs: readonly Run[], places: boolean): Promise<string[]> {
  const found: string[] = []
  for (const [first, last, tabled] of runs) {
    const want = places ? tabled : tabled.split('␝')[0]!
    for (let code = first; code <= last; code++) {
      if (code >= 0xd800 && code < 0xe000) continue
      let got: string
      try {
        got = await see(String.fromCodePoint(code))
      } catch (error) {
        got = `refused: ${(error as Error).message}`
      }
      if (got === want || (got.startsWith('refused') && want.startsWith('refused'))) continue
      found.push(
        `U+${code.toString(16).toUpperCase()} expected ${JSON.stringify(want)} got ${JSON.stringify(got)}`,
      )
    }
  }
  return found
}

const { values } = parseArgs({
  options: {
    tables: { type: 'string' },
    by: { type: 'string', default: 'product' },
    only: { type: 'string', default: '' },
  },
})
if (values.tables === undefined)
  throw new Error('Expected --tables DIR, the folder that code-points.py wrote.')
const { tables, by } = values
const wanted = new RegExp(values.only)
const steps = (JSON.parse(readFileSync(join(tables, 'steps.json'), 'utf8')) as Step[]).filter(({ name }) =>
  wanted.test(name),
)
const load = createRequire(import.meta.url)
const native = by === 'package' ? (load(process.env.TOKENIZERS ?? 'tokenizers') as NativePackage) : undefined
const directory = mkdtempSync(join(tmpdir(), 'twofour-code-points-'))

let failed = 0
for (const step of steps) {
  const runs = gunzipSync(readFileSync(join(tables, `${step.name}.txt.gz`)))
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Run)
  let found: string[]
  try {
    const see = native ? seeByPackage(step, native) : await seeByProduct(step, directory)
    found = await differences(see, runs, native !== undefined && step.part === 'pre_tokenizer')
  } catch (error) {
    found = [`refused: ${(error as Error).message}`]
  }
  if (found.length > 0) failed++
  console.log(`${step.name}: ${found.length === 0 ? 'alike' : `${found.length} differ`}`)
  for (const line of found.slice(0, 5)) console.log(`    ${line}`)
}
rmSync(directory, { recursive: true })
console.log(`${steps.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
