import { makeCheckpoint } from './make-checkpoint.js'
import { onCpu } from './test-device.js'

/** Tokens of a sequence of `longRun`: fewer where a device may be emulated, which is slower by far. */
export const longLength = onCpu ? 256 : 4

/** A model of many small layers, so that a run of `longRun` takes a good part of a second and stops soon. */
export function manyLayers(): Promise<string> {
  return makeCheckpoint({ layers: 24, positions: 256, seed: 8 })
}

/** Sequences of `longLength` tokens; ids below 64. */
export function longRun(sequences = 60): Int32Array[] {
  return Array.from({ length: sequences }, (_, i) =>
    new Int32Array(longLength).map((_, j) => (i * 5 + j * 3) % 64),
  )
}
