import type { LinearSlot } from '../architecture/spec.js'
import type { WeightScoreName } from './scores.js'

/** What a step over weights may name: the six linears of each layer, and the word embeddings. */
export type WeightSlot = LinearSlot | 'wordEmbeddings'

/** What happens to the weights of a linear that stay, and to its bias. */
export type WeightUpdate = {
  /** 'bias': what went is made up for in the mean; 'refit': by least squares. Absent where the score updates. */
  readonly update?: 'none' | 'bias' | 'refit'
  /**
   * Share of the mean squared input that is added to each when least squares are solved. 'auto': 0.2
   * divided by the tokens for each input, from 0.01 to 1.
   */
  readonly damping?: number | 'auto'
  /** What is aimed at: what the linear's weights, with those that are gone, make of its input; or the dense model's output. */
  readonly target?: 'own' | 'dense'
}

/** What ranks heads and neurons: see unit-scores/, one file each. */
export type UnitScoreName =
  | 'headNorm'
  | 'magnitude'
  | 'random'
  | 'gradient'
  | 'fisher'
  | 'ablation'
  | 'similarity'
  | 'subset'
  | 'hardConcrete'
  | 'obs'
  | 'ranking'

/**
 * 'labels': those of the calibration data. Without any: 'pseudo', the model's own most likely labels; 'fisher', labels
 * drawn from its own probabilities; 'dense', the distance from the model before the step. 'auto': 'labels' where there
 * are some, else 'fisher' for `gradient` and `fisher`, 'dense' for the others.
 */
export type UnitLoss = 'auto' | 'labels' | 'pseudo' | 'fisher' | 'dense'

/** Numbers from elsewhere: rows [layer, index, score], or [layer, index] in the order of going. */
export type UnitRanking = {
  readonly heads?: readonly (readonly number[])[]
  readonly neurons?: readonly (readonly number[])[]
  readonly order?: readonly (readonly number[])[]
}

/** What single scores of heads and neurons may say; which, their files say. */
export type UnitScoreFields = {
  readonly loss?: UnitLoss
  /** Of what the size is taken: derivatives of each token, of each example, of each minibatch. */
  readonly estimator?: 'token' | 'example' | 'batch'
  /** 'layer': numbers of a layer are shares of its Euclidean norm. */
  readonly normalise?: 'layer' | 'none'
  /** In how many parts units go, ranked again for each on what is left. */
  readonly rounds?: number
  readonly by?: 'ablation' | 'gradient'
  /** Examples in a minibatch. */
  readonly batch?: number
  /** Minibatches that gates learn from. */
  readonly steps?: number
  readonly learningRate?: number
  /** For each gate that is open. */
  readonly penalty?: number
  /** An object, or the path of a JSON file of the same form. */
  readonly ranking?: UnitRanking | string
}

/** How heads or neurons are ranked. */
export type UnitScoring = UnitScoreFields & {
  readonly score: UnitScoreName
  /** The highest go first: a control. */
  readonly reverse: boolean
}

/** Removes `fraction` of the weights of each matrix, of each row, or of all matrices together. */
export type UnstructuredStep = WeightUpdate & {
  readonly pattern: 'unstructured'
  readonly score: WeightScoreName
  /** The highest go first: a control. Absent where the score updates. */
  readonly reverse?: boolean
  readonly fraction: number
  readonly per: 'matrix' | 'row' | 'global'
  readonly slots: readonly WeightSlot[]
  readonly layers: readonly number[]
}

/** Keeps the N highest of every M consecutive inputs of a row. */
export type NmStep = WeightUpdate & {
  readonly pattern: `${number}:${number}`
  readonly score: WeightScoreName
  readonly reverse?: boolean
  /** Neurons, and values inside of heads, change places so that more of the score stays. Absent: no. */
  readonly permute?: boolean
  readonly slots: readonly WeightSlot[]
  readonly layers: readonly number[]
}

/** Removes named heads. */
export type HeadListStep = {
  readonly pattern: 'heads'
  /** Layer → original head indices. */
  readonly list: Readonly<Record<string, readonly number[]>>
}

/** Removes the `remove` lowest heads of all layers in scope, and leaves each weight set `minimum`. */
export type HeadScoreStep = UnitScoring &
  WeightUpdate & {
    readonly pattern: 'heads'
    readonly remove: number
    readonly minimum: number
    readonly layers: readonly number[]
  }

/** Removes the `remove` lowest neurons of all layers in scope. */
export type NeuronCountStep = UnitScoring &
  WeightUpdate & {
    readonly pattern: 'neurons'
    readonly remove: number
    readonly layers: readonly number[]
  }

/** Removes the lowest neurons, until `fraction` of each layer's, or of all, are gone. */
export type NeuronFractionStep = UnitScoring &
  WeightUpdate & {
    readonly pattern: 'neurons'
    readonly fraction: number
    readonly per: 'layer' | 'global'
    readonly layers: readonly number[]
  }

export type UnitStep = HeadScoreStep | NeuronCountStep | NeuronFractionStep

/** Removes whole layers, by their index in the base. */
export type LayerStep = { readonly pattern: 'layers'; readonly list: readonly number[] }

export type ExplicitStep = UnstructuredStep | NmStep | HeadListStep | UnitStep | LayerStep

/** A recipe with every default written out: what a plan records. */
export type ExplicitRecipe = { readonly steps: readonly ExplicitStep[]; readonly seed: number }

type Defaulted = 'score' | 'per' | 'slots' | 'layers' | 'minimum' | 'reverse'
type Loose<S> = S extends unknown ? Omit<S, Defaulted> & Partial<Pick<S, Defaulted & keyof S>> : never

/**
 * A step as one writes it. Defaults: `score` magnitude (heads: headNorm), `per` matrix (wanda and ria: row; lamp:
 * global; neurons: layer), `slots` the six linears, `layers` all of them, `minimum` 0, `reverse` false, `update` none,
 * `damping` auto, `target` dense (own where layers share weights).
 */
export type RecipeStep = Loose<ExplicitStep>

/** What to do, in order. @default seed 0 */
export type Recipe = { readonly steps: readonly RecipeStep[]; readonly seed?: number }
