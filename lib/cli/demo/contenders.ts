import {
  type Checkpoint,
  compareEvaluations,
  Encoder,
  type EncoderOptions,
  type Evaluation,
  evaluate,
  type Progress,
  prune,
} from '../../index.js'
import { type Variant, variantsOf } from './variants.js'

/** A variant on its device, with what it lost. */
export type Contender = {
  readonly variant: Variant
  readonly encoder: Encoder
  readonly zeros: number
  readonly parametersKept: number
  readonly evaluation: Evaluation
  /** To the dense one, on the same pairs; null for the dense one itself. */
  readonly comparison: ReturnType<typeof compareEvaluations> | null
}

export type ContenderOptions = {
  /** Labelled pairs. */
  readonly data: string
  readonly limit?: number | undefined
  readonly encoder?: Pick<EncoderOptions, 'device' | 'dtype' | 'threads'> | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/**
 * Prunes, loads and evaluates every variant, the dense one first. The caller disposes the encoders: all of them are
 * in memory together, so that they can be timed in turns. None stays when this rejects.
 */
export async function loadContenders(
  base: Checkpoint,
  { data, limit, encoder, signal, onProgress }: ContenderOptions,
): Promise<Contender[]> {
  const variants = variantsOf(base.base)
  const contenders: Contender[] = []
  try {
    for (const [done, variant] of variants.entries()) {
      onProgress?.({
        stage: `prune and evaluate: ${variant.name}`,
        done,
        total: variants.length,
        unit: 'variants',
      })
      const { checkpoint, zeros } = await pruned(base, variant, signal)
      const loaded = await Encoder.load(checkpoint, { ...encoder, signal })
      try {
        const evaluation = await evaluate(loaded, { task: 'similarity', data, limit, signal })
        contenders.push({
          variant,
          encoder: loaded,
          zeros,
          parametersKept: checkpoint.summary().parameters / base.summary().parameters,
          evaluation,
          comparison: contenders[0] ? compareEvaluations(evaluation, contenders[0].evaluation) : null,
        })
      } catch (error) {
        loaded.dispose()
        throw error
      }
    }
  } catch (error) {
    disposeAll(contenders)
    throw error
  }
  return contenders
}

export function disposeAll(contenders: readonly Contender[]): void {
  for (const { encoder } of contenders) encoder.dispose()
}

async function pruned(base: Checkpoint, { recipe }: Variant, signal: AbortSignal | undefined) {
  if (recipe === null) return { checkpoint: base, zeros: 0 }
  const plan = await prune(base, recipe, { signal })
  const checkpoint = await plan.apply(base, { signal })
  return { checkpoint, zeros: 1 - plan.summary().prunable.density }
}
