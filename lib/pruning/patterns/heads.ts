import { checkInteger, checkKeys, expected } from '../../check.js'
import { removeListedHeads, removeLowestHeads } from '../heads.js'
import type { Pattern, RecipeBase } from '../pattern.js'
import type { HeadListStep, HeadScoreStep } from '../recipe-types.js'
import { checkLayers } from '../scope.js'
import { checkUnitFields } from '../unit-fields.js'

/** Attention heads: those of a list, or the lowest of all layers together. */
export const heads: Pattern = {
  form: 'heads',
  matches: (name) => name === 'heads',

  prepare(step, at, base) {
    if ('list' in step) {
      const explicit = readList(step, at, base)
      return { explicit, run: async (context) => removeListedHeads(context, explicit) }
    }
    const explicit = readCount(step, at, base)
    return { explicit, run: (context) => removeLowestHeads(context, explicit, at) }
  },
}

function readCount(step: Readonly<Record<string, unknown>>, at: string, base: RecipeBase): HeadScoreStep {
  const keys = ['remove', 'minimum', 'layers']
  return {
    pattern: 'heads',
    ...checkUnitFields(at, step, 'heads', base, { usual: 'headNorm', keys }),
    remove: checkInteger(`${at}.remove`, step.remove, 1),
    minimum: checkInteger(`${at}.minimum`, step.minimum ?? 0, 0, base.originalHeads),
    layers: checkLayers(at, step.layers, base),
  }
}

function readList(step: Readonly<Record<string, unknown>>, at: string, base: RecipeBase): HeadListStep {
  checkKeys(at, step, ['pattern', 'list'])
  const value = step.list
  if (
    typeof value !== 'object' ||
    value === null ||
    Array.isArray(value) ||
    Object.keys(value).length === 0
  ) {
    throw new TypeError(
      expected(`${at}.list`, 'an object of layers with their heads, as {"0": [1, 2]}', value),
    )
  }
  const entries = Object.entries(value).map(
    ([layer, list]) => [layer, readHeads(at, layer, list, base)] as const,
  )
  return { pattern: 'heads', list: Object.fromEntries(entries) }
}

function readHeads(at: string, layer: string, list: unknown, base: RecipeBase): number[] {
  const what = `${at}.list[${layer}]`
  const there = /^(0|[1-9]\d*)$/.test(layer) ? base.layers[Number(layer)] : undefined
  if (there === undefined)
    throw new RangeError(expected(`${at}.list`, `of layers from 0 to ${base.layers.length - 1}`, layer))
  if (!Array.isArray(list)) throw new TypeError(expected(what, 'a list of heads', list))

  const heads = list.map((head, place) => checkInteger(`${what}[${place}]`, head, 0, base.originalHeads - 1))
  const absent = heads.find((head) => !there.heads.includes(head))
  if (absent !== undefined)
    throw new RangeError(
      expected(what, `of heads that layer ${layer} has: ${there.heads.join(', ') || 'none'}`, absent),
    )
  return [...new Set(heads)].sort((a, b) => a - b)
}
