import { type LayerPart, layerParts } from './family.js'
import type { EncoderSpec, HeadSpec, LayerSpec, Slot } from './spec.js'

/** Every slot that `spec` needs, and the shape its weight must have. */
export function weightShapes(spec: EncoderSpec): ReadonlyMap<Slot, readonly number[]> {
  return new Map([...embeddingShapes(spec), ...layerShapes(spec), ...poolerShapes(spec), ...headShapes(spec)])
}

type Shapes = [Slot, readonly number[]][]

function linear(slot: Slot, out: number, into: number): Shapes {
  return [
    [`${slot}.weight`, [out, into]],
    [`${slot}.bias`, [out]],
  ]
}

function norm(slot: Slot, width: number): Shapes {
  return [
    [`${slot}.weight`, [width]],
    [`${slot}.bias`, [width]],
  ]
}

function embeddingShapes(spec: EncoderSpec): Shapes {
  const { vocab, positions, tokenTypes, embedding, hidden, relative, originalHeads } = spec
  const shapes: Shapes = [
    ['wordEmbeddings', [vocab, embedding]],
    ['positionEmbeddings', [positions, embedding]],
  ]
  if (tokenTypes > 0) shapes.push(['tokenTypeEmbeddings', [tokenTypes, embedding]])
  shapes.push(...norm('embeddingNorm', embedding))
  if (spec.projection) shapes.push(...linear('embeddingProjection', hidden, embedding))
  if (relative !== null) shapes.push(['relativeBias', [relative.buckets, originalHeads]])
  return shapes
}

/** Weight sets that several layers share are there once. */
function layerShapes(spec: EncoderSpec): Shapes {
  const sets = new Map(spec.layers.map((layer) => [layer.weights, layer]))
  return [...sets.values()].flatMap((layer) =>
    layerParts.flatMap((part) => partShapes(`layers.${layer.weights}.${part}`, part, layer, spec)),
  )
}

function partShapes(slot: Slot, part: LayerPart, layer: LayerSpec, spec: EncoderSpec): Shapes {
  const { hidden } = spec
  const attention = layer.heads.length * spec.headSize
  switch (part) {
    case 'query':
    case 'key':
    case 'value':
      return linear(slot, attention, hidden)
    case 'attentionOutput':
      return linear(slot, hidden, attention)
    case 'ffnIn':
      return linear(slot, layer.inner, hidden)
    case 'ffnOut':
      return linear(slot, hidden, layer.inner)
    case 'attentionNorm':
    case 'outputNorm':
      return norm(slot, hidden)
  }
}

function poolerShapes({ pooler, hidden }: EncoderSpec): Shapes {
  return pooler ? linear('pooler', hidden, hidden) : []
}

function headShapes({ head, hidden }: EncoderSpec): Shapes {
  if (head === null) return []
  return [
    ...transformShapes(head.transform, hidden),
    ...linear('head.output', head.labels, headWidth(head, hidden)),
  ]
}

function headWidth(head: HeadSpec, hidden: number): number {
  return head.transform === null ? hidden : head.transform.size
}

function transformShapes(transform: HeadSpec['transform'], hidden: number): Shapes {
  if (transform === null) return []
  const { size } = transform
  return [
    ...linear('head.transform', size, hidden),
    ...(transform.norm ? norm('head.transformNorm', size) : []),
  ]
}
