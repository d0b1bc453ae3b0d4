import type { Progress } from '../index.js'

/** Token ids of the sequences of one forward pass. */
export type IdBatch = readonly (readonly number[])[]

/** What is timed as a whole: forward passes, one after another. */
export type Work = {
  /** Unique in a comparison. */
  readonly name: string
  readonly batches: readonly IdBatch[]
}

/** How many matrices ran in a form. */
export type RanForm = { readonly form: string; readonly matrices: number }

/** What a subject says of itself once it is loaded. */
export type Facts = {
  readonly loadSeconds: number
  /** Of packed weights; null where it cannot tell. */
  readonly memoryBytes: number | null
  /** What it runs on. */
  readonly device: string
}

/** A model that is loaded and can run. */
export type Runner = {
  readonly facts: Facts
  /** One forward pass: what is timed. */
  readonly pass: (batch: IdBatch) => Promise<unknown>
  /** The same as last hidden states [tokens, hidden], sequences one after another, padding left out. */
  readonly output: (batch: IdBatch) => Promise<Float32Array>
  /** What runs for a batch of so many tokens; absent where it cannot tell. */
  readonly ran?: (tokens: number) => RanForm[]
  readonly tokenise?: (texts: readonly string[]) => Promise<number[][]>
  readonly dispose: () => void
}

/** What the module of a subject exports as `open`. */
export type OpenRunner<Settings> = (
  settings: Settings,
  onProgress: (progress: Progress) => void,
) => Promise<Runner>

/** Something to time, in a process of its own. */
export type Subject = {
  /** Unique in a comparison. */
  readonly name: string
  /** URL of the ES module whose `open` makes it. */
  readonly module: string
  /** For `open`: what structured cloning can copy. */
  readonly settings: unknown
  /** Its failure to load ends the comparison; others are listed with their reason. @default false */
  readonly required?: boolean
}
