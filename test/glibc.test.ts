import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { needsOf } from './elf.js'

/** The oldest glibc on which the published binary loads; Node 20 needs it too. Stated in the README. */
const oldest = [2, 28] as const

const folder = fileURLToPath(new URL('../build/Release/', import.meta.url))
/** The CUDA plugin is there where it was compiled. */
const binaries = ['twofour.node', 'libtwofour_cuda.so'].filter((name) => existsSync(join(folder, name)))

function isNewer(version: string): boolean {
  const [major = 0, minor = 0] = version
    .replace(/^GLIBC_/, '')
    .split('.')
    .map(Number)
  return major > oldest[0] || (major === oldest[0] && minor > oldest[1])
}

for (const name of binaries) {
  const { libraries, versions, undefinedSymbols } = needsOf(join(folder, name))

  test(`${name} asks for no symbol newer than glibc ${oldest.join('.')}`, (t) => {
    const glibc = versions.filter(({ version }) => version.startsWith('GLIBC_'))
    t.true(glibc.length > 0)
    t.deepEqual(
      glibc.filter(({ version }) => isNewer(version)),
      [],
    )
  })

  test(`${name} asks for nothing but glibc: the C++ and CUDA runtimes are inside`, (t) => {
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

  test(`every symbol that ${name} sent to an older version is there`, (t) => {
    t.deepEqual(
      undefinedSymbols.filter((name) => /^_*wrap_|^old_/.test(name)),
      [],
    )
    t.true(undefinedSymbols.includes('pthread_create'))
  })
}

test('versions are compared as numbers', (t) => {
  t.true(isNewer('GLIBC_2.29'))
  t.true(isNewer('GLIBC_3.0'))
  t.false(isNewer('GLIBC_2.28'))
  t.false(isNewer('GLIBC_2.3.4'))
})
