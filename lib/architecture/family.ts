import type { Activation, HeadKind, HeadSpec } from './spec.js'

/** A field of config.json, and the value where it is absent. */
export type Field<T> = readonly [name: string, absent: T]

/** Parts of a layer, in the order of the forward pass; each has a weight and a bias. */
export const layerParts = [
  'query',
  'key',
  'value',
  'attentionOutput',
  'attentionNorm',
  'ffnIn',
  'ffnOut',
  'outputNorm',
] as const
export type LayerPart = (typeof layerParts)[number]

/**
 * A task head's tensors: names without `.weight` and `.bias`, and without the encoder's prefix.
 * A masked language head's `output` is the word embeddings, unless config.json unties them.
 */
export type HeadTable = {
  readonly kind: HeadKind
  readonly input: HeadSpec['input']
  readonly transform: null | {
    /** Rows of `dense`. */
    readonly size: 'hidden' | 'embedding'
    /** `config`: the one of the feed-forwards. */
    readonly activation: Activation | 'config'
    readonly dense: string
    /** Of the LayerNorm that follows, where one does. */
    readonly norm: string | null
  }
  readonly output: string
  /** Full names that the output's bias may have. Absent: `output` with `.bias`. */
  readonly outputBias?: readonly string[]
}

/** Names of tensors without `.weight`, `.bias` and prefix; null where the family has no such weight. */
export type TensorTable = {
  readonly wordEmbeddings: string
  readonly positionEmbeddings: string
  readonly tokenTypeEmbeddings: string | null
  readonly embeddingNorm: string
  readonly embeddingProjection: string | null
  readonly relativeBias: string | null
  readonly pooler: string | null
  /** With `{layer}`, or with `{group}` and `{inner}`, in the place of the weight set's index. */
  readonly layers: Readonly<Record<LayerPart, string>>
}

export type ConfigTable = {
  readonly vocab: Field<number>
  readonly hidden: Field<number>
  readonly heads: Field<number>
  readonly layers: Field<number>
  readonly inner: Field<number>
  readonly positions: Field<number>
  /** null: as wide as `hidden`. */
  readonly embedding: Field<number> | null
  /** null: the family has none. */
  readonly tokenTypes: Field<number> | null
  /** Weight sets are `groups` × `innerGroups`; null: one for each layer. */
  readonly groups: Field<number> | null
  readonly innerGroups: Field<number> | null
  readonly activation: Field<string>
  readonly epsilon: Field<number> | number
  /** As in `EncoderSpec.positionPadding`. */
  readonly positionPadding: Field<number> | number | null
}

/** One family of encoders, as data: what its configs call things, and what its checkpoints call tensors. */
export type Family = {
  /** `model_type` of config.json. */
  readonly modelTypes: readonly string[]
  /** What the names of its classes begin with → the `model_type` of that class. */
  readonly classes: ReadonlyMap<string, string>
  /** What may stand before the encoder's tensors, the likelier first. */
  readonly prefixes: readonly string[]
  readonly config: ConfigTable
  /** A key → its other spelling, which wins where a file has both: `attribute_map` of transformers. */
  readonly spellings: ReadonlyMap<string, string>
  /** Keys that look like the family's and are not read → why. */
  readonly strangers: ReadonlyMap<string, string>
  /** Whether `position_embedding_type` asks for something. */
  readonly positionTypes: boolean
  /** Whether a linear leads from the embeddings to the hidden size; `resized`: where their widths differ. */
  readonly projection: 'always' | 'resized' | 'never'
  /** Buckets are fixed by the family; `field` may only agree. */
  readonly relative: null | { readonly field: string; readonly buckets: number; readonly maxDistance: number }
  readonly tensors: TensorTable
  /**
   * What follows the class prefix in `architectures[0]` → the head. null: none. A sentence: none, and why.
   */
  readonly heads: ReadonlyMap<string, HeadTable | string | null>
}
