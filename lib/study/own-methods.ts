import { checkKeys, checkString, expected } from '../check.js'
import { TwofourError } from '../errors.js'
import { readJsonFile } from '../json-file.js'
import type { Recipe } from '../pruning/recipe.js'
import type { CurveMethod, Level } from './curve-types.js'
import { checkLevels, levelsOf, placed } from './levels.js'
import type { Scope, Series } from './series.js'

/** @throws TypeError, RangeError naming the place */
export function ownSeries(method: CurveMethod, at: string, scope: Scope): Series {
  checkKeys(at, method, ['name', 'unit', 'levels', 'recipe'])
  const name = checkString(`${at}.name`, method.name)
  const unit = checkString(`${at}.unit`, method.unit)
  const recipe = checkTemplate(`${at}.recipe`, method.recipe)
  const levels =
    method.levels === undefined
      ? levelsOf(unit, scope)
      : placed(unit, checkLevels(`${at}.levels`, method.levels, true), scope)
  if (levels.length === 0)
    throw new RangeError(expected(`${at}.levels`, 'levels that remove something', method.levels))
  return { unit, method: name, levels, seeds: [null], recipe }
}

/**
 * Methods in a JSON file: a list of { "name", "unit", "levels", "recipe" }, recipes with "{level}" and "{count}".
 * @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, RECIPE_INVALID
 */
export async function readCurveMethods(file: string): Promise<CurveMethod[]> {
  const value = await readJsonFile(checkString('file', file), 'RECIPE_INVALID')
  if (value === undefined)
    throw new TwofourError('FILE_NOT_FOUND', `There are no methods at ${file}.`, { file })
  // `curve` looks at what the entries are.
  if (Array.isArray(value) && value.length > 0) return value as CurveMethod[]
  throw new TwofourError('RECIPE_INVALID', expected(file, 'a list of at least one method', value), { file })
}

function checkTemplate(what: string, value: unknown): Series['recipe'] {
  if (typeof value === 'function') return value as Series['recipe']
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(expected(what, 'a recipe with "{level}" in it, or a function', value))
  }
  const template = value
  if (!/"\{(level|count)\}"/.test(JSON.stringify(template))) {
    throw new TypeError(expected(what, 'a recipe with "{level}" or "{count}" in it', value))
  }
  // `prune` checks what comes out.
  return (level, count) => filled(template, { '{level}': level, '{count}': count }) as Recipe
}

function filled(value: unknown, places: Readonly<Record<string, Level>>): unknown {
  if (typeof value === 'string') return Object.hasOwn(places, value) ? places[value] : value
  if (Array.isArray(value)) return value.map((each: unknown) => filled(each, places))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filled(each, places)]))
}
