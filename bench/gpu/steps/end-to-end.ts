import { Encoder, type RunOutputs } from 'twofour'
import { medianInterval, quantile } from '../../../dist/bench/quantile.js'
import type { Row, StepSettings } from '../results.js'
import {
  type Dtype,
  dtypes,
  idsOf,
  loadOptions,
  modelShapes,
  type Scale,
  tokensOf,
  type Work,
  works,
} from '../scale.js'
import { modelDirectory } from './models.js'

/** Runs on their way at once, so that the card never waits for JavaScript. */
const inFlight = 3

type Subject = { readonly form: 'dense' | '2:4'; readonly encoder: Encoder }
type Sample = { readonly perBatch: number; readonly from: number; readonly to: number }

/** Whole models through the public door: texts' ids in, pooled vectors out; dense and 2:4 in turn. */
export async function endToEnd(settings: StepSettings, emit: (row: Row) => void): Promise<void> {
  const { scale, work, seconds } = settings
  const end = performance.now() + seconds * 1000
  for (const dtype of dtypes(scale))
    for (const [model, { vocab }] of Object.entries(modelShapes(scale))) {
      if (performance.now() > end) {
        emit({ model, dtype, leftOut: true })
        continue
      }
      const subjects = await load(work, model, dtype, scale)
      try {
        for (const each of works(scale))
          for (const row of await measure(subjects, each, vocab, scale === 'emulated' ? 1 : 5))
            emit({ model, dtype, ...row })
      } finally {
        for (const { encoder } of subjects) encoder.dispose()
      }
    }
}

async function load(work: string, model: string, dtype: Dtype, scale: Scale): Promise<Subject[]> {
  const subjects: Subject[] = []
  for (const form of ['dense', '2:4'] as const) {
    const encoder = await Encoder.load(modelDirectory(work, model, form), {
      ...{ device: 'cuda', dtype, sparsity: form === 'dense' ? 'off' : 'auto', ...loadOptions(scale) },
    })
    subjects.push({ form, encoder })
  }
  return subjects
}

async function measure(
  subjects: readonly Subject[],
  work: Work,
  vocab: number,
  rounds: number,
): Promise<Row[]> {
  const sequences = idsOf(work, vocab)
  const seconds = rounds === 1 ? 0 : 0.4
  const firsts: number[][] = []
  for (const { encoder } of subjects) {
    const { lastHiddenState } = await encoder.run(sequences.slice(0, 1), { outputs: ['lastHiddenState'] })
    firsts.push([...lastHiddenState!.subarray(0, 8)])
    await sample(encoder, sequences, seconds / 2)
  }
  const samples = subjects.map((): Sample[] => [])
  for (let round = 0; round < rounds; round++)
    for (let turn = 0; turn < subjects.length; turn++) {
      const at = (round + turn) % subjects.length
      samples[at]!.push(await sample(subjects[at]!.encoder, sequences, seconds))
    }
  return subjects.map(({ form, encoder }, at) =>
    rowOf(form, encoder, work, samples[at]!, samples[0]!, firsts[at]!),
  )
}

function rowOf(
  form: string,
  encoder: Encoder,
  work: Work,
  samples: readonly Sample[],
  dense: readonly Sample[],
  first: readonly number[],
): Row {
  const median = quantile(
    samples.map(({ perBatch }) => perBatch),
    0.5,
  )
  const ratios = samples.map(({ perBatch }, round) => dense[round]!.perBatch / perBatch)
  const bytes = encoder.memory().reduce((sum, each) => sum + each.bytes, 0)
  return {
    form,
    work: work.name,
    sequences: work.lengths.length,
    tokens: tokensOf(work),
    seconds: median,
    tokensPerSecond: tokensOf(work) / median,
    sequencesPerSecond: work.lengths.length / median,
    overDense: quantile(ratios, 0.5),
    overDenseInterval: medianInterval(ratios),
    bytes,
    first,
    // The last round: the card is warm by then.
    lastFrom: samples.at(-1)!.from,
    lastTo: samples.at(-1)!.to,
  }
}

/** Seconds of a batch, of many that follow one another. */
async function sample(encoder: Encoder, sequences: number[][], seconds: number): Promise<Sample> {
  const from = Date.now()
  const begin = performance.now()
  const waiting: Promise<RunOutputs>[] = []
  let done = 0
  do {
    waiting.push(encoder.run(sequences, { outputs: ['pooled'] }))
    if (waiting.length < inFlight) continue
    await waiting.shift()
    done++
  } while (performance.now() - begin < seconds * 1000)
  done += (await Promise.all(waiting)).length
  return { perBatch: (performance.now() - begin) / 1000 / done, from, to: Date.now() }
}
