import { Encoder, type EncoderOptions, type RunOutputs, type Sequence } from 'twofour'
import { type MakeOptions, makeCheckpoint } from '../../../test/make-checkpoint.js'
import { apart, relative, Tally } from '../compare.js'
import type { Row, StepSettings } from '../results.js'
import type { Dtype, Scale } from '../scale.js'

/** Of 1 + max|reference|. */
const tolerances: Readonly<Record<Dtype, number>> = {
  float32: 1e-4,
  float16: 4e-3,
  bfloat16: 3e-2,
  int8: 8e-2,
  float8: 3e-1,
}

/**
 * The encoder's invariants on the device: head sizes and lengths against the CPU, a row in a batch as alone, sequences
 * in another order, passes that are split, runs at the same time, and loading again and again.
 */
export async function suite({ scale }: StepSettings, emit: (row: Row) => void): Promise<void> {
  const tally = new Tally()
  const check = (what: string, dtype: Dtype, worst: number, allowed: number) => {
    const right = tally.add(worst <= allowed)
    emit({ what, dtype, worst, allowed, right })
  }
  for (const { what, options, lengths } of models(scale)) {
    const directory = await makeCheckpoint(options)
    const sequences = sequencesOf(lengths, options.vocab ?? 64)
    const wanted = await outputsOf(directory, sequences, { device: 'cpu' })
    for (const dtype of Object.keys(tolerances) as Dtype[]) {
      const outputs = await outputsOf(directory, sequences, { device: 'cuda', dtype })
      check(what, dtype, off(outputs, wanted), tolerances[dtype])
    }
  }
  await invariants(scale, check)
  tally.close()
}

type Check = (what: string, dtype: Dtype, worst: number, allowed: number) => void

async function invariants(scale: Scale, check: Check): Promise<void> {
  const vocab = 200
  const directory = await makeCheckpoint({
    hidden: 64,
    heads: 2,
    inner: 96,
    layers: 2,
    vocab,
    positions: 128,
  })
  const sequences = sequencesOf(
    scale === 'emulated' ? [1, 5, 17, 30] : [1, 5, 128, 64, 65, 17, 100, 2],
    vocab,
  )
  for (const dtype of Object.keys(tolerances) as Dtype[]) {
    const allowed = tolerances[dtype]
    const settings = { device: 'cuda', dtype, tuning: { budget: 0 } } as const
    const encoder = await Encoder.load(directory, settings)
    try {
      const all = await encoder.run(sequences)
      const alone = await Promise.all(sequences.map((each) => encoder.run([each])))
      check('a row in a batch, and alone', dtype, off(joined(alone), all), allowed)
      const turned = await encoder.run(sequences.toReversed())
      check('in another order', dtype, apartPooled(turned, all, sequences.length), allowed)
      const again = await Promise.all(Array.from({ length: 8 }, () => encoder.run(sequences)))
      check('eight runs at once', dtype, Math.max(...again.map((each) => off(each, all))), allowed)
      const split = await outputsOf(directory, sequences, { ...settings, maxTokens: 130 })
      check('in passes of 130 tokens', dtype, off(split, all), allowed)
      for (let i = 0; i < 5; i++) {
        const reloaded = await outputsOf(directory, sequences, settings)
        if (i === 4) check('loaded for the fifth time', dtype, off(reloaded, all), 0)
      }
    } finally {
      encoder.dispose()
    }
  }
}

type Model = { readonly what: string; readonly options: MakeOptions; readonly lengths: readonly number[] }

function models(scale: Scale): Model[] {
  const lengths = scale === 'emulated' ? [1, 17, 40] : [1, 63, 64, 65, 130, 300, 512]
  const common = { heads: 2, inner: 100, layers: 1, vocab: 300, positions: 512 }
  const sizes = scale === 'emulated' ? [8, 64] : [8, 32, 48, 64, 80, 128]
  const heads = sizes.map((size) => ({
    what: `heads of ${size}, up to ${lengths.at(-1)} tokens`,
    options: { ...common, hidden: 2 * size },
    lengths,
  }))
  const biased = { ...common, hidden: 128, family: 'mpnet' } as const
  return [
    ...heads,
    { what: `MPNet's position bias, up to ${lengths.at(-1)} tokens`, options: biased, lengths },
  ]
}

function sequencesOf(lengths: readonly number[], vocab: number): Sequence[] {
  return lengths.map((length, i) =>
    Array.from({ length }, (_, j) => 2 + ((i * 7919 + j * 104_729) % (vocab - 2))),
  )
}

async function outputsOf(
  directory: string,
  sequences: readonly Sequence[],
  options: EncoderOptions,
): Promise<RunOutputs> {
  const encoder = await Encoder.load(directory, { tuning: { budget: 0 }, ...options })
  try {
    return await encoder.run(sequences)
  } finally {
    encoder.dispose()
  }
}

function off(outputs: Pick<RunOutputs, 'lastHiddenState' | 'pooled'>, wanted: RunOutputs): number {
  const hidden = relative(apart(outputs.lastHiddenState!, wanted.lastHiddenState!))
  return wanted.pooled === undefined
    ? hidden
    : Math.max(hidden, relative(apart(outputs.pooled!, wanted.pooled)))
}

function joined(parts: readonly RunOutputs[]): Pick<RunOutputs, 'lastHiddenState' | 'pooled'> {
  const join = (arrays: Float32Array[]) => Float32Array.from(arrays.flatMap((each) => [...each]))
  return {
    lastHiddenState: join(parts.map((each) => each.lastHiddenState!)),
    pooled: join(parts.map((each) => each.pooled!)),
  }
}

/** Of outputs whose sequences came in the reverse order. */
function apartPooled(turned: RunOutputs, all: RunOutputs, count: number): number {
  const width = all.pooled!.length / count
  const rows = Array.from({ length: count }, (_, i) => turned.pooled!.subarray(i * width, (i + 1) * width))
  const back = Float32Array.from(rows.toReversed().flatMap((row) => [...row]))
  return relative(apart(back, all.pooled!))
}
