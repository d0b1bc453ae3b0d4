import type { Command } from './command.js'
import { commonOptions } from './options.js'

/** A refusal of the library in the words of the command line: `maxLength` becomes `--max-length`. */
export function inOptionWords(error: unknown, { options }: Command): unknown {
  if (!(error instanceof TypeError || error instanceof RangeError)) return error
  const known = { ...options, ...commonOptions }
  const message = error.message.replace(/`([a-z]\w*)`/g, (quoted, name: string) => {
    const option = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    return Object.hasOwn(known, option) ? `\`--${option}\`` : quoted
  })
  return new TypeError(message, { cause: error })
}
