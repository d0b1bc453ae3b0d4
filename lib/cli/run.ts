import { packageVersion } from '../index.js'
import type { Command, Terminal } from './command.js'
import { comesLater, commandNames, findCommand } from './commands.js'
import { type Failure, failureOf } from './failure.js'
import { commandHelp, generalHelp } from './help.js'
import { nearMiss } from './near-miss.js'
import { inOptionWords } from './option-words.js'
import { parseCommandLine } from './options.js'
import { Output } from './output.js'
import { progressBar } from './progress.js'

/**
 * Runs one command line, without `node` and the script's name.
 * @returns the exit status: 0 done, 1 the work failed, 2 misuse, 128 + n after a signal
 */
export async function runCommandLine(
  words: readonly string[],
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const bar = progressBar(terminal.stderr)
  const output = new Output(terminal, asksForJson(words), signal, bar.clear)
  try {
    await dispatch(words, terminal, signal, output, bar.update)
    bar.clear()
    return 0
  } catch (error) {
    bar.clear()
    const failure = failureOf(signal.aborted ? signal.reason : error)
    tell(failure, words, terminal, output.json)
    return failure.status
  }
}

async function dispatch(
  words: readonly string[],
  { stdin }: Terminal,
  signal: AbortSignal,
  output: Output,
  onProgress: ReturnType<typeof progressBar>['update'],
): Promise<void> {
  const [first, ...rest] = words
  if (first === '--version' || first === '-v') return output.print(packageVersion())
  if (first === '--help' || first === '-h') return output.print(await generalHelp())
  if (first === 'help')
    return output.print(rest[0] ? commandHelp(await command(rest[0])) : await generalHelp())

  const called = await command(first)
  const { args, options } = parseCommandLine(called, rest)
  if (options.flag('help')) return output.print(commandHelp(called))
  try {
    await called.run({ args, options, output, signal, onProgress, stdin })
  } catch (error) {
    throw inOptionWords(error, called)
  }
}

/** @throws TypeError saying what there is */
async function command(name: string | undefined): Promise<Command> {
  const known = `There is: ${commandNames.join(', ')}.`
  if (name === undefined) throw new TypeError(`Expected a command after \`twofour\`, got none. ${known}`)
  const found = await findCommand(name)
  if (found !== undefined) return found
  if (comesLater(name)) throw new TypeError(`\`twofour ${name}\` is not in this version. ${known}`)
  if (name.startsWith('-')) {
    throw new TypeError(`Expected a command after \`twofour\`, got the option ${name}. ${known}`)
  }
  throw new TypeError(`Unknown command \`${name}\`.${nearMiss(name, commandNames)} ${known}`)
}

function asksForJson(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  return words.slice(0, end < 0 ? words.length : end).includes('--json')
}

function tell(
  { status, code, message }: Failure,
  words: readonly string[],
  terminal: Terminal,
  json: boolean,
) {
  // The reader of stdout has gone: nobody asked for more.
  if (status === 0) return
  terminal.stderr.write(`${message}\n`)
  const [name = ''] = words
  if (status === 2) {
    const help = commandNames.includes(name) ? `twofour ${name} --help` : 'twofour --help'
    terminal.stderr.write(`See \`${help}\`.\n`)
  }
  if (json) terminal.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`)
}
