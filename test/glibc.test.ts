import { fileURLToPath } from 'node:url'
import test from 'ava'
import { needsOf } from './elf.js'

/** The oldest glibc on which the published binary loads; Node 20 needs it too. Stated in the README. */
const oldest = [2, 28] as const

const addon = fileURLToPath(new URL('../build/Release/twofour.node', import.meta.url))
const { libraries, versions, undefinedSymbols } = needsOf(addon)

function isNewer(version: string): boolean {
  const [major = 0, minor = 0] = version
    .replace(/^GLIBC_/, '')
    .split('.')
    .map(Number)
  return major > oldest[0] || (major === oldest[0] && minor > oldest[1])
}

test(`the addon asks for no symbol newer than glibc ${oldest.join('.')}`, (t) => {
  const glibc = versions.filter(({ version }) => version.startsWith('GLIBC_'))
  t.true(glibc.length > 0)
  t.deepEqual(
    glibc.filter(({ version }) => isNewer(version)),
    [],
  )
})

test('the addon asks for nothing but glibc: the C++ runtime is inside', (t) => {
  const allowed = /^(lib(c|m|pthread|dl|rt)\.so\.\d|ld-linux.*\.so\.\d)$/
  t.deepEqual(
    libraries.filter((library) => !allowed.test(library)),
    [],
  )
  t.deepEqual(
    versions.filter(({ version }) => /^(GLIBCXX|CXXABI|GCC)_/.test(version)),
    [],
  )
})

test('every symbol that was sent to an older version is there', (t) => {
  t.deepEqual(
    undefinedSymbols.filter((name) => /^_*wrap_|^old_/.test(name)),
    [],
  )
  t.true(undefinedSymbols.includes('napi_create_function'))
})

test('versions are compared as numbers', (t) => {
  t.true(isNewer('GLIBC_2.29'))
  t.true(isNewer('GLIBC_3.0'))
  t.false(isNewer('GLIBC_2.28'))
  t.false(isNewer('GLIBC_2.3.4'))
})
