import type { Progress } from '../index.js'
import type { Terminal } from './command.js'

/** Work shorter than this draws nothing. */
const patience = 1000
/** Between two drawings. */
const pause = 100

export type ProgressBar = {
  readonly update: (progress: Progress) => void
  /** Wipes the bar away, so that a sentence can follow. */
  readonly clear: () => void
}

/** A bar on stderr where that is a terminal, for work of over a second; else nothing at all. */
export function progressBar(stderr: Terminal['stderr'], now: () => number = Date.now): ProgressBar {
  if (stderr.isTTY !== true) return { update() {}, clear() {} }
  const started = now()
  let drawn = Number.NEGATIVE_INFINITY
  let shown = false
  return {
    update(progress) {
      const time = now()
      if (time - started < patience || time - drawn < pause) return
      drawn = time
      shown = true
      stderr.write(`\r\u001b[K${line(progress, stderr.columns || 80)}`)
    },
    clear() {
      if (shown) stderr.write('\r\u001b[K')
      shown = false
      drawn = Number.NEGATIVE_INFINITY
    },
  }
}

function line({ stage, done, total, unit }: Progress, columns: number): string {
  const share = total > 0 ? Math.min(1, done / total) : 0
  const counts = `${done} of ${total} ${unit}`
  const width = Math.max(0, Math.min(30, columns - stage.length - counts.length - 6))
  const filled = Math.round(share * width)
  const bar = width < 5 ? '' : `[${'='.repeat(filled)}${' '.repeat(width - filled)}] `
  return `${stage} ${bar}${counts}`.slice(0, Math.max(1, columns - 1))
}
