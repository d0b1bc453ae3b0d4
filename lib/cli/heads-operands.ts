import { stat } from 'node:fs/promises'
import { basename, extname, resolve } from 'node:path'
import { type HeadRow, type HeadScoring, readRanking, scoreHeads } from '../index.js'
import type { Invocation } from './command.js'
import { listOption, numbersOption } from './lists.js'
import { openCheckpoint } from './open-checkpoint.js'
import { checkApart, readStudyCalibration } from './study-calibration.js'

/** What stands on the command line: a model to rank, or a ranking that is there. */
export type Operand = { readonly kind: 'model' | 'file'; readonly path: string }

/** One ranking, and where it comes from. */
export type Ranked = {
  readonly name: string
  readonly from: string
  readonly score: string | null
  readonly seed: number | null
  readonly heads: readonly HeadRow[]
  readonly notes: readonly string[]
}

/** Files that end with .json are rankings; the rest are models. */
export async function operandsOf(paths: readonly string[], signal: AbortSignal): Promise<Operand[]> {
  signal.throwIfAborted()
  return Promise.all(
    paths.map(async (path) => {
      const folder = (await stat(path).catch(() => undefined))?.isDirectory() === true
      return { kind: !folder && extname(path) === '.json' ? 'file' : 'model', path }
    }),
  )
}

/** Every model by every score and seed, and the rankings of files, in the operands' order. @throws as `scoreHeads` */
export async function rankedBy(operands: readonly Operand[], invocation: Invocation): Promise<Ranked[]> {
  const models = operands.filter(({ kind }) => kind === 'model').length
  const { options } = invocation
  const stray = ['scores', 'score-seeds', 'remove', 'calibration'].find((name) => options.has(name))
  if (models === 0 && stray !== undefined)
    throw new TypeError(`--${stray} is for a MODEL, and there is none.`)
  const names = shortNames(operands)
  const rankings: Ranked[] = []
  for (const [at, { kind, path }] of operands.entries()) {
    const label = models === 1 ? undefined : names[at]
    if (kind === 'model') rankings.push(...(await rankModel(path, label, invocation)))
    else rankings.push(await fromFile(path, names[at]!))
  }
  return withOwnNames(rankings)
}

/** Of equal names each says where it comes from. */
function withOwnNames(rankings: readonly Ranked[]): Ranked[] {
  const names = rankings.map(({ name }) => name)
  return rankings.map((ranking) => {
    const { name, from } = ranking
    const alone = names.indexOf(name) === names.lastIndexOf(name)
    return alone ? ranking : { ...ranking, name: `${name} of ${from}` }
  })
}

async function fromFile(path: string, label: string): Promise<Ranked> {
  const { name, heads } = await readRanking(path)
  return {
    name: label === basename(path) ? name : label,
    from: path,
    score: null,
    seed: null,
    heads,
    notes: [],
  }
}

async function rankModel(path: string, label: string | undefined, invocation: Invocation): Promise<Ranked[]> {
  const { options, signal, onProgress } = invocation
  const checkpoint = await openCheckpoint(path, invocation)
  const calibration = await readStudyCalibration(checkpoint, invocation)
  const apart =
    calibration !== undefined && options.has('data')
      ? await checkApart(checkpoint, calibration, invocation)
      : []
  const seeds = numbersOption(options, 'score-seeds')
  const remove = options.whole('remove', 1)
  const rankings: Ranked[] = []
  for (const score of listOption(options, 'scores') ?? ['headNorm']) {
    for (const seed of seeds ?? [0]) {
      // The library names what it refuses.
      const scoring = { score, seed, ...(remove !== undefined && { remove }) } as HeadScoring
      const threads = options.whole('threads', 1)
      const { heads, notes } = await scoreHeads(checkpoint, scoring, {
        calibration,
        threads,
        signal,
        onProgress,
      })
      const name = [label, score, seeds && `seed ${seed}`].filter((part) => part !== undefined).join(' ')
      rankings.push({ name, from: path, score, seed, heads, notes: [...notes, ...apart] })
    }
  }
  return rankings
}

/** Base names, or whole paths where two are the same. */
function shortNames(operands: readonly Operand[]): string[] {
  const short = operands.map(({ path }) => basename(resolve(path)))
  return short.map((name, at) =>
    short.indexOf(name) === short.lastIndexOf(name) ? name : operands[at]!.path,
  )
}
