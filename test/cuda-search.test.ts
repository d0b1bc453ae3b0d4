/** Where NVIDIA's libraries are looked for, in directories of this test's own: nothing is opened. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import test from 'ava'
import { findLibrary, type LibraryKey, places } from '../lib/cuda/search.js'
import { temporaryDirectory } from './temporary-directory.js'

const names = { cublaslt: 'libcublasLt.so.13', cusparselt: 'libcusparseLt.so.0' } as const

function touch(file: string): string {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, '')
  return file
}

/** An environment that names a folder of its own for everything, with the library in each. */
function everywhere(key: LibraryKey) {
  const root = temporaryDirectory('libraries')
  const at = (...parts: string[]) => touch(join(root, ...parts, names[key]))
  const wheel = key === 'cublaslt' ? 'cu13' : 'cusparselt'
  const python = (environment: string) =>
    at(environment, 'lib', 'python3.11', 'site-packages', 'nvidia', wheel, 'lib')
  const own = key === 'cublaslt' ? 'CUBLAS_ROOT' : 'CUSPARSELT_ROOT'
  const files: [from: string, file: string][] = [
    ['TWOFOUR_CUDA_LIB_DIR', at('given')],
    [own, at('own', 'lib64')],
    ['CUDA_PATH', at('cuda', 'lib')],
    ['VIRTUAL_ENV', python('venv')],
    ['CONDA_PREFIX', python('conda')],
    ['CONDA_PREFIX', at('conda', 'lib')],
    ['twofour cuda install', at('cache', 'twofour', 'cuda')],
  ]
  const environment = {
    TWOFOUR_CUDA_LIB_DIR: join(root, 'given'),
    [own]: join(root, 'own'),
    CUDA_PATH: join(root, 'cuda'),
    VIRTUAL_ENV: join(root, 'venv'),
    CONDA_PREFIX: join(root, 'conda'),
    XDG_CACHE_HOME: join(root, 'cache'),
  }
  return { files, environment }
}

for (const key of ['cublaslt', 'cusparselt'] as const) {
  test(`${key} is taken from the first place that has it, in the documented order`, (t) => {
    const { files, environment } = everywhere(key)
    for (const [from, file] of files) {
      // A toolkit of this machine stands between these and the cache.
      const found = findLibrary(key, environment)
      if (found.from === 'CUDA toolkit') break
      t.deepEqual(found, { file, from })
      rmSync(file)
    }
    t.deepEqual(
      places(key, environment).map(({ from }) => from),
      [...new Set(files.map(([from]) => from))].toSpliced(-1, 0, 'CUDA toolkit'),
    )
  })
}

test('where no place has it, its name is left to ld.so', (t) => {
  const environment = { XDG_CACHE_HOME: temporaryDirectory() }
  const found = findLibrary('cusparselt', environment)
  if (found.from !== 'CUDA toolkit') t.deepEqual(found, { file: 'libcusparseLt.so.0', from: 'ld.so' })
  t.deepEqual(
    places('cusparselt', environment).map(({ from }) => from),
    ['CUDA toolkit', 'twofour cuda install'],
  )
})

test('another major version is found only where the right one is nowhere, so that it can be refused by name', (t) => {
  const given = temporaryDirectory()
  const environment = { TWOFOUR_CUDA_LIB_DIR: given, XDG_CACHE_HOME: temporaryDirectory() }
  const old = touch(join(given, 'libcublasLt.so.12'))
  t.deepEqual(findLibrary('cublaslt', environment), { file: old, from: 'TWOFOUR_CUDA_LIB_DIR' })
  const right = touch(join(environment.XDG_CACHE_HOME, 'twofour', 'cuda', 'libcublasLt.so.13'))
  t.deepEqual(findLibrary('cublaslt', environment), { file: right, from: 'twofour cuda install' })
})

test('each library has a variable of its own', (t) => {
  const root = temporaryDirectory()
  const environment = { CUBLAS_ROOT: root, XDG_CACHE_HOME: root }
  for (const name of Object.values(names)) touch(join(root, name))
  t.is(findLibrary('cublaslt', environment).from, 'CUBLAS_ROOT')
  t.not(findLibrary('cusparselt', environment).from, 'CUBLAS_ROOT')
})

test('empty variables count as absent, and the cache falls back to the home directory', (t) => {
  const environment = { TWOFOUR_CUDA_LIB_DIR: '', CUDA_PATH: '', XDG_CACHE_HOME: '' }
  const found = places('cublaslt', environment)
  t.deepEqual(
    found.map(({ from }) => from),
    ['CUDA toolkit', 'twofour cuda install'],
  )
  t.deepEqual(found[1]!.directories, [join(homedir(), '.cache', 'twofour', 'cuda')])
})
