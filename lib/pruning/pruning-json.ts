import type { Checkpoint } from '../checkpoint/checkpoint.js'
import { type History, nothingDecided, type Pass } from '../checkpoint/decision.js'
import { describeBase } from './base.js'
import { summarizeDecision } from './summary.js'

/** What a decision carries of the passes that made it: `save` puts its description into pruning.json. */
export function historyOf(passes: readonly Pass[]): History {
  return { passes, describe: (checkpoint, signal) => describe(checkpoint, passes, signal) }
}

async function describe(
  checkpoint: Checkpoint,
  passes: readonly Pass[],
  signal: AbortSignal | undefined,
): Promise<Record<string, unknown>> {
  const base = await describeBase(checkpoint, signal)
  const { name, hash, architecture } = base
  const last = passes.at(-1)
  return {
    base: { name, hash, architecture },
    recipe: last?.recipe ?? null,
    seed: last?.recipe.seed ?? null,
    steps: last?.steps ?? [],
    earlier: passes.slice(0, -1),
    ...summarizeDecision(base, checkpoint.decision ?? nothingDecided(checkpoint.base)),
  }
}
