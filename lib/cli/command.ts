import type { Progress } from '../index.js'
import type { OptionValues } from './option-values.js'
import type { Output } from './output.js'

/** One option of a command. */
export type OptionSpec = {
  /** What stands for its value in the help, as FILE or N; absent for a flag. */
  readonly value?: string
  readonly help: string
}

/** Name → option, without the dashes. */
export type OptionTable = Readonly<Record<string, OptionSpec>>

/** A command of `twofour`: one file, one line in `commands.ts`. */
export type Command = {
  readonly name: string
  /** Half a sentence for the list of commands. */
  readonly summary: string
  /** What follows `twofour`, as `prune MODEL --out DIR`. */
  readonly usage: string
  /** Command lines that work as they stand. */
  readonly example: string
  /** Its own: beside those that every command has, --device, --dtype, --json and --help. */
  readonly options: OptionTable
  /** More to read below the options. */
  readonly notes?: string
  /** Its arguments, options not counted. @default none */
  readonly arguments?: {
    /** As in `usage`, for refusals: `MODEL`. */
    readonly name: string
    readonly least: number
    readonly most: number
  }
  /** Does it; failures are thrown, and become a sentence and an exit status in `run.ts`. */
  readonly run: (invocation: Invocation) => Promise<void>
}

/** What a command is given. */
export type Invocation = {
  readonly args: readonly string[]
  readonly options: OptionValues
  readonly output: Output
  /** Fires on Ctrl-C, and when nobody reads stdout any more. */
  readonly signal: AbortSignal
  /** Draws a bar where stderr is a terminal: to pass on. */
  readonly onProgress: (progress: Progress) => void
  readonly stdin: Terminal['stdin']
}

/** The streams of a process; tests have their own. */
export type Terminal = {
  readonly stdin: AsyncIterable<Uint8Array | string> & {
    readonly isTTY?: boolean | undefined
    destroy(): unknown
  }
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream & {
    readonly isTTY?: boolean | undefined
    readonly columns?: number | undefined
  }
}
