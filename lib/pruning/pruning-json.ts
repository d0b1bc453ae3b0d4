import type { Checkpoint } from '../checkpoint/checkpoint.js'
import { nothingDecided } from '../checkpoint/decision.js'
import { describeBase } from './base.js'
import { summarizeDecision } from './summary.js'

/**
 * What was done to a checkpoint, as plain data for `pruning.json`.
 * @throws TwofourError FILE_CHANGED; `signal.reason`
 */
export async function describePruning(
  checkpoint: Checkpoint,
  form: string,
  loadsIn: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Record<string, unknown>> {
  const base = await describeBase(checkpoint, signal)
  const decision = checkpoint.decision ?? nothingDecided(checkpoint.base)
  const { name, hash, architecture } = base
  const passes = decision.passes ?? []
  const last = passes.at(-1)
  return {
    version: 1,
    form,
    loadsIn,
    base: { name, hash, architecture },
    recipe: last?.recipe ?? null,
    seed: last?.recipe.seed ?? null,
    steps: last?.steps ?? [],
    earlier: passes.slice(0, -1),
    ...summarizeDecision(base, decision),
    notSaved: checkpoint.ignored,
  }
}
