import { parseArgs } from 'node:util'
import type { Command, OptionTable } from './command.js'
import { nearMiss } from './near-miss.js'
import { OptionValues } from './option-values.js'

/** What every command takes. */
export const commonOptions: OptionTable = {
  device: { value: 'NAME', help: "'auto', 'cpu', 'cuda' or 'cuda:N' (default auto)" },
  dtype: { value: 'NAME', help: "what is computed in: 'auto', 'float32', 'float16', … (default auto)" },
  json: { help: 'print one JSON value on stdout, and nothing else there' },
  help: { help: 'print this' },
}

export type CommandLine = { readonly args: readonly string[]; readonly options: OptionValues }

/**
 * Splits what follows a command's name into arguments and options.
 * @throws TypeError for an unknown or repeated option (with the near miss), a value that is missing or too many,
 *   or a wrong number of arguments
 */
export function parseCommandLine(command: Command, words: readonly string[]): CommandLine {
  const known = { ...command.options, ...commonOptions }
  const { tokens } = parseArgs({
    args: [...words],
    options: parserTable(known),
    allowPositionals: true,
    // The parser's own refusals know no near misses.
    strict: false,
    tokens: true,
  })

  const args: string[] = []
  const values = new Map<string, string | true>()
  for (const token of tokens) {
    if (token.kind === 'positional') args.push(token.value)
    if (token.kind === 'option') values.set(token.name, checkedValue(token, known, values))
  }
  if (!values.has('help')) checkCount(command, args)
  return { args, options: new OptionValues(values) }
}

type OptionToken = {
  readonly name: string
  readonly rawName: string
  readonly value: string | undefined
  readonly inlineValue: boolean | undefined
}

function checkedValue(
  { name, rawName, value, inlineValue }: OptionToken,
  known: OptionTable,
  values: ReadonlyMap<string, unknown>,
): string | true {
  const spec = Object.hasOwn(known, name) ? known[name] : undefined
  if (spec === undefined) throw unknownOption(rawName, known)
  if (values.has(name)) throw new TypeError(`Expected --${name} once, got it twice.`)
  if (spec.value === undefined) {
    if (value === undefined) return true
    throw new TypeError(`Expected --${name} to stand alone, got the value '${value}'.`)
  }
  if (value === undefined || value === '') {
    throw new TypeError(`Expected a value after --${name} (${spec.value}), got none.`)
  }
  // A value that looks like an option is more often a forgotten value; numbers below zero are refused by range.
  if (inlineValue !== true && /^-[^\d]/.test(value)) {
    throw new TypeError(
      `Expected a value after --${name} (${spec.value}), got the option ${value}. If it is the value, write --${name}=${value}.`,
    )
  }
  return value
}

function unknownOption(rawName: string, known: OptionTable): TypeError {
  const names = Object.keys(known).map((name) => `--${name}`)
  const hint = nearMiss(rawName, names) || ` Known: ${names.join(', ')}.`
  return new TypeError(`Unknown option \`${rawName}\`.${hint}`)
}

function checkCount({ name, usage, arguments: wanted }: Command, args: readonly string[]): void {
  const { name: what, least, most } = wanted ?? { name: 'no arguments', least: 0, most: 0 }
  if (args.length < least) {
    throw new TypeError(`Expected ${what} after \`${name}\`, got none. Usage: twofour ${usage}`)
  }
  if (args.length <= most) return
  throw new TypeError(
    `Expected ${what} after \`${name}\`, got ${args.length}: ${args.join(' ')}. Usage: twofour ${usage}`,
  )
}

function parserTable(known: OptionTable) {
  const kinds = Object.entries(known).map(([name, { value }]) => {
    const short = name === 'help' ? { short: 'h' } : {}
    return [name, { type: value === undefined ? 'boolean' : 'string', ...short }] as const
  })
  return Object.fromEntries(kinds)
}
