import { checkNumber, expected } from '../check.js'
import type { Level } from './curve-types.js'
import { countOf, type Scope, type Series, shareOfPattern } from './series.js'

const tenths = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]

/** The levels of a unit in a study, ascending. Shares that round to the same number of heads are one level. */
export function levelsOf(unit: string, scope: Scope): Series['levels'] {
  const { sizes, patterns, levels } = scope
  if (unit === 'N:M') return placed(unit, patterns, scope)
  if (unit !== 'layers') return placed(unit, levels ?? (unit === 'weights' ? tenths : [...tenths, 1]), scope)
  const { length } = sizes.layers
  return Array.from({ length: Math.max(0, length - 1) }, (_, at) => {
    return { level: at + 1, share: (at + 1) / length, count: at + 1 }
  })
}

/** Levels with their shares; of equal counts the lowest stays, and what rounds to nothing goes. */
export function placed(unit: string, levels: readonly Level[], { sizes }: Scope): Series['levels'] {
  const total = unit === 'heads' ? sizes.heads : unit === 'neurons' ? sizes.neurons : undefined
  const counts = new Set([0])
  return levels
    .map((level) => {
      const share = typeof level === 'number' ? level : shareOfPattern(level)
      const count = countOf(share, total ?? 0)
      return { level, share: unit === 'heads' ? count / Math.max(1, sizes.heads) : share, count }
    })
    .sort((a, b) => a.share - b.share || Number(a.level) - Number(b.level) || 0)
    .filter(({ count }) => {
      if (total === undefined) return true
      const fresh = !counts.has(count)
      counts.add(count)
      return fresh
    })
}

/** @throws TypeError, RangeError for a level that is neither a share nor N:M */
export function checkLevels(what: string, value: unknown, patterns: boolean): Level[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw new TypeError(expected(what, 'a list of at least one level', value))
  }
  const levels = value.map((level: unknown, at) => checkLevel(`${what}[${at}]`, level, patterns))
  const twice = levels.find((level, at) => levels.indexOf(level) !== at)
  if (twice !== undefined)
    throw new RangeError(`Expected \`${what}\` to name each level once, got ${twice} twice.`)
  return levels
}

function checkLevel(what: string, level: unknown, patterns: boolean): Level {
  if (patterns && typeof level === 'string' && /^\d{1,3}:\d{1,3}$/.test(level)) return level
  const share = checkNumber(what, level, 0, 1)
  if (share > 0) return share
  throw new RangeError(expected(what, 'above 0', level, 'The dense model is measured anyway.'))
}
