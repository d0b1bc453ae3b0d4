import { appendFileSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pageOf } from './page.js'
import { type Results, type Row, type StepResult, textIn } from './results.js'
import type { Scale } from './scale.js'

const logLimit = 8 * 2 ** 20
const emulatedLine = 'EMULATED on the CPU: nothing in this file says anything about a GPU.'

type About = { readonly version: string; readonly commit: string; readonly scale: 'full' | 'quick' }

/** The run's results, written anew after each step, so that whatever happens later they are there. */
export class Writer {
  readonly #out: string
  readonly #steps: StepResult[] = []
  readonly #about: About
  readonly #date = new Date().toISOString()
  #emulated: boolean
  #readings: Results['readings'] = { count: 0, reason: '' }

  constructor(out: string, { emulated, ...about }: About & { readonly emulated: boolean }) {
    this.#out = out
    this.#about = about
    this.#emulated = emulated
    mkdirSync(out, { recursive: true })
    writeFileSync(join(out, 'log.txt'), emulated ? `${emulatedLine}\n` : '')
  }

  get emulated(): boolean {
    return this.#emulated
  }

  get scale(): Scale {
    return this.#emulated ? 'emulated' : this.#about.scale
  }

  /** Rows of the step `device`. */
  get device(): readonly Row[] {
    return this.#steps.find(({ name }) => name === 'device')?.rows ?? []
  }

  /** Why nothing more can be run; or ''. */
  get refusal(): string {
    const device = this.#steps.find(({ name }) => name === 'device')
    return device === undefined || device.state === 'done' ? '' : 'There is no device to run it on.'
  }

  get passed(): boolean {
    return this.#steps.every(({ state }) => state === 'done' || state === 'skipped')
  }

  add(step: StepResult, readings: Results['readings']): void {
    this.#steps.push(step)
    this.#readings = readings
    if (!this.#emulated && this.device.some(({ emulated }) => emulated === true)) {
      this.#emulated = true
      this.log(emulatedLine)
    }
    const results = this.#results()
    writeFileSync(join(this.#out, 'results.json'), `${JSON.stringify(results, null, 1)}\n`)
    writeFileSync(join(this.#out, 'results.md'), pageOf(results))
  }

  log(line: string): void {
    const file = join(this.#out, 'log.txt')
    if (statSync(file).size < logLimit) appendFileSync(file, `${line}\n`)
  }

  /** One sentence. */
  conclusion(): string {
    if (this.refusal !== '') {
      const { reason } = this.#steps.find(({ name }) => name === 'device')!
      return `Nothing could be checked: ${reason}`
    }
    const bad = this.#steps.filter(({ state }) => state === 'failed' || state === 'stopped')
    const done = this.#steps.filter(({ state }) => state === 'done').length
    const marked = this.#emulated ? 'EMULATED: ' : ''
    if (bad.length === 0) return `${marked}All ${done} steps that could be run here are done.`
    return `${marked}${done} steps are done, and ${bad.map(({ name, state }) => `${name} ${state}`).join(', ')}.`
  }

  #results(): Results {
    const { version, commit } = this.#about
    const card =
      textIn(
        this.device.find(({ what }) => what === 'device'),
        'name',
      ) || 'no device'
    return {
      ...{ emulated: this.#emulated, card, date: this.#date, version, commit, scale: this.scale },
      ...{ steps: this.#steps, readings: this.#readings },
    }
  }
}
