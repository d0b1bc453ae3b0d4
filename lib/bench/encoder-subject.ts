/** A twofour encoder as a subject. */
import { Checkpoint, Encoder, type EncoderOptions, type HeadChoice, prune, type Recipe } from '../index.js'
import type { Facts, IdBatch, OpenRunner, RanForm, Subject } from './subject.js'

/** What decides an encoder's numbers and speed; `Encoder.load` says what each means. */
export type LoadOptions = {
  readonly device?: string | undefined
  readonly dtype?: EncoderOptions['dtype']
  readonly calibration?: EncoderOptions['calibration']
  readonly sparsity?: EncoderOptions['sparsity']
  readonly threads?: number | undefined
  readonly tuning?: EncoderOptions['tuning']
}

export type EncoderSettings = {
  /** A checkpoint's directory or file. */
  readonly model: string
  /** @default 'auto' */
  readonly head?: HeadChoice | undefined
  /** Applied before loading: heads, neurons and layers that it takes are gone. */
  readonly recipe: Recipe | null
  readonly load: LoadOptions
}

export function encoderSubject(name: string, settings: EncoderSettings, required = false): Subject {
  return { name, module: import.meta.url, settings, required }
}

export const open: OpenRunner<EncoderSettings> = async ({ model, head, recipe, load }, onProgress) => {
  const checkpoint = await openPruned(model, head, recipe)
  const start = performance.now()
  const encoder = await Encoder.load(checkpoint, { ...load, onProgress })
  const facts: Facts = {
    loadSeconds: (performance.now() - start) / 1000,
    memoryBytes: encoder.memory().reduce((sum, { bytes }) => sum + bytes, 0),
    device: encoder.device.name,
  }
  return {
    facts,
    pass: (batch) => hiddenStates(encoder, batch),
    output: (batch) => hiddenStates(encoder, batch),
    ran: (tokens) => ranForms(encoder.explain(), tokens),
    tokenise: async (texts) => {
      const tokenizer = await encoder.tokenizer()
      return Promise.all(texts.map(async (text) => (await tokenizer.encode(text)).inputIds))
    },
    dispose: () => encoder.dispose(),
  }
}

async function openPruned(
  model: string,
  head: HeadChoice | undefined,
  recipe: Recipe | null,
): Promise<Checkpoint> {
  const checkpoint = await Checkpoint.open(model, { head })
  if (recipe === null) return checkpoint
  const plan = await prune(checkpoint, recipe)
  return plan.apply(checkpoint)
}

async function hiddenStates(encoder: Encoder, batch: IdBatch): Promise<Float32Array> {
  const { lastHiddenState } = await encoder.run(batch, { outputs: ['lastHiddenState'] })
  return lastHiddenState!
}

/** Forms by how many matrices run in them, the most common first. */
export function ranForms(reports: ReturnType<Encoder['explain']>, tokens: number): RanForm[] {
  const counts = new Map<string, number>()
  for (const { buckets } of reports) {
    const bucket = buckets.find((each) => each.tokens === null || tokens <= each.tokens)
    if (bucket !== undefined) counts.set(bucket.form, (counts.get(bucket.form) ?? 0) + 1)
  }
  return [...counts].map(([form, matrices]) => ({ form, matrices })).sort((a, b) => b.matrices - a.matrices)
}
