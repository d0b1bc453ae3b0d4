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

/**
 * Linears of the step that stay dense: the so many whose outputs would err the most; or those that are worth it while the
 * model takes no longer than so many milliseconds for a batch, by a latency table that `prune` is given (N:M alone).
 */
export type Mixed = { readonly dense: number } | { readonly milliseconds: number }

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
  readonly mixed?: Mixed
  readonly slots: readonly WeightSlot[]
  readonly layers: readonly number[]
}

/** Keeps the N highest of every M consecutive inputs of a row. */
export type NmStep = WeightUpdate & {
  readonly pattern: `${number}:${number}`
  readonly score: WeightScoreName
  readonly reverse?: boolean
  readonly mixed?: Mixed
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

/**
 * Removes heads and neurons of all layers together, as many as a budget asks for, by the Fisher information of their
 * gates (Kwon et al. 2022).
 */
export type StructureStep = WeightUpdate & {
  readonly pattern: 'structure'
  readonly score: 'fisher'
  /**
   * What the heads and neurons that stay may cost: a share of the multiply-adds or of the bytes that those of the stored
   * model do; or milliseconds of a batch by the whole model, for which `prune` is given a latency table.
   */
  readonly budget: Budget
  /** Tokens of the sequence that operations are counted of. Absent: the mean of the calibration data. */
  readonly tokens?: number
  /** Exactly so many heads stay, of all weight sets together. */
  readonly heads?: number
  /**
   * What derivatives are taken of: see `UnitLoss`. 'auto': the labels of the calibration data, else ones drawn from the
   * model's own probabilities.
   */
  readonly loss: Exclude<UnitLoss, 'dense'>
  /** Derivatives are squared by example, or by minibatch. */
  readonly estimator: 'example' | 'batch'
  /** Examples in a minibatch. Absent but with the estimator 'batch'. */
  readonly batch?: number
  /** Units of a block are exchanged by its whole Fisher information once their number is found. */
  readonly rearrange: boolean
}

export type Budget =
  | { readonly operations: number }
  | { readonly bytes: number }
  | { readonly milliseconds: number }

export type ExplicitStep = UnstructuredStep | NmStep | HeadListStep | UnitStep | LayerStep | StructureStep

/** A recipe with every default written out: what a plan records. */
export type ExplicitRecipe = { readonly steps: readonly ExplicitStep[]; readonly seed: number }

type Defaulted =
  | 'score'
  | 'per'
  | 'slots'
  | 'layers'
  | 'minimum'
  | 'reverse'
  | 'loss'
  | 'estimator'
  | 'rearrange'
type Loose<S> = S extends unknown ? Omit<S, Defaulted> & Partial<Pick<S, Defaulted & keyof S>> : never

/**
 * A step as one writes it. Defaults: `score` magnitude (heads: headNorm), `per` matrix (wanda and ria: row; lamp:
 * global; neurons: layer), `slots` the six linears, `layers` all of them, `minimum` 0, `reverse` false, `update` none
 * (structure: refit), `damping` auto, `target` dense (own where layers share weights); of structure `loss` auto,
 * `estimator` example, `batch` 32, `rearrange` true.
 */
export type RecipeStep = Loose<ExplicitStep>

/** What to do, in order. @default seed 0 */
export type Recipe = { readonly steps: readonly RecipeStep[]; readonly seed?: number }
