import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export type PyTorch = { readonly run: () => Promise<unknown>; readonly stop: () => void }

const fix =
  'Install it: python3 -m venv venv && venv/bin/pip install torch safetensors --extra-index-url https://download.pytorch.org/whl/cpu, and name venv/bin/python3 in TWOFOUR_TEST_PYTHON'

/** bench/peers/prune.py, waiting for a line each time that it is to decide. */
export async function startPyTorch(
  directory: string,
  threads: number,
): Promise<PyTorch | { readonly missing: string }> {
  const python = process.env.TWOFOUR_TEST_PYTHON
  if (python === undefined) return { missing: `PyTorch is not compared: no Python is named. ${fix}` }
  const script = join(import.meta.dirname, 'peers', 'prune.py')
  const child = spawn(python, [script, join(directory, 'model.safetensors'), String(threads)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  const next = async () => {
    const ended = once(lines, 'close').then(() => [undefined])
    const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string | undefined]
    return line
  }
  const failed = new Promise<string>((resolve) => child.once('error', (error) => resolve(error.message)))
  const first = await Promise.race([next(), failed])
  if (first !== 'ready') return { missing: `PyTorch is not compared: ${first ?? 'the script ended'}. ${fix}` }
  const run = async () => {
    child.stdin.write('prune\n')
    const line = await next()
    if (line === undefined) throw new Error('bench/peers/prune.py ended.')
    return line
  }
  return { run, stop: () => child.stdin.end() }
}
