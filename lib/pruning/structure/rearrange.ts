import { setImmediate } from 'node:timers/promises'
import type { Block, Kept } from './block.js'

/** Products of two numbers in one turn of the event loop. */
const turn = 2 ** 24

/**
 * The rearrangement of Kwon et al. 2022 (algorithm 2): each block exchanges units that go for units that stay where
 * that lowers ‖Σ g‖² of those that go, their loss by the block's whole Fisher information. Every unit that stays is
 * tried once, the least important first. Numbers of units stay what they are.
 * @throws `signal.reason`
 */
export async function rearranged(
  blocks: readonly Block[],
  kept: Kept,
  signal: AbortSignal | undefined,
): Promise<Kept> {
  const result: Uint8Array[] = []
  for (const [at, block] of blocks.entries()) result.push(await exchange(block, kept[at]!, signal))
  return result
}

/** ‖Σ g‖² of the units that go. */
export function blockLoss({ indices, gradients }: Block, flags: Uint8Array): number {
  const width = indices.length === 0 ? 0 : gradients.length / indices.length
  const sum = new Float64Array(width)
  for (const [place, flag] of flags.entries()) if (flag === 0) add(sum, vector(gradients, width, place), 1)
  return dot(sum, sum)
}

async function exchange(
  { indices, importance, gradients }: Block,
  flags: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const after = flags.slice()
  const gone = Array.from(flags.keys()).filter((place) => flags[place] === 0)
  if (gone.length === 0 || gone.length === indices.length) return after
  const width = gradients.length / indices.length
  const of = (place: number) => vector(gradients, width, place)
  const sum = new Float64Array(width)
  for (const place of gone) add(sum, of(place), 1)

  const stay = Array.from(flags.keys()).filter((place) => flags[place] === 1)
  stay.sort((a, b) => importance[a]! - importance[b]! || a - b)
  let done = 0
  for (const candidate of stay) {
    add(sum, of(candidate), 1)
    const out = leastWithout(sum, gone, candidate, importance, of)
    add(sum, of(out === -1 ? candidate : gone[out]!), -1)
    if (out !== -1) {
      after[candidate] = 0
      after[gone[out]!] = 1
      gone[out] = candidate
    }
    done += gone.length * width
    if (done < turn) continue
    done = 0
    await setImmediate()
    signal?.throwIfAborted()
  }
  return after
}

/**
 * Which of those that go leaves the least ‖sum − g‖² when it stays; −1 where that is the candidate itself, also when
 * it is as good as another. ‖g‖² is a unit's importance.
 */
function leastWithout(
  sum: Float64Array,
  gone: readonly number[],
  candidate: number,
  importance: Float64Array,
  of: (place: number) => Float32Array,
): number {
  const without = (place: number) => importance[place]! - 2 * dot(sum, of(place))
  let [best, least] = [-1, without(candidate)]
  // What rounding alone gains is nothing.
  least -= 1e-12 * (Math.abs(least) + dot(sum, sum))
  for (const [at, place] of gone.entries()) {
    const loss = without(place)
    if (loss < least) [best, least] = [at, loss]
  }
  return best
}

function vector(gradients: Float32Array, width: number, place: number): Float32Array {
  return gradients.subarray(place * width, (place + 1) * width)
}

function add(sum: Float64Array, numbers: Float32Array, sign: 1 | -1): void {
  for (let at = 0; at < sum.length; at++) sum[at]! += sign * numbers[at]!
}

function dot(a: Float64Array, b: Float64Array | Float32Array): number {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += a[at]! * b[at]!
  return sum
}
