import type { CudaLibraries, CudaReport } from '../../binding.js'
import { addon, translated } from '../addon.js'
import { emulatedLibrary, type FoundLibrary, findLibrary, type LibraryKey } from './search.js'

/** One of NVIDIA's libraries, as the plugin found it. */
export type CudaLibrary = {
  readonly name: string
  readonly path: string
  /** The rule that found it: 'CUDA_PATH', 'ld.so' … */
  readonly from: string
  readonly version: string
  readonly usable: boolean
  /** CUDA_LIBRARY_MISSING …, or ''. */
  readonly code: string
  /** Why it is not usable, or what is known of this version, or ''. */
  readonly sentence: string
}

/** What of CUDA is here. Texts are '' where there is nothing to say. */
export type CudaState = Omit<CudaReport, 'libraries'> & {
  /** In the order cuBLASLt, cuSPARSELt; empty where none was opened. */
  readonly libraries: readonly CudaLibrary[]
}

/** Files for the plugin to open. @param emulated whether it is an emulation */
export function findLibraries(emulated: boolean): CudaLibraries {
  const [cublaslt, cusparselt] = found(emulated)
  return { cublaslt: cublaslt.file, cusparselt: cusparselt.file }
}

function found(emulated: boolean): readonly [FoundLibrary, FoundLibrary] {
  const find = emulated ? emulatedLibrary : (key: LibraryKey) => findLibrary(key)
  return [find('cublaslt'), find('cusparselt')]
}

/**
 * Opens the plugin and looks at driver and devices. NVIDIA's libraries are opened only where they have a use: a device
 * that can be used, or (`always`) somebody who wants to know.
 * @throws TwofourError ADDON_MISSING
 */
export function cudaState({ always = false } = {}): CudaState {
  const { libraries: _, ...first } = look(null)
  const wanted = always || first.devices.some(({ available }) => available)
  if (!first.plugin.available || !wanted) return { ...first, libraries: [] }
  const report = look(findLibraries(first.emulated))
  const rules = found(first.emulated)
  const libraries = report.libraries.map((library, i) => ({ ...library, from: rules[i]?.from ?? '' }))
  return { ...report, libraries }
}

function look(libraries: CudaLibraries | null): CudaReport {
  try {
    return addon().cuda(libraries)
  } catch (error) {
    throw translated(error)
  }
}
