import { devices } from 'twofour'

const asked = process.env.TWOFOUR_ISA

/** The instruction sets that this machine can run, best first. */
export function isasHere(): readonly string[] {
  return devices().find(({ kind }) => kind === 'cpu')!.isas!
}

/**
 * Makes the backends that are created during `body` use one instruction set. Node passes what is written to
 * process.env on to the environment that native code reads, so tests that use this must run serially.
 */
export async function withIsa<T>(isa: string, body: () => T | Promise<T>): Promise<T> {
  process.env.TWOFOUR_ISA = isa
  try {
    return await body()
  } finally {
    if (asked === undefined) delete process.env.TWOFOUR_ISA
    else process.env.TWOFOUR_ISA = asked
  }
}
