import type { Scale } from './scale.js'

/** What a step found: one JSON object per line of its output. */
export type Row = Readonly<Record<string, unknown>>

/** What a step is told. Folders are absolute. */
export type StepSettings = {
  readonly scale: Scale
  /** How long it may take. */
  readonly seconds: number
  /** For what later steps need: models, works, choices. Goes when the run ends. */
  readonly work: string
  readonly golden: string
  /** What `--models` named. */
  readonly models: string | null
}

export type StepResult = {
  readonly name: string
  readonly title: string
  readonly state: 'done' | 'failed' | 'stopped' | 'skipped'
  readonly seconds: number
  /** Why it is not done; or ''. */
  readonly reason: string
  readonly rows: readonly Row[]
}

/** What nvidia-smi read, at a time in milliseconds since 1970. */
export type Reading = {
  readonly at: number
  readonly smClock: number
  readonly memoryClock: number
  readonly watts: number
  readonly celsius: number
}

export type Results = {
  /** Computed on the CPU: nothing in it says anything about a GPU. */
  readonly emulated: boolean
  readonly card: string
  readonly date: string
  readonly version: string
  readonly commit: string
  readonly scale: Scale
  readonly steps: readonly StepResult[]
  /** Of the whole run; those of a row's time are in the row. */
  readonly readings: { readonly count: number; readonly reason: string }
}

export function rowsOf(results: Pick<Results, 'steps'>, step: string): readonly Row[] {
  return results.steps.find(({ name }) => name === step)?.rows ?? []
}

/** A row's number; NaN where there is none. */
export function numberIn(row: Row | undefined, key: string): number {
  const value = row?.[key]
  return typeof value === 'number' ? value : Number.NaN
}

export function textIn(row: Row | undefined, key: string): string {
  const value = row?.[key]
  return typeof value === 'string' ? value : ''
}
