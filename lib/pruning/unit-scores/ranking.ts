import { checkInteger, checkKeys, checkString, expected } from '../../check.js'
import { layerOfSet } from '../../checkpoint/structure.js'
import { TwofourError } from '../../errors.js'
import { readJsonFile } from '../../json-file.js'
import { checkList } from '../json-lists.js'
import type { StepContext } from '../pattern.js'
import type { UnitRanking } from '../recipe-types.js'
import { storedUnits, type UnitKind } from '../units.js'
import type { Ranked, UnitScore } from './unit-score.js'

/**
 * Numbers from elsewhere: an object, or a JSON file that is read when the step runs. `heads` (or `neurons`) has a row
 * [layer, index, score] for each, `order` a row [layer, index], first what goes first; original indices. Units of a
 * weight set that layers share are named once, by any of the layers. Rows of units that are gone, or out of the step's
 * scope, are passed over, and so are those of the other kind.
 */
export const ranking: UnitScore = {
  name: 'ranking',
  units: ['heads', 'neurons'],
  keys: ['ranking'],

  check(at, step, kind) {
    const what = `${at}.ranking`
    if (typeof step.ranking === 'string') return { ranking: checkString(what, step.ranking) }
    return { ranking: checkForm(what, step.ranking, kind) }
  },

  async open(ranked, { ranking: given }) {
    const { at, kind, units } = ranked
    const numbers =
      typeof given === 'string'
        ? await inFile(given, (value) => numbersOf(given, checkForm(given, value, kind), ranked))
        : numbersOf(`${at}.ranking`, given!, ranked)
    const scores = Float64Array.from(units, (unit) => numbers.get(keyOf(unit))!)
    return { scores: async () => scores }
  },
}

/** @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, DATA_INVALID */
async function inFile<T>(file: string, read: (value: unknown) => T): Promise<T> {
  const value = await readJsonFile(file, 'DATA_INVALID')
  if (value === undefined)
    throw new TwofourError('FILE_NOT_FOUND', `There is no ranking at ${file}.`, { file })
  try {
    return read(value)
  } catch (cause) {
    if (!(cause instanceof TypeError || cause instanceof RangeError)) throw cause
    throw new TwofourError('DATA_INVALID', cause.message, { file }, { cause })
  }
}

function checkForm(what: string, value: unknown, kind: UnitKind): UnitRanking {
  checkKeys(what, value, ['heads', 'neurons', 'order'])
  const names = [kind, 'order'].filter((name) => value[name] !== undefined)
  if (names.length !== 1) {
    const wanted = `an object with \`${kind}\`, rows of layer, index and score, or with \`order\`, rows of layer and index`
    throw new TypeError(expected(what, wanted, value))
  }
  const name = names[0] as 'order'
  const width = name === 'order' ? 2 : 3
  const rows = checkList(`${what}.${name}`, value[name]).map((row, at) =>
    checkRow(`${what}.${name}[${at}]`, row, width),
  )
  return { [name]: rows }
}

function checkRow(what: string, value: unknown, width: number): number[] {
  const row = checkList(what, value)
  if (row.length !== width || !row.every((number) => Number.isFinite(number))) {
    throw new TypeError(
      expected(what, width === 2 ? '[layer, index]' : '[layer, index, score], all of them numbers', value),
    )
  }
  return [
    checkInteger(`${what}[0]`, row[0]),
    checkInteger(`${what}[1]`, row[1]),
    ...(row.slice(2) as number[]),
  ]
}

/** Unit → its number. @throws RangeError naming what is unknown, twice or missing */
function numbersOf(what: string, given: UnitRanking, { context, kind, units }: Ranked): Map<string, number> {
  const { base } = context
  const rows = given.order ?? given[kind]!
  const numbers = new Map<string, number>()
  for (const [place, [layer, index, score = place]] of rows.entries()) {
    const unit = { set: setOf(what, context, kind, layer!, index!), index: index! }
    if (numbers.has(keyOf(unit))) {
      throw new RangeError(
        `Expected \`${what}\` to name each unit once, got ${named(kind, layer!, index!)} twice.`,
      )
    }
    numbers.set(keyOf(unit), score)
  }
  const missing = units.filter((unit) => !numbers.has(keyOf(unit)))
  if (missing.length === 0) return numbers
  const [{ set, index }] = missing as [Ranked['units'][number]]
  const first = named(
    kind,
    base.layers.findIndex(({ weights }) => weights === set),
    index,
  )
  const more = missing.length === 1 ? '' : ` and ${missing.length - 1} more`
  throw new RangeError(`Expected \`${what}\` to name all ${kind} of the step, got none for ${first}${more}.`)
}

function setOf(what: string, { base }: StepContext, kind: UnitKind, layer: number, index: number): number {
  const set = base.layers[layer]?.weights
  if (set !== undefined && isThere({ base }, kind, set, index)) return set
  throw new RangeError(
    `Expected \`${what}\` to name ${kind} that the model has, got ${named(kind, layer, index)}.`,
  )
}

function isThere({ base }: Pick<StepContext, 'base'>, kind: UnitKind, set: number, index: number): boolean {
  return kind === 'heads'
    ? layerOfSet(base, set).heads.includes(index)
    : index < storedUnits({ base }, kind, set)
}

function named(kind: UnitKind, layer: number, index: number): string {
  return `${kind === 'heads' ? 'head' : 'neuron'} ${index} of layer ${layer}`
}

function keyOf({ set, index }: Ranked['units'][number]): string {
  return `${set} ${index}`
}
