import type { Command, OptionTable } from './command.js'
import { allCommands } from './commands.js'
import { commonOptions } from './options.js'

/** What `twofour --help` prints. */
export async function generalHelp(): Promise<string> {
  const commands = await allCommands()
  const rows = commands.map(({ name, summary }) => [name, summary] as const)
  return [
    'twofour prunes BERT-family encoders and runs them.',
    '',
    'Usage: twofour COMMAND [arguments] [options]',
    '',
    ...columns(rows),
    '',
    '`twofour COMMAND --help` shows options and an example; `twofour --version` the version.',
    'Exit status: 0 done, 1 the work failed, 2 misuse.',
  ].join('\n')
}

/** What `twofour COMMAND --help` prints. */
export function commandHelp({ usage, summary, example, options, notes }: Command): string {
  return [
    `Usage: twofour ${usage}`,
    '',
    `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`,
    '',
    ...optionRows(options),
    ...(Object.keys(options).length > 0 ? [''] : []),
    ...optionRows(commonOptions),
    '',
    ...(notes === undefined ? [] : [notes, '']),
    'Example:',
    ...example.split('\n').map((line) => `  ${line}`),
  ].join('\n')
}

function optionRows(options: OptionTable): string[] {
  return columns(
    Object.entries(options).map(
      ([name, { value, help }]) => [`--${name}${value === undefined ? '' : ` ${value}`}`, help] as const,
    ),
  )
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([first]) => first.length))
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`)
}
