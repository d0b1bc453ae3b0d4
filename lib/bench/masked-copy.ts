import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Checkpoint, prune } from '../index.js'
import type { Variant } from './variants.js'

/**
 * Writes the model with zeros in place of what a variant's recipe removes, where one wants that, and takes the copy
 * away again: an encoder that is loaded from a plan never has removed heads and neurons.
 * @throws TwofourError of prune and save; `signal.reason`
 */
export async function withMaskedCopy<T>(
  checkpoint: Checkpoint,
  variants: readonly Variant[],
  signal: AbortSignal | undefined,
  use: (directory: string | undefined) => Promise<T>,
): Promise<T> {
  const recipe = variants.find(({ masked }) => masked)?.recipe
  if (!recipe?.steps.some(({ pattern }) => pattern === 'heads' || pattern === 'neurons')) {
    return use(undefined)
  }
  const temporary = await mkdtemp(join(tmpdir(), 'twofour-bench-'))
  try {
    const directory = join(temporary, 'masked')
    const plan = await prune(checkpoint, recipe, { signal })
    await (await plan.apply(checkpoint, { signal })).save(directory, { form: 'masked', signal })
    return await use(directory)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}
