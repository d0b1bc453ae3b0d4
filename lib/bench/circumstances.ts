import { devices } from '../index.js'
import { describeMachine, loadAverage, type Machine } from './machine.js'

/** What a speed must be read with. */
export type Circumstances = Machine & {
  /** Instruction set of the CPU backend. */
  readonly isa: string
  readonly threads: number
  readonly loadBefore: number
  readonly loadAfter: number
  readonly date: string
}

/** Call it first; what it gives, last. @param threads as asked for; undefined for the default */
export async function watchCircumstances(threads?: number): Promise<() => Circumstances> {
  const loadBefore = loadAverage()
  const machine = await describeMachine()
  const cpu = devices().find(({ kind }) => kind === 'cpu')!
  const date = new Date().toISOString()
  return () => ({
    ...machine,
    isa: cpu.isa!,
    threads: threads ?? cpu.threads!,
    loadBefore,
    loadAfter: loadAverage(),
    date,
  })
}
