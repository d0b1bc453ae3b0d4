import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** A Python with torch, safetensors and transformers 5. Tests that need it are skipped, and counted, without. */
export const python = process.env.TWOFOUR_TEST_PYTHON
/** The same with transformers 4. */
export const pythonV4 = process.env.TWOFOUR_TEST_PYTHON_V4

/** What a script prints. It finds its arguments in `sys.argv[1:]`. */
export async function runPython(
  interpreter: string,
  script: string,
  args: readonly string[],
  cwd?: string,
): Promise<string> {
  const options = { maxBuffer: 1 << 28, env: { ...process.env, HF_HUB_OFFLINE: '1' }, ...(cwd && { cwd }) }
  const { stdout } = await promisify(execFile)(interpreter, ['-c', script, ...args], options)
  return stdout
}
