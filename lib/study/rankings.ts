import { basename, extname } from 'node:path'
import { checkInteger, checkNumber, checkString, expected } from '../check.js'
import { TwofourError } from '../errors.js'
import { isJsonObject, type JsonObject, readJsonFile } from '../json-file.js'
import { checkList } from '../pruning/json-lists.js'
import { type HeadRow, headRows } from '../pruning/score-heads.js'
import { checkUnitScores } from '../pruning/unit-report.js'

/** Heads with their scores, under the name by which a comparison shows them. */
export type NamedRanking = { readonly name: string; readonly heads: readonly HeadRow[] }

/**
 * A ranking in a JSON file: { "heads": [[layer, head, score], …] }, or a pruning.json whose last step by a score of
 * heads says how it ranked them. Named by its file, a pruning.json by its folder.
 * @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, DATA_INVALID
 */
export async function readRanking(file: string): Promise<NamedRanking> {
  const value = await readJsonFile(checkString('file', file), 'DATA_INVALID')
  if (value === undefined)
    throw new TwofourError('FILE_NOT_FOUND', `There is no ranking at ${file}.`, { file })
  try {
    return { name: nameOf(file), heads: checkRows('heads', rowsIn(value)) }
  } catch (cause) {
    if (!(cause instanceof TypeError || cause instanceof RangeError)) throw cause
    throw new TwofourError('DATA_INVALID', `${file}: ${cause.message}`, { file }, { cause })
  }
}

/** Rows of different heads. @throws TypeError, RangeError naming the place */
export function checkRows(what: string, value: unknown): HeadRow[] {
  const seen = new Set<string>()
  return checkList(what, value).map((row, at) => {
    const place = `${what}[${at}]`
    const [layer, head, score, ...more] = checkList(place, row)
    if (score === undefined || more.length > 0)
      throw new TypeError(expected(place, '[layer, head, score]', row))
    const checked = [
      checkInteger(`${place}[0]`, layer),
      checkInteger(`${place}[1]`, head),
      checkNumber(`${place}[2]`, score, -Number.MAX_VALUE, Number.MAX_VALUE),
    ] as const
    const key = `${checked[0]} ${checked[1]}`
    if (seen.has(key)) {
      throw new RangeError(
        `Expected \`${what}\` to name each head once, got head ${head} of layer ${layer} twice.`,
      )
    }
    seen.add(key)
    return checked
  })
}

function rowsIn(value: unknown): unknown {
  if (!isJsonObject(value)) throw new TypeError(expected('ranking', 'a JSON object with `heads`', value))
  if (value.heads !== undefined) return value.heads
  const scores = scoresIn(value)
  if (scores === undefined) {
    throw new TypeError(
      expected('ranking', 'an object with `heads`, or a pruning.json with scores of heads', value),
    )
  }
  // Weight sets are numbered as layers are, but where layers share them.
  return headRows(
    checkList('steps.scores', scores).map((each, at) => checkUnitScores(`steps.scores[${at}]`, each)),
    (set) => set,
  )
}

function scoresIn({ steps }: JsonObject): unknown {
  if (!Array.isArray(steps)) return undefined
  const last: unknown = steps.findLast(
    (step: unknown) => isJsonObject(step) && step.pattern === 'heads' && step.scores !== undefined,
  )
  return isJsonObject(last) ? last.scores : undefined
}

function nameOf(file: string): string {
  if (basename(file) !== 'pruning.json') return basename(file, extname(file))
  return basename(file.slice(0, -'/pruning.json'.length)) || 'pruning'
}
