/**
 * What the native engine needs to know of an encoder: plain numbers, checked before they cross.
 * The engine has one forward pass; every family is a table of these values.
 */

export const activations = ['gelu', 'geluTanh', 'relu', 'silu', 'quickGelu', 'tanh'] as const
/** `gelu` is the erf form; `geluTanh` is what configs call gelu_new and gelu_pytorch_tanh. */
export type Activation = (typeof activations)[number]

/** The six linears of a layer, in the order of the forward pass. */
export const linearSlots = ['query', 'key', 'value', 'attentionOutput', 'ffnIn', 'ffnOut'] as const
export type LinearSlot = (typeof linearSlots)[number]

/** One application of a layer. ALBERT applies one weight set several times. */
export type LayerSpec = {
  /** Which weight set this layer reads: slots `layers.{weights}.…`. */
  readonly weights: number
  /** Original indices of the heads that are there, ascending; may be empty. */
  readonly heads: readonly number[]
  /** Neurons of the feed-forward that are there; may be 0. */
  readonly inner: number
}

export const headKinds = [
  'sequenceClassification',
  'tokenClassification',
  'questionAnswering',
  'maskedLanguage',
] as const
export type HeadKind = (typeof headKinds)[number]

/** A task head: rows in → (linear → activation → LayerNorm)? → linear out [labels]. */
export type HeadSpec = {
  readonly kind: HeadKind
  /** Width of the logits: labels, 2 for question answering, the vocabulary for masked language models. */
  readonly labels: number
  /** What it reads: every token, each sequence's first token, or the pooler's output. */
  readonly input: 'tokens' | 'first' | 'pooled'
  readonly transform: null | {
    readonly size: number
    readonly activation: Activation
    readonly norm: boolean
  }
}

export type EncoderSpec = {
  readonly vocab: number
  readonly hidden: number
  /** Width of the embeddings; differs from `hidden` where there is an `embeddingProjection`. */
  readonly embedding: number
  readonly projection: boolean
  /** Rows of the position table. */
  readonly positions: number
  /**
   * null: a token's position is its index. A number p: RoBERTa's rule, where tokens that are not the padding
   * id p count from p + 1 and padding tokens have position p.
   */
  readonly positionPadding: number | null
  /** Rows of the token type table; 0 where the family has none. */
  readonly tokenTypes: number
  readonly headSize: number
  /** Heads before any were removed: columns of `relativeBias`, and what `LayerSpec.heads` count in. */
  readonly originalHeads: number
  readonly epsilon: number
  readonly activation: Activation
  /** MPNet's bucketed position bias, shared by the layers; slot `relativeBias` [buckets, originalHeads]. */
  readonly relative: null | { readonly buckets: number; readonly maxDistance: number }
  readonly layers: readonly LayerSpec[]
  /** Layer applications per reported hidden state: 1, or ALBERT's inner groups. */
  readonly layersPerState: number
  readonly pooler: boolean
  readonly head: HeadSpec | null
}

/**
 * Slots are the names of weights inside twofour, the same for every family:
 * `wordEmbeddings` `positionEmbeddings` `tokenTypeEmbeddings` `embeddingNorm.{weight,bias}`
 * `embeddingProjection.{weight,bias}` `relativeBias`
 * `layers.{n}.{query,key,value,attentionOutput,attentionNorm,ffnIn,ffnOut,outputNorm}.{weight,bias}`
 * `pooler.{weight,bias}` `head.{transform,transformNorm,output}.{weight,bias}`.
 * Linear weights are [out, in], norms and biases [out], tables [rows, width].
 */
export type Slot = string

/** Tokens that a sequence may have at most. */
export function maxTokens(spec: EncoderSpec): number {
  return spec.positionPadding === null ? spec.positions : spec.positions - spec.positionPadding - 1
}
