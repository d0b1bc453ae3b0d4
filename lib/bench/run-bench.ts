import { Checkpoint, type HeadChoice, inspectWeights, type Progress, type Recipe } from '../index.js'
import { watchCircumstances } from './circumstances.js'
import { type Compared, compare, type Timing } from './compare.js'
import { encoderSubject, type LoadOptions } from './encoder-subject.js'
import { withMaskedCopy } from './masked-copy.js'
import type { BenchResult, BenchRow, BenchVariant } from './result.js'
import { isDense, recipeVariants, usualVariants, type Variant, zerosVariants } from './variants.js'
import { planWorks, type WorkOptions } from './work-options.js'

export type BenchOptions = WorkOptions & {
  /** A checkpoint's directory or file. */
  readonly model: string
  /** @default 'auto' */
  readonly head?: HeadChoice | undefined
  /** The user's own, beside the usual ones. */
  readonly recipe?: ((checkpoint: Checkpoint) => Promise<Recipe>) | undefined
  /** Names of the variants that take part beside float32. @default all */
  readonly variants?: readonly string[] | undefined
  readonly rounds: number
  readonly threads?: number | undefined
  readonly device?: string | undefined
  /** For the int8 variants on CUDA. @default none */
  readonly calibration?: LoadOptions['calibration']
  /** @default 0.25 */
  readonly sampleSeconds?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** Of zeros that a model has by chance there are fewer. */
const fewZeros = 0.01

/**
 * Times a model in several dtypes and pruned in several ways against itself in dense float32.
 * @throws TypeError or RangeError on misuse; TwofourError of Checkpoint.open, prune, Encoder.load; `signal.reason`
 */
export async function runBench(options: BenchOptions): Promise<BenchResult> {
  const start = performance.now()
  const { model, head, signal, threads } = options
  const circumstances = await watchCircumstances(threads)
  const checkpoint = await Checkpoint.open(model, { head, signal })
  const { works, notes } = planWorks(checkpoint.spec, options)
  const variants = await chosenVariants(checkpoint, options)
  const compared = await withMaskedCopy(checkpoint, variants, signal, (masked) =>
    compare({ ...options, works, subjects: variants.map((each) => subjectOf(each, masked, options)) }),
  )
  return {
    model,
    variants: variants.map((each, at) => variantOf(each, compared.subjects[at]!)),
    rows: rowsOf(variants, compared.timings),
    rounds: options.rounds,
    machine: circumstances(),
    notes,
    seconds: (performance.now() - start) / 1000,
  }
}

async function chosenVariants(checkpoint: Checkpoint, options: BenchOptions): Promise<Variant[]> {
  const { recipe, variants: names, signal } = options
  const all = [
    ...usualVariants(checkpoint.spec),
    ...((await zerosOf(checkpoint, signal)) > fewZeros ? zerosVariants() : []),
    ...(recipe === undefined ? [] : recipeVariants(await recipe(checkpoint))),
  ]
  const unknown = names?.find((name) => !all.some((each) => each.name === name))
  if (unknown !== undefined) {
    const known = all.map(({ name }) => name).join(', ')
    throw new TypeError(`Expected \`variants\` to be names of ${known}, got '${unknown}'.`)
  }
  return all.filter(({ name }) => name === 'float32' || (names?.includes(name) ?? true))
}

/** The share of zeros in the layers' linears. */
async function zerosOf(checkpoint: Checkpoint, signal: AbortSignal | undefined): Promise<number> {
  const matrices = await inspectWeights(checkpoint, { signal })
  const linears = matrices.filter(({ slot }) => slot.startsWith('layer'))
  const sum = (field: 'zeros' | 'elements') => linears.reduce((total, each) => total + each[field], 0)
  return sum('zeros') / Math.max(1, sum('elements'))
}

function subjectOf(variant: Variant, masked: string | undefined, options: BenchOptions) {
  const { name, dtype, sparsity, recipe } = variant
  const { model, head, device, threads } = options
  const calibration = dtype === 'int8' ? options.calibration : undefined
  const load = { dtype, calibration, sparsity, device, threads }
  // A recipe of the user's own has to run; the usual variants may be refused, and are listed then.
  const required = name === 'float32' || name === 'masked' || name === 'removed'
  const copied = variant.masked && masked !== undefined
  const settings = copied ? { model: masked, head, recipe: null, load } : { model, head, recipe, load }
  return encoderSubject(name, settings, required)
}

function variantOf(
  { name, dtype, sparsity, recipe }: Variant,
  { facts, refused }: Compared['subjects'][number],
): BenchVariant {
  const { loadSeconds = null, memoryBytes = null, device = null } = facts ?? {}
  return { name, dtype, sparsity, recipe, refused, loadSeconds, memoryBytes, device }
}

export function rowsOf(variants: readonly Variant[], timings: readonly Timing[]): BenchRow[] {
  const dense = new Set(variants.filter(isDense).map(({ name }) => name))
  const fastest = new Map<string, Timing>()
  for (const timing of timings.filter(({ subject }) => dense.has(subject))) {
    const best = fastest.get(timing.work)
    if (best === undefined || timing.seconds < best.seconds) fastest.set(timing.work, timing)
  }
  return timings.map((timing) => {
    const { texts, tokens, batches, seconds, quartiles } = timing
    const perBatch = (whole: number) => (whole * 1000) / batches
    return {
      ...timing,
      textsPerSecond: texts / seconds,
      tokensPerSecond: tokens / seconds,
      millisecondsPerBatch: perBatch(seconds),
      spread: [perBatch(quartiles[0]), perBatch(quartiles[1])],
      fastestDense: fastest.get(timing.work) === timing,
    }
  })
}
