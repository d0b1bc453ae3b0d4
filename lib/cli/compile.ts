import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { TwofourError } from '../index.js'
import { headerFolders } from './build-headers.js'
import { runTool, type ToolOptions, tail } from './run-tool.js'

export type CompileOptions = {
  /** The folder of the package: its sources are compiled, its binary replaced. */
  root: string
  signal?: AbortSignal | undefined
  /** Each line that the tools write. */
  onLine?: ((line: string) => void) | undefined
}

export type Compiled = { file: string; seconds: number }

const addonName = 'twofour.node'
const pluginName = 'libtwofour_cuda.so'

const noCmake =
  'Cannot compile: there is no cmake on PATH. Install CMake 3.19 or newer (Debian: apt install cmake g++ make).'
const noCompiler =
  'Cannot compile: CMake finds no working C++ compiler. Install one (Debian: apt install g++) or name it: CXX=FILE.'
const noMake = 'Cannot compile: CMake finds neither make nor ninja. Install one (Debian: apt install make).'

/** What a failed configuration says, and the sentence that says it better. */
const configureFailures: readonly [RegExp, string][] = [
  [/unable to find a build program|CMAKE_MAKE_PROGRAM is not set/, noMake],
  [/No CMAKE_CXX_COMPILER could be found|is not a full path|is not able to compile/, noCompiler],
]

/**
 * Compiles the addon for this machine from the sources in the package, and puts it where twofour loads it from.
 * Needs CMake, a C++20 compiler, and npm (for header files) unless they are installed. A binary that was there
 * is replaced only by one that loads, at once.
 * @throws TwofourError BUILD_FAILED with what is missing, or with the end of the log; `signal.reason` when aborted.
 */
export async function compileAddon(options: CompileOptions): Promise<Compiled> {
  const { root } = options
  const tools = { signal: options.signal, onLine: options.onLine }
  const started = performance.now()

  const temporary = await mkdtemp(join(tmpdir(), 'twofour-build-'))
  try {
    await runTool('cmake', ['--version'], noCmake, { signal: options.signal })
    const headers = await headerFolders(root, temporary, tools)
    await configure(root, temporary, headers, tools)
    await compile(temporary, tools)
    const out = join(temporary, 'out')
    await checkLoads(join(out, addonName), tools)
    const folder = join(root, 'build', 'Release')
    // Where nvcc is: a plugin of the same sources.
    if (existsSync(join(out, pluginName))) await publish(join(out, pluginName), folder)
    const file = await publish(join(out, addonName), folder)
    return { file, seconds: (performance.now() - started) / 1000 }
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

async function configure(
  root: string,
  temporary: string,
  headers: string[],
  tools: ToolOptions,
): Promise<void> {
  const definitions = [
    '-DCMAKE_BUILD_TYPE=Release',
    `-DCMAKE_JS_INC=${headers.join(';')}`,
    `-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${join(temporary, 'out')}`,
  ]
  const args = ['-S', root, '-B', join(temporary, 'build'), ...definitions]
  const { status, log } = await runTool('cmake', args, noCmake, tools)
  if (status === 0) return
  const known = configureFailures.find(([pattern]) => pattern.test(log))
  throw failed(known?.[1] ?? 'CMake could not configure the addon.', log)
}

async function compile(temporary: string, tools: ToolOptions): Promise<void> {
  const args = ['--build', join(temporary, 'build'), '--parallel', String(availableParallelism())]
  const { status, log } = await runTool('cmake', args, noCmake, tools)
  if (status !== 0)
    throw failed('The addon does not compile here. It needs a C++20 compiler (g++ 12, clang 15).', log)
}

/** In a process of its own: a binary that cannot start may end it. */
async function checkLoads(binary: string, tools: ToolOptions): Promise<void> {
  const args = ['-e', 'process.dlopen({ exports: {} }, process.argv[1])', binary]
  const { status, log } = await runTool(process.execPath, args, 'Cannot start Node.', tools)
  if (status !== 0) throw failed('The addon was compiled but does not load.', log)
}

async function publish(binary: string, folder: string): Promise<string> {
  const file = join(folder, basename(binary))
  const unfinished = join(folder, `.${process.pid}-${basename(binary)}`)
  try {
    await mkdir(folder, { recursive: true })
    await copyFile(binary, unfinished)
    await rename(unfinished, file)
    return file
  } catch (cause) {
    await rm(unfinished, { force: true })
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new TwofourError('BUILD_FAILED', `Cannot write ${file}: ${reason}`, { file }, { cause })
  }
}

function failed(sentence: string, log: string): TwofourError {
  return new TwofourError('BUILD_FAILED', `${sentence}\n${tail(log)}`, { log })
}
