import type { LinearOutcome, StepContext } from './pattern.js'
import type { WeightUpdate } from './recipe-types.js'
import { sharesWeights } from './updates.js'

/** Sentences on what was not obvious about a calibrated step. */
export function calibrationNotes(
  { base }: StepContext,
  step: WeightUpdate,
  linears: readonly LinearOutcome[],
): string[] {
  return [...fewTokens(step, linears), ...unchanged(linears), ...(sharesWeights(base) ? [sharing] : [])]
}

const sharing =
  'Layers share weights: statistics are sums over all that apply a weight, on the model as it was before the step.'

function fewTokens({ damping }: WeightUpdate, linears: readonly LinearOutcome[]): string[] {
  const solved = linears.filter((linear) => linear.damping !== undefined)
  const few = solved.filter(({ tokensPerColumn }) => tokensPerColumn < 2)
  if (few.length === 0) return []
  const least = few.reduce((a, b) => (b.tokensPerColumn < a.tokensPerColumn ? b : a))
  const which = `${few.length} of ${solved.length} linears have fewer than two calibration tokens for each input (${least.slot}: ${least.tokensPerColumn.toFixed(1)})`
  const damped = damping === 'auto' ? ', so they are damped more' : ''
  return [`${which}${damped}. More calibration data would serve them better.`]
}

function unchanged(linears: readonly LinearOutcome[]): string[] {
  const rows = linears.reduce((sum, linear) => sum + (linear.unchangedRows ?? 0), 0)
  if (rows === 0) return []
  return [`${rows} ${rows === 1 ? 'row' : 'rows'} kept old numbers: no solution was better than zeros alone.`]
}
