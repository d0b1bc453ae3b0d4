import { fewestRounds, type Speed } from './measure.js'
import { interval, times } from './numbers.js'
import type { DemoResult } from './result.js'
import type { Shape } from './why.js'

type Known = {
  readonly device: DemoResult['device']
  readonly shapes: readonly Shape[]
  readonly rounds: number
  readonly control: Speed
  readonly machine: DemoResult['machine']
}

/** What must be said beside the table, in the terminal and on the page. */
export function remarksOf({ device, shapes, rounds, control, machine }: Known): string[] {
  const remarks = [
    'Every variant is pruned in one shot: nothing was retrained afterwards, and no calibration data was used. Training on after pruning usually wins back part of the loss.',
    zerosRemark(device, shapes),
    `Noise: the dense model timed against itself ran at ${times(control.ratio)} ${interval(control.spread, times)} of its own speed.`,
  ]
  if (rounds < fewestRounds)
    remarks.push(`With fewer than ${fewestRounds} rounds no speed is called faster or slower.`)
  if (machine.loadBefore > machine.cores / 2) {
    remarks.push(
      `Other work was running when the demo started (load average ${machine.loadBefore} on ${machine.cores} cores): speeds are lower and spreads wider than on a free machine.`,
    )
  }
  return remarks
}

function zerosRemark({ kind, name }: DemoResult['device'], shapes: readonly Shape[]): string {
  const where = kind === 'cpu' ? 'the CPU backend' : name
  if (shapes.some(({ sparse }) => sparse > 0)) {
    return `Some masked matrices run in a sparse form on ${where}; where they do not, their zeros cost as much as other weights.`
  }
  return `Masked zeros cost as much as other weights on ${where} today: only matrices that became smaller run faster.`
}
