import type { EncoderSpec, Recipe } from '../index.js'
import type { LoadOptions } from './encoder-subject.js'

/** One way to load a model. */
export type Variant = {
  readonly name: string
  readonly dtype: NonNullable<LoadOptions['dtype']>
  readonly sparsity: NonNullable<LoadOptions['sparsity']>
  readonly recipe: Recipe | null
  /** Of the weights that stand in a file: zeros of heads and neurons are there and can be multiplied. */
  readonly masked: boolean
}

/** What the variants that everybody asks for are called, in the order of the table. */
export const usualNames = [
  'float32',
  'bfloat16',
  'int8',
  '2:4',
  '2:4 int8',
  '90 % zeros',
  'half of the heads',
  'half of the neurons',
] as const

/** Every dense dtype in turn, zeros multiplied like other weights; then what pruning by weights alone could win. */
export function usualVariants({ layers }: Pick<EncoderSpec, 'layers'>): Variant[] {
  const heads = new Map(layers.map((layer) => [layer.weights, layer.heads.length]))
  const allHeads = [...heads.values()].reduce((sum, count) => sum + count, 0)
  const twoOfFour: Recipe = { steps: [{ pattern: '2:4', score: 'magnitude' }] }
  const most: Recipe = { steps: [{ pattern: 'unstructured', score: 'magnitude', fraction: 0.9 }] }
  const half: Recipe = { steps: [{ pattern: 'heads', score: 'headNorm', remove: Math.round(allHeads / 2) }] }
  const narrow: Recipe = { steps: [{ pattern: 'neurons', fraction: 0.5, per: 'layer' }] }
  return [
    variant('float32', { sparsity: 'off' }),
    variant('bfloat16', { dtype: 'bfloat16', sparsity: 'off' }),
    variant('int8', { dtype: 'int8', sparsity: 'off' }),
    variant('2:4', { recipe: twoOfFour }),
    variant('2:4 int8', { dtype: 'int8', recipe: twoOfFour }),
    variant('90 % zeros', { recipe: most }),
    variant('half of the heads', { recipe: half }),
    variant('half of the neurons', { recipe: narrow }),
  ]
}

/** Of a model that has zeros already: sparse forms where they are faster. */
export function zerosVariants(): Variant[] {
  return [variant('its zeros', {}), variant('its zeros int8', { dtype: 'int8' })]
}

/** Of the user's own recipe: with zeros in place, and without what it removes, where it removes something. */
export function recipeVariants(recipe: Recipe): Variant[] {
  const removes = recipe.steps.some(({ pattern }) => ['heads', 'neurons', 'layers'].includes(pattern))
  return [variant('masked', { recipe, masked: true }), ...(removes ? [variant('removed', { recipe })] : [])]
}

/** Dense dtypes, of which the fastest is what a sparse variant has to beat. */
export function isDense({ recipe, sparsity }: Pick<Variant, 'recipe' | 'sparsity'>): boolean {
  return recipe === null && sparsity === 'off'
}

function variant(name: string, fields: Partial<Variant>): Variant {
  return { name, dtype: 'float32', sparsity: 'auto', recipe: null, masked: false, ...fields }
}
