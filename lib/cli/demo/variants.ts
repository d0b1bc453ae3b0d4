import type { EncoderSpec, Recipe } from '../../index.js'

/** Variants of one family are alike but for how much goes. */
export type Family =
  | 'dense'
  | 'unstructured'
  | '2:4'
  | '2:4 random'
  | 'heads'
  | 'neurons'
  | 'heads + neurons'
  | 'layers'

/** One way to prune the model; the dense one has no recipe. */
export type Variant = {
  readonly name: string
  readonly family: Family
  readonly recipe: Recipe | null
}

/** What the demo compares, the model as it is first. Layers go only where one would be left. */
export function variantsOf({ layers }: Pick<EncoderSpec, 'layers'>): Variant[] {
  const heads = new Map(layers.map((layer) => [layer.weights, layer.heads.length]))
  const allHeads = [...heads.values()].reduce((sum, count) => sum + count, 0)
  const headStep = (share: number) => ({
    pattern: 'heads' as const,
    score: 'headNorm' as const,
    remove: Math.round(allHeads * share),
  })
  const neuronStep = (fraction: number) => ({ pattern: 'neurons' as const, fraction, per: 'layer' as const })
  const last = layers.length - 1

  return [
    { name: 'dense', family: 'dense', recipe: null },
    ...[0.5, 0.8, 0.9].map((fraction) =>
      variant(`unstructured ${percent(fraction)}`, 'unstructured', {
        pattern: 'unstructured',
        score: 'magnitude',
        fraction,
        per: 'matrix',
      }),
    ),
    variant('2:4', '2:4', { pattern: '2:4', score: 'magnitude' }),
    variant('2:4 random', '2:4 random', { pattern: '2:4', score: 'random' }),
    ...[0.25, 0.5].map((share) => variant(`heads ${percent(share)}`, 'heads', headStep(share))),
    ...[0.25, 0.5].map((share) => variant(`neurons ${percent(share)}`, 'neurons', neuronStep(share))),
    variant('heads 25 % + neurons 25 %', 'heads + neurons', headStep(0.25), neuronStep(0.25)),
    ...(last > 0 ? [variant('last layer removed', 'layers', { pattern: 'layers', list: [last] })] : []),
  ]
}

function variant(name: string, family: Family, ...steps: Recipe['steps']): Variant {
  return { name, family, recipe: { steps } }
}

function percent(share: number): string {
  return `${share * 100} %`
}
