import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { numberIn, type Reading, type Row } from './results.js'

const fields = 'clocks.sm,clocks.mem,power.draw,temperature.gpu'

/** Clocks and power ten times a second, as nvidia-smi reads them; nothing is set. */
export class Readings {
  readonly #readings: Reading[] = []
  readonly #child: ChildProcess
  #reason = ''

  constructor() {
    const args = [`--query-gpu=${fields}`, '--format=csv,noheader,nounits', '-lms', '100', '-i', '0']
    this.#child = spawn('nvidia-smi', args, { stdio: ['ignore', 'pipe', 'ignore'] })
    this.#child.once('error', (error) => {
      this.#reason = `nvidia-smi cannot be run: ${error.message}`
    })
    if (this.#child.stdout === null) return
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const [smClock = Number.NaN, memoryClock = Number.NaN, watts = Number.NaN, celsius = Number.NaN] = line
        .split(',')
        .map(Number)
      this.#readings.push({ at: Date.now(), smClock, memoryClock, watts, celsius })
    })
  }

  stop(): void {
    this.#child.kill()
  }

  summary(): { count: number; reason: string } {
    const count = this.#readings.length
    return { count, reason: count > 0 ? '' : this.#reason || 'nvidia-smi gave no readings.' }
  }

  /** The row with mean clock, power and energy of each span in it that `…From` and `…To` name. */
  joined(row: Row): Row {
    const spans = Object.keys(row)
      .filter((key) => key.endsWith('From') && typeof row[`${key.slice(0, -4)}To`] === 'number')
      .map((key) => key.slice(0, -4))
    return Object.assign({}, row, ...spans.map((span) => this.#during(row, span)))
  }

  #during(row: Row, span: string): Row {
    const [from, to] = [row[`${span}From`] as number, row[`${span}To`] as number]
    // What the card says is a mean over some time before.
    const within = this.#readings.filter(({ at }) => at >= from + 150 && at <= to + 50)
    if (within.length === 0) return {}
    const mean = (key: keyof Reading) => within.reduce((sum, each) => sum + each[key], 0) / within.length
    const seconds =
      typeof row[`${span}Us`] === 'number' ? numberIn(row, `${span}Us`) / 1e6 : numberIn(row, 'seconds')
    return {
      [`${span}Watts`]: mean('watts'),
      [`${span}SmClock`]: mean('smClock'),
      [`${span}Celsius`]: mean('celsius'),
      [`${span}JoulesPerMillionTokens`]: (1e6 * mean('watts') * seconds) / numberIn(row, 'tokens'),
    }
  }
}
