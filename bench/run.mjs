// `npm run bench -- NAME [options]`: runs bench/NAME.ts.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const [name = '', ...options] = process.argv.slice(2)
const file = fileURLToPath(new URL(`./${name}.ts`, import.meta.url))
if (!/^[a-z-]+$/.test(name) || !existsSync(file)) {
  console.error('Expected a bench: encoder, load or prune. Example: npm run bench -- encoder --rounds 5')
  process.exit(2)
}
process.exitCode =
  spawnSync(process.execPath, ['--import=tsx', file, ...options], { stdio: 'inherit' }).status ?? 1
