import type { Loss } from '../../../binding.js'
import { addon } from '../../addon.js'
import type { GatedModel, Range } from './gated-model.js'

/**
 * Labels drawn from what the model itself believes, so that squares of derivatives are its true Fisher information and
 * no labels are needed: classes, tokens and answers by softmax; numbers and vectors from a normal distribution around
 * them, of variance 1.
 */
export class SampledLoss {
  readonly #model: GatedModel
  readonly #seed: number
  readonly #stream: number
  readonly of = 'labels drawn from the model itself'
  readonly perExample = 1
  /** Uniform numbers that are drawn, and how many were used: the same whatever the ranges. */
  #drawn: Float64Array = new Float64Array()
  #used = 0

  constructor(model: GatedModel, seed: number, stream: number) {
    this.#model = model
    this.#seed = seed
    this.#stream = stream
  }

  /** Of ranges that follow one another. */
  async loss(range: Range): Promise<Loss> {
    const { head } = this.#model.spec
    if (head === null) return this.#squares(range, 'sentence')
    if (head.kind === 'questionAnswering') return this.#spans(range)
    if (head.labels < 2) return this.#squares(range, 'logits')
    const labels: number[] = []
    for (const part of this.#parts(range, head.labels)) {
      const logits = await this.#model.outputs(part, 'logits')
      for (let at = 0; at < logits.length; at += head.labels)
        labels.push(drawnFrom(logits.subarray(at, at + head.labels), this.#uniform()))
    }
    return { kind: 'crossEntropy', labels: Int32Array.from(labels) }
  }

  async #spans(range: Range): Promise<Loss> {
    const logits = await this.#model.outputs(range, 'logits')
    const first = this.#model.tokensOf([0, range[0]])
    const draw = (which: 0 | 1) =>
      Int32Array.from({ length: range[1] - range[0] }, (_, at) => {
        const [from, to] = [range[0] + at, range[0] + at + 1].map((sequence) =>
          this.#model.tokensOf([0, sequence]),
        )
        const own = Float32Array.from(
          { length: to! - from! },
          (_, token) => logits[2 * (from! - first + token) + which]!,
        )
        return drawnFrom(own, this.#uniform())
      })
    return { kind: 'span', starts: draw(0), ends: draw(1) }
  }

  async #squares(range: Range, of: 'logits' | 'sentence'): Promise<Loss> {
    const { pooling } = this.#model
    const targets = (await this.#model.outputs(range, of)).map((value) => value + this.#normal())
    return { kind: 'squares', of, targets, pooling }
  }

  /** Logits over a vocabulary are many: a few sequences at a time. */
  #parts([from, to]: Range, width: number): Range[] {
    const parts: Range[] = []
    let first = from
    for (let at = from + 1; at <= to; at++) {
      if (at < to && this.#model.tokensOf([first, at + 1]) * width <= 2 ** 24) continue
      parts.push([first, at])
      first = at
    }
    return parts
  }

  #uniform(): number {
    if (this.#used === this.#drawn.length) {
      this.#drawn = addon().randomScores(this.#seed, this.#stream, Math.max(4096, 4 * this.#used))
    }
    return this.#drawn[this.#used++]!
  }

  /** Box and Muller's. */
  #normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.#uniform()))
    return radius * Math.cos(2 * Math.PI * this.#uniform())
  }
}

/** An index with the probability that softmax gives it. */
function drawnFrom(logits: Float32Array, uniform: number): number {
  const most = logits.reduce((highest, value) => Math.max(highest, value), Number.NEGATIVE_INFINITY)
  const weights = Float64Array.from(logits, (value) => Math.exp(value - most))
  let left = uniform * weights.reduce((sum, weight) => sum + weight, 0)
  const at = weights.findIndex((weight) => {
    left -= weight
    return left < 0
  })
  return at === -1 ? weights.length - 1 : at
}
