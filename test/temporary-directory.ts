import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

let root: string | undefined

/** A new empty directory, which goes when the process of the test file does. */
export function temporaryDirectory(name = 'made'): string {
  if (root === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'twofour-'))
    process.once('exit', () => rmSync(made, { recursive: true, force: true }))
    root = made
  }
  return mkdtempSync(join(root, `${name}-`))
}
