import { readFile } from 'node:fs/promises'
import { TwofourError } from '../index.js'
import type { Invocation } from './command.js'

/**
 * The texts of a command: its arguments, the lines of --file, or the lines of stdin. An empty line is an empty
 * text, so that line n stays text n.
 * @throws TypeError where there are none, or twice; TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, DATA_INVALID
 */
export async function readTexts(
  args: readonly string[],
  { options, stdin, signal }: Pick<Invocation, 'options' | 'stdin' | 'signal'>,
): Promise<string[]> {
  const file = options.text('file')
  if (args.length > 0 && file !== undefined) {
    throw new TypeError('Expected texts as arguments or in --file, got both.')
  }
  if (args.length > 0) return [...args]
  if (file !== undefined && file !== '-') {
    return lines(await readBytes(file, 'texts, one a line', signal), `\`${file}\``)
  }
  if (file === undefined && stdin.isTTY === true) {
    throw new TypeError('Expected texts after MODEL, in --file FILE, or on stdin, got none.')
  }
  return lines(await drain(stdin, signal), 'stdin')
}

/** A file whole. @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE; `signal.reason` */
export async function readBytes(file: string, what: string, signal: AbortSignal): Promise<Buffer> {
  return readFile(file, { signal }).catch((cause: NodeJS.ErrnoException) => {
    signal.throwIfAborted()
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') {
      const message = `Expected \`${file}\` to be a file with ${what}, found none. Check the path.`
      throw new TwofourError('FILE_NOT_FOUND', message, { file }, { cause })
    }
    const reason = cause.code === 'EISDIR' ? 'it is a directory' : cause.message
    throw new TwofourError('FILE_UNREADABLE', `Cannot read \`${file}\`: ${reason}.`, { file }, { cause })
  })
}

/** @throws TwofourError DATA_INVALID */
export function utf8(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    const message = `Expected ${name} to be UTF-8 text, got other bytes. Convert it, e.g. with iconv.`
    throw new TwofourError('DATA_INVALID', message, { file: name }, { cause })
  }
}

/** The lines of a file, at least one. @throws TwofourError DATA_INVALID */
export function lines(bytes: Uint8Array, name: string): string[] {
  const text = utf8(bytes, name)
  if (text === '')
    throw new TwofourError('DATA_INVALID', `Expected a text on every line of ${name}, got none.`)
  const found = text.split(/\r?\n/)
  if (found.at(-1) === '') found.pop()
  return found
}

async function drain(stdin: Invocation['stdin'], signal: AbortSignal): Promise<Buffer> {
  signal.throwIfAborted()
  // Waiting for a pipe that says nothing would hold up Ctrl-C, and then the end of the process.
  const stop = () => stdin.destroy()
  signal.addEventListener('abort', stop, { once: true })
  const chunks: Buffer[] = []
  try {
    for await (const chunk of stdin) chunks.push(Buffer.from(chunk))
  } finally {
    signal.removeEventListener('abort', stop)
    signal.throwIfAborted()
  }
  return Buffer.concat(chunks)
}
