import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describeMachine, type Machine } from '../bench/machine.js'
import { type Curves, TwofourError } from '../index.js'
import { curveCsv } from './curve-csv.js'
import { curveSvg } from './curve-plot.js'
import { publish } from './demo/publish.js'

/** Where a study keeps what it has: curve.json, curve.csv and curve.svg, whole at any time. */
export class StudyFolder {
  /** What an earlier run left. */
  readonly earlier: Curves | undefined
  readonly path: string | undefined
  /** Points on disk that this run put there or found. */
  written = 0
  #machine: Machine | undefined

  private constructor(path: string | undefined, earlier: Curves | undefined) {
    this.path = path
    this.earlier = earlier
  }

  /** @throws TwofourError FILE_UNWRITABLE, FILE_UNREADABLE, DATA_INVALID */
  static async open(path: string | undefined, overwrite: boolean): Promise<StudyFolder> {
    if (path === undefined) return new StudyFolder(undefined, undefined)
    await checkFolder(path)
    return new StudyFolder(path, overwrite ? undefined : await readEarlier(join(path, 'curve.json')))
  }

  /** Each file in one step, so that a stop leaves the files of the point before. */
  async write(curves: Curves): Promise<void> {
    if (this.path === undefined) return
    this.#machine ??= await describeMachine()
    const machine = { ...this.#machine, date: new Date().toISOString() }
    await publish(join(this.path, 'curve.csv'), curveCsv(curves))
    await publish(join(this.path, 'curve.svg'), curveSvg(curves))
    await publish(join(this.path, 'curve.json'), `${JSON.stringify({ ...curves, machine }, null, 1)}\n`)
    this.written = curves.points.length
  }

  /** What the library says of its option `earlier`. */
  inItsWords(error: unknown): unknown {
    if (this.path === undefined || !(error instanceof TypeError || error instanceof RangeError)) return error
    const message = error.message
      .replace(/`earlier\b([^`]*)`/, `\`${join(this.path, 'curve.json')}$1\``)
      .replace(/(B|b)egin anew elsewhere\.$/, '$1egin anew with --overwrite or another --out.')
    return message === error.message ? error : new RangeError(message, { cause: error })
  }
}

async function checkFolder(path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined)
  if (there === undefined || there.isDirectory()) return
  throw new TwofourError('FILE_UNWRITABLE', `Expected \`${path}\` to be a folder, got a file.`, {
    file: path,
  })
}

async function readEarlier(file: string): Promise<Curves | undefined> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw new TwofourError('FILE_UNREADABLE', `Cannot read ${file}: ${cause.message}.`, { file }, { cause })
  })
  if (text === undefined) return undefined
  try {
    // `curve` looks at what it is.
    return JSON.parse(text) as Curves
  } catch (cause) {
    const message = `Expected ${file} to be the JSON of an earlier run, got something else. Begin anew with --overwrite.`
    throw new TwofourError('DATA_INVALID', message, { file }, { cause })
  }
}
