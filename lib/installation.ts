import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addon, packageRoot } from './addon.js'
import { TwofourError } from './errors.js'

/** What is installed: for `doctor`, and for the first lines of a bug report. */
export type Installation = {
  /** Of the package. */
  readonly version: string
  /** The package's folder. */
  readonly root: string
  /** The native addon, or the sentence why it cannot be loaded and what to do. */
  readonly addon:
    | { readonly available: true; readonly version: string; readonly file: string | null }
    | { readonly available: false; readonly reason: string }
}

/** Says what is installed; a missing addon is an answer, not an error. */
export function installation(): Installation {
  return { version: packageVersion(), root: packageRoot, addon: addonState() }
}

/** The version in package.json. */
export function packageVersion(): string {
  const fields = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }
  return fields.version
}

function addonState(): Installation['addon'] {
  try {
    return { available: true, version: addon().version, file: addonFile() }
  } catch (error) {
    if (!(error instanceof TwofourError)) throw error
    return { available: false, reason: error.message }
  }
}

function addonFile(): string | null {
  const file = process.env.TWOFOUR_ADDON || join(packageRoot, 'build', 'Release', 'twofour.node')
  return existsSync(file) ? file : null
}
