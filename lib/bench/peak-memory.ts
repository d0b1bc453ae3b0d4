import { readFileSync, writeFileSync } from 'node:fs'

/** Forgets what this process held at most before, where the system allows it. */
export function resetPeakMemory(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5')
  } catch {
    // Some containers refuse: then the peak is the whole life's.
  }
}

/**
 * Bytes that this process held at most. Not `resourceUsage().maxRSS`: a new process begins with its parent's there.
 */
export function peakMemory(): number {
  const [, kilobytes] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return Number(kilobytes ?? 0) * 1024
}
