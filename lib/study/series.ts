import type { Recipe } from '../pruning/recipe.js'
import type { Level } from './curve-types.js'

/** A method over one unit, and the recipe for each of its levels. */
export type Series = {
  readonly unit: string
  readonly method: string
  readonly levels: readonly { readonly level: Level; readonly share: number; readonly count: number }[]
  /** Of random prunings; else one null. */
  readonly seeds: readonly (number | null)[]
  readonly recipe: (level: Level, count: number, seed: number | null) => Recipe
}

/** What the study's own words stand for. */
export type Scope = {
  readonly units: readonly string[]
  readonly patterns: readonly string[]
  /** Shares, or undefined for the usual ones. */
  readonly levels: readonly number[] | undefined
  readonly seeds: number
  readonly sizes: Sizes
}

/** What the model has: heads and neurons of shared weight sets once, layers as indices of the base. */
export type Sizes = { readonly heads: number; readonly neurons: number; readonly layers: readonly number[] }

const reversal = 'reverse:'

export function isReversed(method: string): boolean {
  return method.startsWith(reversal)
}

/** The method whose order a reversed one turns round. */
export function orderOf(method: string): string {
  return method.slice(reversal.length)
}

export function reversed(method: string): string {
  return `${reversal}${method}`
}

/** How many units a share is: half rounds up. */
export function countOf(share: number, of: number): number {
  return Math.floor(share * of + 0.5)
}

/** 2:4 → 0.5. */
export function shareOfPattern(pattern: string): number {
  const [n, m] = pattern.split(':').map(Number) as [number, number]
  return 1 - n / m
}
