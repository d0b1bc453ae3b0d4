import type { SelectRequest } from '../../../binding.js'
import { elementsOf } from '../bits.js'
import type { StepContext, StepOutcome } from '../pattern.js'
import type { Mixed } from '../recipe-types.js'
import type { ScopedWeight } from '../scope.js'
import type { WeightStep } from '../weight-step.js'
import { type Choosing, costliestDense, denseWithin } from './choose.js'
import { type LinearError, linearErrors } from './errors.js'

type MixedStep = WeightStep & { readonly mixed: Mixed }

/**
 * A step over weights that leaves those linears dense which it would cost the most to prune.
 * @param run the step over the others
 */
export async function runMixed(
  context: StepContext,
  step: MixedStep,
  pattern: SelectRequest['pattern'],
  scope: readonly ScopedWeight[],
  run: (rest: readonly ScopedWeight[]) => Promise<StepOutcome>,
): Promise<StepOutcome> {
  // What cannot be is refused before there is much work.
  choose(
    context,
    step,
    scope.map(({ slot }) => ({ slot, error: 0 })),
  )
  const errors = await linearErrors(context, step, pattern, scope)
  const { choices, budget } = choose(context, step, errors)
  const dense = new Set(choices.flatMap((choice) => (choice.dense ? [choice.slot] : [])))
  const rest = scope.filter(({ slot }) => !dense.has(slot))

  const { decision, report } = await run(rest)
  const of = scope.reduce((sum, { stored }) => sum + elementsOf(stored.shape), 0)
  const notes = [`${dense.size} of ${scope.length} linears stay dense.`, ...(report.notes ?? [])]
  return { decision, report: { ...report, of, choices, ...(budget && { budget }), notes } }
}

function choose(context: StepContext, step: MixedStep, errors: readonly LinearError[]): Choosing {
  if ('dense' in step.mixed) return costliestDense(errors, step.mixed.dense)
  const table = context.latency!
  if (table.matrices.pattern !== step.pattern) {
    throw new RangeError(
      `Expected \`latency.matrices.pattern\` to be '${step.pattern}', as the step's, got '${table.matrices.pattern}'. Measure with \`pattern\`.`,
    )
  }
  return denseWithin(errors, step.mixed.milliseconds, table, context)
}
