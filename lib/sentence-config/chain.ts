import { join } from 'node:path'
import { describe } from '../check.js'
import { type Module, modulesFile } from './modules.js'
import { type PoolingMode, readPooling } from './pooling.js'
import type { ReadLog } from './read-log.js'

/** From token vectors to a sentence vector. */
export type Chain = {
  /** Absent without a Pooling. */
  readonly poolings?: readonly PoolingMode[]
  readonly includePrompt: boolean
  readonly normalize: boolean
  /** Why the modules cannot be run as they are listed. */
  readonly unsupported?: string
}

/** The chain of a model that lists no modules. */
export const defaultChain: Chain = { includePrompt: true, normalize: false }

/**
 * Walks modules as the reference runs them: the last Pooling makes the vector, a Normalize before it finds none to
 * scale, and Dropout does nothing when a model is not trained.
 * @throws TwofourError of readPooling
 */
export async function readChain(root: string, modules: readonly Module[], log: ReadLog): Promise<Chain> {
  const file = join(root, modulesFile)
  const order = modules.map(({ kind }) => kind).join(', ') || 'no modules'
  if (modules[0]?.kind !== 'Transformer') {
    return {
      ...defaultChain,
      unsupported: `${file} lists ${order}; twofour runs models that begin with a Transformer.`,
    }
  }
  log.opened(file)
  const walk = new Walk(root, log)
  for (const module of modules) {
    const foreign = !module.type.startsWith('sentence_transformers.')
    if (foreign) walk.refuse(sayModule(module, 'code of its own, which twofour does not run'))
    else if (module !== modules[0]) await walk.step(module)
  }
  return walk.end(`${file} lists ${order}, and no Pooling after the Transformer.`)
}

class Walk {
  readonly #root: string
  readonly #log: ReadLog
  #poolings: readonly PoolingMode[] | undefined
  #includePrompt = true
  #normalize = false
  #unsupported: string | undefined

  constructor(root: string, log: ReadLog) {
    this.#root = root
    this.#log = log
  }

  /** The first reason counts. */
  refuse(why: string): void {
    this.#unsupported ??= `${join(this.#root, modulesFile)} ${why}.`
  }

  async step(module: Module): Promise<void> {
    switch (module.kind) {
      case 'Pooling':
        return this.#pool(module)
      case 'Normalize':
        this.#normalize = this.#poolings !== undefined
        if (this.#normalize) this.#effect(module, 'vectors are scaled to length 1')
        else this.#ignore(module, 'there is no vector before the Pooling')
        return
      case 'Dropout':
        if (this.#poolings === undefined)
          this.refuse('has a Dropout before the Pooling, which the reference refuses')
        else this.#ignore(module, 'it works in training alone')
        return
      default:
        this.refuse(sayModule(module, 'which twofour does not run'))
    }
  }

  end(withoutPooling: string): Chain {
    if (this.#poolings === undefined) this.#unsupported ??= withoutPooling
    return {
      ...(this.#poolings !== undefined && { poolings: this.#poolings }),
      includePrompt: this.#includePrompt,
      normalize: this.#normalize,
      ...(this.#unsupported !== undefined && { unsupported: this.#unsupported }),
    }
  }

  async #pool(module: Module): Promise<void> {
    const again = this.#poolings !== undefined
    const { poolings, includePrompt, unknownKey } = await readPooling(
      join(this.#root, module.path),
      this.#log,
    )
    // A Pooling that leaves out a prompt changes the mask that one after it reads.
    if (again && !(includePrompt && this.#includePrompt))
      this.refuse('has several Pooling modules with include_prompt false')
    if (unknownKey !== undefined)
      this.refuse(
        `has a Pooling in ${describe(module.path)} whose config.json asks for ${describe(unknownKey)}, which is not known`,
      )
    this.#poolings = poolings
    this.#includePrompt = includePrompt
    this.#normalize = false
  }

  #effect({ name, type }: Module, effect: string): void {
    this.#log.key(join(this.#root, modulesFile), name, type, effect)
  }

  #ignore({ name, type }: Module, why: string): void {
    this.#log.ignore(join(this.#root, modulesFile), `${name} (${type})`, why)
  }
}

function sayModule({ type, path }: Module, why: string): string {
  const where = path === '' ? '' : ` in ${describe(path)}`
  return `asks for the module ${describe(type)}${where}, ${why}`
}
