import { describeMachine, loadAverage } from '../../bench/machine.js'
import { Checkpoint, Encoder, type EncoderOptions, type HeadChoice, type Progress } from '../../index.js'
import { type Contender, disposeAll, loadContenders } from './contenders.js'
import { type Measured, measure, type Runner } from './measure.js'
import { remarksOf } from './remarks.js'
import type { DemoResult, DemoRow } from './result.js'
import { batchesOf, readSentences } from './sentences.js'
import { formsOf, type Shape, shapeOf, verdictOf, whyOf } from './why.js'

export type DemoOptions = {
  /** A sentence encoder: a directory, or a .safetensors file. */
  readonly model: string
  /** TSV with the columns sentence1, sentence2 and score. */
  readonly data: string
  /** Pairs that are read, from the top. @default all */
  readonly limit?: number | undefined
  /** @default 'auto' */
  readonly head?: HeadChoice | undefined
  /** Rounds of timing. @default 21, or as many as fit into 70 s from the start, and no fewer than 5 */
  readonly rounds?: number | undefined
  readonly encoder?: Pick<EncoderOptions, 'device' | 'dtype' | 'threads'> | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

const batchSize = 32
const mostBatches = 4
const mostRounds = 21
/** No round of timing starts later, so that the demo stays under 90 s on two slow cores. */
const latestSeconds = 70

/**
 * Prunes a model in every way of `variantsOf`, evaluates each on labelled pairs, and times them in turns.
 * @throws TwofourError of Checkpoint.open, prune, Encoder.load and evaluate; `signal.reason`
 */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const start = performance.now()
  const loadBefore = loadAverage()
  const { model, head, data, limit, signal } = options
  const sentences = await readSentences(data, limit)
  const base = await Checkpoint.open(model, { head, signal })
  const contenders = await loadContenders(base, options)
  try {
    const batches = batchesOf(sentences, batchSize, mostBatches)
    const measured = await timeAll(contenders, batches, options, start + latestSeconds * 1000)
    const machine = { ...(await describeMachine()), loadBefore, loadAfter: loadAverage() }
    const seconds = (performance.now() - start) / 1000
    return resultOf(options, contenders, batches, measured, machine, seconds)
  } finally {
    disposeAll(contenders)
  }
}

/** The dense model takes part twice: the second is what noise looks like. */
async function timeAll(
  contenders: readonly Contender[],
  batches: readonly (readonly string[])[],
  { encoder, rounds = mostRounds, signal, onProgress }: DemoOptions,
  deadline: number,
): Promise<Measured> {
  const [dense, ...others] = contenders.map((contender) => contender.encoder)
  const control = await Encoder.load(dense!.checkpoint, { ...encoder, signal })
  try {
    const runners = [dense!, control, ...others].map(
      (loaded): Runner =>
        async (texts) =>
          (await loaded.embed(texts, { signal })).vectors,
    )
    return await measure(runners, batches, { rounds, deadline, signal, onProgress })
  } finally {
    control.dispose()
  }
}

function resultOf(
  { model, data }: DemoOptions,
  contenders: readonly Contender[],
  batches: readonly (readonly string[])[],
  measured: Measured,
  machine: DemoResult['machine'],
  seconds: number,
): DemoResult {
  const { speeds, rounds, outputDrift, controlDifference } = measured
  const control = speeds[1]!
  const forms = formsOf(contenders[0]!.encoder.explain())
  const shapes = contenders.map(({ encoder }) => shapeOf(encoder.spec, encoder.explain(), forms))
  const { device } = contenders[0]!.encoder
  return {
    model,
    data,
    pairs: contenders[0]!.evaluation.n,
    task: 'similarity',
    metric: 'spearman',
    rows: contenders.map((contender, index) => rowOf(contender, index, shapes, measured)),
    timing: {
      rounds,
      batches: batches.length,
      batchSize: batches[0]!.length,
      control: { ratio: control.ratio, spread: control.spread },
      outputDrift,
      controlDifference,
    },
    remarks: remarksOf({ device, shapes, rounds, control, machine }),
    device,
    machine,
    date: new Date().toISOString(),
    seconds,
  }
}

function rowOf(
  { variant, zeros, parametersKept, evaluation, comparison }: Contender,
  index: number,
  shapes: readonly Shape[],
  { speeds, rounds }: Measured,
): DemoRow {
  // Behind the dense model stands its control, which is no row.
  const speed = speeds[index === 0 ? 0 : index + 1]!
  const verdict = index === 0 ? 'reference' : verdictOf(speed, speeds[1]!, rounds)
  const { name, family, recipe } = variant
  return {
    variant: name,
    family,
    recipe,
    zeros,
    parametersKept,
    spearman: evaluation.value,
    interval: evaluation.interval,
    difference: comparison?.difference ?? null,
    differenceInterval: comparison?.interval ?? null,
    pValue: comparison?.pValue ?? null,
    ...speed,
    verdict,
    note: whyOf(verdict, shapes[index]!, shapes[0]!),
  }
}
