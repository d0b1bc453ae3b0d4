import { checkInteger, checkKeys, checkString, describe, expected, nearMiss } from '../check.js'
import { TwofourError } from '../errors.js'
import { readJsonFile } from '../json-file.js'
import type { PreparedStep, RecipeBase } from './pattern.js'
import { patterns } from './patterns.js'
import type { ExplicitRecipe } from './recipe-types.js'

export type { ExplicitRecipe, ExplicitStep, Recipe, RecipeStep } from './recipe-types.js'

/** A checked recipe: as JSON with its defaults, and as steps to run. */
export type PreparedRecipe = { readonly recipe: ExplicitRecipe; readonly steps: readonly PreparedStep[] }

/** 32 bits, so that a seed is a whole number in every language that reads a recipe. */
const largestSeed = 2 ** 32 - 1

/**
 * Checks a recipe against the base that it is for.
 * @throws TypeError, RangeError naming the place, as `recipe.steps[2].fraction`
 */
export function prepareRecipe(value: unknown, base: RecipeBase): PreparedRecipe {
  checkKeys('recipe', value, ['steps', 'seed'])
  const { steps: list, seed } = value
  if (!Array.isArray(list) || list.length === 0) {
    throw new TypeError(expected('recipe.steps', 'a list of at least one step', list))
  }

  const steps = list.map((step: unknown, index) => prepareStep(step, `recipe.steps[${index}]`, base))
  const explicit = steps.map((step) => step.explicit)
  return { recipe: { steps: explicit, seed: checkInteger('recipe.seed', seed ?? 0, 0, largestSeed) }, steps }
}

/** A recipe with every default written out. @throws as `prepareRecipe` */
export function normalizeRecipe(value: unknown, base: RecipeBase): ExplicitRecipe {
  return prepareRecipe(value, base).recipe
}

/**
 * The recipe in a JSON file, with every default written out.
 * @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE or RECIPE_INVALID
 */
export async function readRecipe(file: string, base: RecipeBase): Promise<ExplicitRecipe> {
  const value = await readJsonFile(checkString('file', file), 'RECIPE_INVALID')
  if (value === undefined)
    throw new TwofourError('FILE_NOT_FOUND', `There is no recipe at ${file}.`, { file })
  try {
    return normalizeRecipe(value, base)
  } catch (cause) {
    if (!(cause instanceof TypeError || cause instanceof RangeError)) throw cause
    const place = /recipe[\w.[\]]*/.exec(cause.message)?.[0] ?? 'recipe'
    throw new TwofourError('RECIPE_INVALID', `${file}: ${cause.message}`, { file, place }, { cause })
  }
}

function prepareStep(step: unknown, at: string, base: RecipeBase): PreparedStep {
  if (typeof step !== 'object' || step === null || Array.isArray(step)) {
    throw new TypeError(expected(at, 'an object with a `pattern`', step))
  }
  const fields: Record<string, unknown> = { ...step }
  const name = checkString(`${at}.pattern`, fields.pattern)
  const pattern = patterns.find(({ matches }) => matches(name))
  if (pattern !== undefined) return pattern.prepare(fields, at, base)

  const forms = patterns.map(({ form }) => form)
  const known = `Known: ${forms.join(', ')}, where N:M is 2:4 and the like.`
  throw new TypeError(
    `Unknown pattern ${describe(name)} in \`${at}.pattern\`.${nearMiss(name, forms)} ${known}`,
  )
}
