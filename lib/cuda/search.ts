import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

export type LibraryKey = 'cublaslt' | 'cusparselt'

/** A shared library, and which rule found it. */
export type FoundLibrary = {
  /** An absolute path; from 'ld.so' a bare name, which the loader looks for. */
  readonly file: string
  readonly from: string
}

type Environment = Readonly<Record<string, string | undefined>>
type Place = { readonly from: string; readonly directories: readonly string[] }

/** File names, the wanted one first. Others are found only so that they can be refused by what they are. */
const files: Readonly<Record<LibraryKey, readonly [string, ...string[]]>> = {
  cublaslt: ['libcublasLt.so.13', 'libcublasLt.so.12', 'libcublasLt.so.11'],
  cusparselt: ['libcusparseLt.so.0'],
}
const roots: Readonly<Record<LibraryKey, string>> = { cublaslt: 'CUBLAS_ROOT', cusparselt: 'CUSPARSELT_ROOT' }
const toolkit = '/usr/local/cuda'

/** What an emulation is given: its own libraries, where its plugin knows them, and never NVIDIA's. */
export function emulatedLibrary(key: LibraryKey): FoundLibrary {
  return { file: files[key][0], from: 'emulation' }
}

/** Where `twofour cuda install` puts them: the user's cache directory (XDG). */
export function cudaCache(environment: Environment = process.env): string {
  return join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'twofour', 'cuda')
}

/** The first place that has it, in the order of `places`; else its name, left to ld.so. Opens nothing. */
export function findLibrary(key: LibraryKey, environment: Environment = process.env): FoundLibrary {
  for (const name of files[key]) {
    for (const { from, directories } of places(key, environment)) {
      const file = directories.map((directory) => resolve(directory, name)).find((path) => existsSync(path))
      if (file !== undefined) return { file, from }
    }
  }
  return { file: files[key][0], from: 'ld.so' }
}

/** Every directory that is looked into, best first. docs/gpu.md has the same list. */
export function places(key: LibraryKey, environment: Environment = process.env): Place[] {
  const variable = (name: string, directoriesOf: (root: string) => string[]): Place[] => {
    const value = environment[name]
    return value ? [{ from: name, directories: directoriesOf(value) }] : []
  }
  return [
    ...variable('TWOFOUR_CUDA_LIB_DIR', (directory) => [directory]),
    ...variable(roots[key], underRoot),
    ...variable('CUDA_PATH', underRoot),
    ...variable('VIRTUAL_ENV', underPython),
    ...variable('CONDA_PREFIX', (prefix) => [...underPython(prefix), join(prefix, 'lib')]),
    { from: 'CUDA toolkit', directories: underRoot(toolkit) },
    { from: 'twofour cuda install', directories: [cudaCache(environment)] },
  ]
}

function underRoot(root: string): string[] {
  return [root, join(root, 'lib64'), join(root, 'lib')]
}

/** NVIDIA's wheels have a folder each: nvidia/cu13/lib, nvidia/cusparselt/lib. */
function underPython(prefix: string): string[] {
  const lib = join(prefix, 'lib')
  return namesIn(lib)
    .filter((name) => /^python3/.test(name))
    .map((python) => join(lib, python, 'site-packages', 'nvidia'))
    .flatMap((nvidia) => namesIn(nvidia).map((name) => join(nvidia, name, 'lib')))
}

function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : []
}
