import { expected, nearMiss } from '../check.js'
import { seededRandom } from '../evaluation/random.js'
import type { RecipeBase } from '../pruning/pattern.js'
import { prepareRecipe, type Recipe, type RecipeStep } from '../pruning/recipe.js'
import { scoreNames } from '../pruning/scores.js'
import type { Level } from './curve-types.js'
import { levelsOf } from './levels.js'
import { isReversed, orderOf, type Scope, type Series, type Sizes } from './series.js'

/** A name in its parts: `reverse:wanda+refit`. */
type Named = { readonly score: string; readonly update: string | undefined; readonly reverse: boolean }

const layerOrders = ['first', 'last']

/**
 * One series for each unit of the study that the method can rank.
 * @throws TypeError for an unknown name, or where it ranks none of the units: the recipe's own refusal
 */
export function namedSeries(name: string, scope: Scope, base: RecipeBase): Series[] {
  const named = parse(name)
  const refusals: unknown[] = []
  const series = scope.units.flatMap((unit) => {
    const one = seriesOf(name, named, unit, scope)
    if (one === undefined) return []
    const [first] = one.levels
    // A model of one layer has none to spare, whatever the method.
    if (first === undefined) return [one]
    try {
      prepareRecipe(one.recipe(first.level, first.count, one.seeds[0]!), base)
      return [one]
    } catch (error) {
      refusals.push(error)
      return []
    }
  })
  if (series.length > 0) return series
  throw fitsNone(name, scope.units, refusals[0])
}

function parse(name: string): Named {
  const plain = isReversed(name) ? orderOf(name) : name
  const [score = '', ...updates] = plain.split('+')
  const known = [...scoreNames, ...layerOrders]
  if (!known.includes(score) || updates.length > 1) {
    const miss = nearMiss(score, known).trim()
    const wanted = 'a method: a score, with `+refit` or `+bias` behind and `reverse:` before it where wanted'
    throw new TypeError(expected('methods', wanted, name, miss || `Scores: ${known.join(', ')}.`))
  }
  return { score, update: updates[0], reverse: isReversed(name) }
}

function seriesOf(method: string, named: Named, unit: string, scope: Scope): Series | undefined {
  const { score, update, reverse } = named
  const seeds =
    score === 'random' ? Array.from({ length: scope.seeds }, (_, seed) => seed + 1) : ([null] as const)
  const levels = levelsOf(unit, scope)
  if (unit === 'layers') {
    if (update !== undefined || ![...layerOrders, 'random'].includes(score)) return undefined
    const recipe = (_: Level, count: number, seed: number | null) =>
      withoutLayers(layersGoing(named, scope.sizes, seed).slice(0, count))
    return { unit, method, levels, seeds, recipe }
  }
  if (layerOrders.includes(score)) return undefined
  const fields = { score, ...(update !== undefined && { update }), ...(reverse && { reverse }) }
  const recipe = (level: Level, count: number, seed: number | null): Recipe => ({
    // The recipe's own check is the judge of what goes together.
    steps: [{ ...amount(unit, level, count), ...fields } as RecipeStep],
    ...(seed !== null && { seed }),
  })
  return { unit, method, levels, seeds, recipe }
}

function amount(unit: string, level: Level, count: number) {
  if (unit === 'weights') return { pattern: 'unstructured', fraction: level }
  if (unit === 'neurons') return { pattern: 'neurons', fraction: level }
  return unit === 'heads' ? { pattern: 'heads', remove: count } : { pattern: level }
}

function withoutLayers(list: readonly number[]): Recipe {
  return { steps: [{ pattern: 'layers', list: list.toSorted((a, b) => a - b) }] }
}

/** Layers in the order in which they go. */
function layersGoing({ score, reverse }: Named, { layers }: Sizes, seed: number | null): number[] {
  if (seed === null) return (score === 'first') === reverse ? layers.toReversed() : [...layers]
  const random = seededRandom(seed)
  const keys = new Map(layers.map((layer) => [layer, random()]))
  return layers.toSorted((a, b) => keys.get(a)! - keys.get(b)!)
}

function fitsNone(name: string, units: readonly string[], refusal: unknown): unknown {
  const what = `Method \`${name}\` ranks none of ${units.join(', ')}.`
  if (!(refusal instanceof Error)) return new TypeError(what)
  return new TypeError(`${what} ${refusal.message}`, { cause: refusal })
}
