import { Checkpoint, type CheckpointOptions } from '../index.js'
import type { Invocation, OptionTable } from './command.js'

/** Of every command that opens a model. */
export const headOption: OptionTable = {
  head: {
    value: 'NAME',
    help: "task head: 'auto' (default; the encoder alone where it cannot be opened), 'none', 'require' or a kind",
  },
}

/** The library names what it refuses. */
export function headChoice({ options }: Pick<Invocation, 'options'>): CheckpointOptions['head'] {
  return options.text('head') as CheckpointOptions['head']
}

/** Opens MODEL with the head that the options choose. @throws as `Checkpoint.open` */
export function openCheckpoint(
  model: string,
  { options, signal }: Pick<Invocation, 'options' | 'signal'>,
): Promise<Checkpoint> {
  return Checkpoint.open(model, { head: headChoice({ options }), signal })
}
