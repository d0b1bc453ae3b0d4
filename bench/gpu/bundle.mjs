// `npm run bundle [-- --emulated]`: one archive with all that checks a GPU on a host without network, Node or npm.
// bench/gpu/README.md says what is in it. `--emulated` adds the emulation (build it first), to try the archive itself;
// `--unpacked` leaves the folder as it is.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const limit = 35 * 2 ** 20
const root = fileURLToPath(new URL('../..', import.meta.url))
const emulated = process.argv.includes('--emulated')
const { version, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const name = `twofour-gpu-check-${version}${emulated ? '-emulated' : ''}`
const stage = join(root, 'build', 'gpu-check', name)
const release = join(root, 'build', 'Release')

/** Of dependencies, what runs. */
const isRun = (file) => !/\.(map|md|ts|mts|cts|markdown)$/.test(file)

function main() {
  const plugin = join(release, 'libtwofour_cuda.so')
  if (!emulated && !existsSync(plugin)) {
    throw new Error(`${plugin} is not there. TWOFOUR_CUDA=ON npm run build:native makes it where nvcc is.`)
  }
  rmSync(stage, { recursive: true, force: true })
  copyNode()
  copyPackage()
  for (const dependency of Object.keys(dependencies)) copyDependency(dependency, root)
  cpSync(join(root, 'test', 'golden'), join(stage, 'golden'), { recursive: true })
  cpSync(join(root, 'bench', 'gpu', 'peers'), join(stage, 'checks', 'peers'), {
    recursive: true,
    filter: (file) => !file.endsWith('__pycache__'),
  })
  copyFileSync(join(root, 'bench', 'gpu', 'README.md'), join(stage, 'README.md'))
  copyFileSync(join(root, 'LICENSE'), join(stage, 'LICENSE'))
  copyFileSync(join(root, 'bench', 'gpu', 'gpu-check.sh'), join(stage, 'gpu-check'))
  chmodSync(join(stage, 'gpu-check'), 0o755)
  writeFileSync(join(stage, 'bundle.json'), JSON.stringify({ version, commit: commit() }))
  const expected = buildExpectedWrappers()
  if (existsSync(plugin)) {
    buildProbe()
    buildWrappers()
  }
  if (emulated) addEmulation(expected)
}

function copyNode() {
  mkdirSync(join(stage, 'bin'), { recursive: true })
  mkdirSync(join(stage, 'lib'))
  const node = join(stage, 'bin', 'node')
  copyFileSync(realpathSync(process.execPath), node)
  chmodSync(node, 0o755)
  execFileSync('strip', [node])
  // Nothing of glibc: that is the host's.
  for (const [, file] of execFileSync('ldd', [node], { encoding: 'utf8' }).matchAll(/=> (\S+)/g))
    if (/lib(stdc\+\+|gcc_s|atomic)\./.test(file))
      copyFileSync(realpathSync(file), join(stage, 'lib', basename(file)))
}

function copyPackage() {
  const place = join(stage, 'node_modules', 'twofour')
  mkdirSync(join(place, 'build', 'Release'), { recursive: true })
  copyFileSync(join(root, 'package.json'), join(place, 'package.json'))
  cpSync(join(root, 'dist'), join(place, 'dist'), {
    recursive: true,
    filter: (file) => statSync(file).isDirectory() || isRun(file),
  })
  for (const file of ['twofour.node', 'libtwofour_cuda.so'])
    if (existsSync(join(release, file)))
      copyFileSync(join(release, file), join(place, 'build', 'Release', file))
}

/** With what it needs itself, beside it as npm has it. */
function copyDependency(dependency, from) {
  const source = findPackage(dependency, from)
  const place = join(stage, relative(root, source))
  if (existsSync(place)) return
  cpSync(source, place, { recursive: true, filter: (file) => statSync(file).isDirectory() || isRun(file) })
  const needs = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')).dependencies ?? {}
  for (const each of Object.keys(needs)) copyDependency(each, source)
}

function findPackage(dependency, from) {
  const place = join(from, 'node_modules', dependency)
  if (existsSync(place)) return place
  if (from === root) throw new Error(`${dependency} is not installed. Run npm ci.`)
  return findPackage(dependency, dirname(from))
}

/** The checks as plain JavaScript. What they take of twofour is the package's own dist/. */
async function buildChecks() {
  const place = '../node_modules/twofour/dist/'
  const ours = (path) => ({ path: place + path, external: true })
  const plugin = {
    name: 'twofour',
    setup({ onResolve }) {
      onResolve({ filter: /^twofour$/ }, () => ours('index.js'))
      onResolve({ filter: /^\.\..*\/(lib|dist)\// }, ({ path }) =>
        ours(path.replace(/^.*?\/(lib|dist)\//, '')),
      )
    },
  }
  await build({
    entryPoints: ['check.ts', 'step.ts'].map((file) => join(root, 'bench', 'gpu', file)),
    outdir: join(stage, 'checks'),
    ...{ bundle: true, splitting: true, platform: 'node', format: 'esm', target: 'node20' },
    plugins: [plugin],
  })
  writeFileSync(join(stage, 'checks', 'package.json'), '{ "type": "module" }\n')
}

const probeSources = () => {
  const folder = join(root, 'bench', 'gpu-probe')
  const own = readdirSync(folder).filter((file) => /\.(cc|cu)$/.test(file))
  const shared = ['libraries.cc', 'shared_library.cc'].map((file) => join(root, 'native', 'cuda', file))
  return [...own.map((file) => join(folder, file)), ...shared]
}
const includes = () => [
  `-I${join(root, 'native')}`,
  '-isystem',
  join(root, 'build', 'cuda-headers', 'include'),
]

const nvcc =
  ['/usr/local/cuda/bin/nvcc', process.env.CUDACXX].find((file) => file && existsSync(file)) ?? 'nvcc'
const whole = ['-cudart', 'static', '-Xcompiler', '-Wall,-Wextra,-static-libstdc++,-static-libgcc']

/** It has no kernels, so no architecture is named. */
function buildProbe() {
  const options = ['-std=c++20', '-O2', ...whole, ...includes()]
  run(nvcc, [...options, '-o', join(stage, 'checks', 'probe'), ...probeSources()])
  execFileSync('strip', [join(stage, 'checks', 'probe')])
}

const wrapperSources = (buffer) =>
  ['wrappers.cu', 'inputs.cc', 'main.cc', buffer].map((file) => join(root, 'bench', 'gpu-wrappers', file))

/** For the architectures of the plugin. */
function buildWrappers() {
  const machines = [
    ...['--generate-code=arch=compute_80,code=[sm_80,sm_86]', '--generate-code=arch=compute_89,code=[sm_89]'],
    '--generate-code=arch=compute_90,code=[sm_90a,compute_90]',
  ]
  const options = ['-std=c++20', '-O2', ...machines, ...whole, '-I', join(root, 'native')]
  const device = ['-I', join(root, 'native', 'cuda', 'device')]
  const target = join(stage, 'checks', 'wrappers')
  run(nvcc, [...options, ...device, '-o', target, ...wrapperSources('buffer_card.cc')])
  execFileSync('strip', [target])
}

/** The same kernels over the emulator: what a card has to give, and the program that gave it. */
function buildExpectedWrappers() {
  const device = join(root, 'native', 'emulation', 'device')
  const emulator = readdirSync(device).filter((file) => file.endsWith('.cc'))
  const program = join(root, 'build', 'gpu-check', 'wrappers-emulated')
  const warnings = ['-Wall', '-Wextra', '-Wpedantic', '-Wno-unknown-pragmas']
  const options = ['-std=c++20', '-O2', ...warnings, '-I', join(root, 'native'), '-I', device]
  const sources = [...wrapperSources('buffer_emulated.cc'), ...emulator.map((file) => join(device, file))]
  run('g++', [...options, '-x', 'c++', ...sources, '-x', 'none', '-o', program, '-lpthread'])
  mkdirSync(join(stage, 'checks'), { recursive: true })
  const words = execFileSync(program, { encoding: 'utf8', maxBuffer: 2 ** 26 })
  writeFileSync(join(stage, 'checks', 'wrappers.jsonl'), words)
  return program
}

/** The plugin over the emulated device, and the probe over the same. */
function addEmulation(wrappers) {
  const place = join(stage, 'emulated')
  const runtime = join(release, 'emulated')
  cpSync(runtime, join(place, 'emulated'), { recursive: true })
  copyFileSync(join(release, 'libtwofour_cuda_emulated.so'), join(place, 'libtwofour_cuda_emulated.so'))
  copyFileSync(wrappers, join(place, 'wrappers'))
  const cuda = ['-isystem', '/usr/local/cuda/include']
  const link = ['-L', runtime, '-lcudart_emulated', '-Wl,-rpath,$ORIGIN/emulated', '-ldl', '-lpthread']
  const options = ['-std=c++20', '-O2', '-Wall', '-Wextra', '-Wpedantic', ...includes(), ...cuda]
  run('g++', [...options, '-x', 'c++', ...probeSources(), '-x', 'none', '-o', join(place, 'probe'), ...link])
}

/** xz, because with gzip Node alone is most of what is allowed; tar and Python unpack it everywhere. */
function pack() {
  const file = `${stage}.tar.xz`
  rmSync(file, { force: true })
  const owner = ['--owner=0', '--group=0', '--sort=name']
  const env = { ...process.env, XZ_OPT: '-9 -T2' }
  execFileSync('tar', ['-cJf', file, ...owner, '-C', dirname(stage), name], { env, stdio: 'inherit' })
  const { size } = statSync(file)
  console.log(`${file}: ${(size / 2 ** 20).toFixed(1)} MiB`)
  if (size > limit) throw new Error(`It is larger than ${limit / 2 ** 20} MiB.`)
}

function run(file, args) {
  execFileSync(file, args, { stdio: 'inherit', cwd: root })
}

function commit() {
  const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
  try {
    return git('rev-parse', '--short=12', 'HEAD') + (git('status', '--porcelain') === '' ? '' : ', changed')
  } catch {
    return 'unknown'
  }
}

main()
await buildChecks()
if (!process.argv.includes('--unpacked')) pack()
