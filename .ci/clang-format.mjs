// Checks that the C++ sources are formatted, or formats them (`--fix`). Every version of clang-format lays code
// out differently, so exactly one is accepted: from CLANG_FORMAT, from PATH, or fetched by pip into the user's
// cache folder. Ends with 1 when a source is not formatted, 2 when no clang-format can be had.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const version = '19.1.7'
const root = fileURLToPath(new URL('..', import.meta.url))
const cache = join(
  process.env.XDG_CACHE_HOME || join(homedir(), '.cache'),
  'twofour',
  `clang-format-${version}`,
)
const fetched = join(cache, 'clang_format', 'data', 'bin', 'clang-format')

function isRight(command) {
  const { stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' })
  return stdout?.includes(`version ${version}`) ?? false
}

function fetchIt() {
  if (existsSync(fetched) && isRight(fetched)) return fetched
  mkdirSync(cache, { recursive: true })
  const options = [
    'install',
    '--quiet',
    '--no-deps',
    '--upgrade',
    '--target',
    cache,
    `clang-format==${version}`,
  ]
  for (const [command, ...first] of [['python3', '-m', 'pip'], ['pip'], ['pip3']]) {
    spawnSync(command, [...first, ...options], { stdio: ['ignore', 'ignore', 'inherit'] })
    if (existsSync(fetched) && isRight(fetched)) return fetched
  }
  console.error(
    `clang-format ${version} is not here and pip cannot fetch it. Name one: CLANG_FORMAT=FILE ${process.argv[1]}`,
  )
  process.exit(2)
}

const candidates = [process.env.CLANG_FORMAT, 'clang-format', 'clang-format-19'].filter(Boolean)
const clangFormat = candidates.find(isRight) ?? fetchIt()
const sources = ['native', 'bench']
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true }).map((name) => join(folder, name)))
  .filter((name) => /\.(cc|h|cu|cuh)$/.test(name))
  .sort()
const options = process.argv.includes('--fix') ? ['-i'] : ['--dry-run', '--Werror']
const { status } = spawnSync(clangFormat, [...options, ...sources], { cwd: root, stdio: 'inherit' })
if (status === 0) console.log(`clang-format ${version}: ${sources.length} files`)
process.exit(status === 0 ? 0 : 1)
