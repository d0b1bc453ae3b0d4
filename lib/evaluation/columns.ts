import { checkKeys, expected, nearMiss } from '../check.js'
import { invalid } from './source.js'

/** Wanted column → its name in the file, or its number from 0 ('5' or 5). Digits are always a number. */
export type Columns = Readonly<Record<string, string | number>>

/** A column of the file: by name (header or JSON key), or by number from 0. */
export type Place = string | number

/**
 * Where every wanted column lies: as `columns` says, else under its own name.
 *
 * @throws TypeError on a column that is not wanted, or a place that is neither a name nor a number.
 */
export function placesOf(wanted: readonly string[], columns: Columns = {}): Place[] {
  checkKeys('columns', columns, wanted)

  return wanted.map((name) => {
    const place = columns[name] ?? name
    if (typeof place === 'number' && Number.isSafeInteger(place) && place >= 0) return place
    if (typeof place !== 'string' || place === '') {
      throw new TypeError(expected(`columns.${name}`, 'a column name or a number from 0', place))
    }
    return /^\d+$/.test(place) ? Number(place) : place
  })
}

/** A file has a header unless every column is given by number. */
export function hasHeader(places: readonly Place[]): boolean {
  return places.some((place) => typeof place === 'string')
}

/**
 * The cell number of every place, names being looked up in the header.
 *
 * @throws TwofourError DATA_INVALID on a name that the header lacks or holds twice.
 */
export function cellNumbers(file: string, places: readonly Place[], header: readonly string[]): number[] {
  const names = header.map((name) => name.trim())
  return places.map((place) => {
    if (typeof place === 'number') return place
    const at = names.indexOf(place)
    if (at < 0) throw missingColumn(file, 1, place, names)
    if (names.indexOf(place, at + 1) < 0) return at
    const sentence = `Expected one column named \`${place}\` in the header, got two. Give its number from 0 in \`columns\`.`
    throw invalid(file, 1, sentence, { column: place, columns: names })
  })
}

/** The refusal of a row or header without the column `place`. */
export function missingColumn(file: string, line: number, place: string, found: readonly string[]) {
  const list = found.map((name) => `\`${shorten(name)}\``)
  const shown = list.length > 12 ? `${list.slice(0, 12).join(', ')}, …` : list.join(', ') || 'nothing'
  const fix = 'Name the columns, or number them from 0 where there is no header, in `columns`.'
  return invalid(
    file,
    line,
    `Expected a column named \`${place}\`, found ${shown}.${nearMiss(place, found)} ${fix}`,
    {
      column: place,
      columns: found,
    },
  )
}

function shorten(name: string): string {
  return name.length > 40 ? `${name.slice(0, 39)}…` : name
}
