import type { EncoderSpec } from '../../architecture/spec.js'
import { keptWeightSets } from '../../checkpoint/structure.js'
import { keptUnits } from '../units.js'
import type { Ranked } from './unit-score.js'

/** Where ranked units lie among the gates of the native encoder. */
export class GateLayout {
  /** Of each ranked unit among those of all weight sets, in the order of their numbers. */
  readonly #places: Int32Array
  /** The range of a weight set's units. */
  readonly #ranges = new Map<number, readonly [number, number]>()
  readonly #applications: readonly number[]
  #count = 0

  constructor({ context, kind, units }: Ranked, spec: EncoderSpec) {
    const place = new Map<string, number>()
    for (const set of keptWeightSets(context.base, context.decision)) {
      const first = this.#count
      for (const index of keptUnits(context, kind, set)) place.set(`${set} ${index}`, this.#count++)
      this.#ranges.set(set, [first, this.#count])
    }
    this.#places = Int32Array.from(units, ({ set, index }) => place.get(`${set} ${index}`)!)
    this.#applications = spec.layers.map(({ weights }) => weights)
  }

  /** Of numbers for the units of all weight sets, those of the ranked ones. */
  ofUnits(values: Float64Array): Float64Array {
    return Float64Array.from(this.#places, (place) => values[place]!)
  }

  /** Gates of the ranked units as gates of all applications of layers; the others are open. */
  ofApplications(gates: Float32Array): Float32Array {
    const all = new Float32Array(this.#count).fill(1)
    for (const [at, place] of this.#places.entries()) all[place] = gates[at]!
    const parts = this.#applications.map((set) => all.subarray(...this.#ranges.get(set)!))
    const joined = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
    let end = 0
    for (const part of parts) {
      joined.set(part, end)
      end += part.length
    }
    return joined
  }
}
