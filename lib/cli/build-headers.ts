import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { TwofourError } from '../index.js'
import { runTool, type ToolOptions, tail } from './run-tool.js'

/** Packages whose header files the addon is compiled with, and the folder of each that holds them. */
const headerPackages = { 'node-addon-api': '.', 'node-api-headers': 'include' } as const

type HeaderPackage = keyof typeof headerPackages

/**
 * Folders with the header files of Node's C API: from packages installed beside twofour, else fetched by npm into
 * `temporary`, in the versions that twofour is tested with.
 * @throws TwofourError BUILD_FAILED when npm is not there or cannot fetch them.
 */
export async function headerFolders(
  root: string,
  temporary: string,
  options: ToolOptions,
): Promise<string[]> {
  const names = Object.keys(headerPackages) as HeaderPackage[]
  const installed = names.map((name) => installedFolder(root, name))
  if (installed.every((folder) => folder !== undefined)) return installed

  await fetchPackages(root, names, temporary, options)
  return names.map((name) => join(temporary, 'node_modules', name, headerPackages[name]))
}

function installedFolder(root: string, name: HeaderPackage): string | undefined {
  for (const folder of createRequire(join(root, 'package.json')).resolve.paths(name) ?? []) {
    const headers = join(folder, name, headerPackages[name])
    if (existsSync(join(headers, name === 'node-addon-api' ? 'napi.h' : 'node_api.h'))) return headers
  }
  return undefined
}

async function fetchPackages(root: string, names: HeaderPackage[], temporary: string, options: ToolOptions) {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    devDependencies: Record<HeaderPackage, string>
  }
  const wanted = names.map((name) => `${name}@${devDependencies[name]}`)
  const fix = `Install them beside twofour: npm install --save-dev ${wanted.join(' ')}`

  const missing = `Cannot fetch header files: there is no npm on PATH. ${fix}`
  const install = [
    'install',
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--prefix',
    temporary,
  ]
  const { status, log } = await runTool(npm(), [...install, ...wanted], missing, {
    ...options,
    cwd: temporary,
  })
  if (status === 0) return
  throw new TwofourError('BUILD_FAILED', `npm could not fetch header files. ${fix}\n${tail(log)}`, { status })
}

/** The npm that belongs to this Node, which need not be on PATH. */
function npm(): string {
  const beside = join(dirname(process.execPath), 'npm')
  return existsSync(beside) ? beside : 'npm'
}
