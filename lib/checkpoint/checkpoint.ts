import type { EncoderSpec, Slot } from '../architecture/spec.js'
import { checkKeys, checkOneOf, checkSignal, checkString } from '../check.js'
import { assemble, type Opened } from './assemble.js'
import { type Decision, specOf } from './decision.js'
import { checkUnchanged, hashTensors } from './hash.js'
import { type SaveOptions, type SaveResult, saveCheckpoint } from './save.js'
import type { StoredTensor } from './stored.js'
import { type CheckpointSummary, summarise } from './summary.js'

export type CheckpointOptions = {
  /** Rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  /** 'none' opens the encoder alone, also where the head is one that twofour does not know. @default 'auto' */
  readonly head?: 'auto' | 'none' | undefined
}

export type HashOptions = { readonly signal?: AbortSignal | undefined }

/**
 * A checkpoint on disk whose config and tensors are known to fit together, and what pruning has decided about it.
 * Only headers were read, and no file stays open. Immutable.
 */
export class Checkpoint {
  /** Where config.json, the weights and the tokenizer's files are. */
  readonly directory: string
  /** The folder that was opened: `directory`, or where modules.json of sentence-transformers names it. */
  readonly root: string
  /** `model_type` of config.json. */
  readonly architecture: string
  readonly config: Readonly<Record<string, unknown>>
  /** As stored. */
  readonly base: EncoderSpec
  /** As it runs: `base` after `decision`. */
  readonly spec: EncoderSpec
  /** Where the weight of every slot of `base` lies. */
  readonly slots: ReadonlyMap<Slot, StoredTensor>
  /** Names of a classifier's labels, by index; null for other heads and for none. */
  readonly labels: readonly string[] | null
  /** Tensors that are there and not used. */
  readonly ignored: readonly string[]
  /** Sentences on what was not obvious. */
  readonly notes: readonly string[]
  readonly decision: Decision | null
  readonly #opened: Opened
  /** Shared by the checkpoints of one base. */
  readonly #hash: { value: string | null }

  private constructor(opened: Opened, decision: Decision | null, hash: { value: string | null }) {
    this.directory = opened.shards.directory
    this.root = opened.root
    this.architecture = opened.architecture
    this.config = opened.config.fields
    this.base = opened.base
    this.spec = specOf(opened.base, decision)
    this.slots = opened.slots
    this.labels = opened.labels
    this.ignored = opened.ignored
    this.notes = opened.notes
    this.decision = decision
    this.#opened = opened
    this.#hash = hash
  }

  /**
   * Opens a directory, or a .safetensors file with config.json beside it. Where modules.json of sentence-transformers has
   * the transformer in a folder of its own, as '0_Transformer', all is read there.
   * @throws TwofourError FILE_NOT_FOUND, FILE_UNREADABLE, or a SAFETENSORS_ or CHECKPOINT_ code
   */
  static async open(path: string, options: CheckpointOptions = {}): Promise<Checkpoint> {
    checkString('path', path)
    checkKeys('options', options, ['signal', 'head'])
    const head = checkOneOf('head', options.head ?? 'auto', ['auto', 'none'])
    const signal = checkSignal(options.signal)

    return new Checkpoint(await assemble(path, head, signal), null, { value: null })
  }

  /** The same base under another decision, which replaces the present one. Nothing is read or copied. */
  withDecision(decision: Decision): Checkpoint {
    return new Checkpoint(this.#opened, decision, this.#hash)
  }

  /**
   * SHA-256 (hex) of the stored weights that are used, whatever the decision: reads them all, once.
   * @throws TwofourError FILE_CHANGED when a file is no longer the one that was opened
   */
  async hash(options: HashOptions = {}): Promise<string> {
    checkKeys('options', options, ['signal'])
    const signal = checkSignal(options.signal)
    const { files } = this.#opened.shards

    await checkUnchanged(files)
    this.#hash.value ??= await hashTensors(this.slots.values(), files, signal)
    return this.#hash.value
  }

  /** @throws TwofourError FILE_CHANGED when a file is no longer the one that was opened, or FILE_NOT_FOUND */
  async checkUnchanged(): Promise<void> {
    await checkUnchanged(this.#opened.shards.files)
  }

  /** Without reading weights. */
  summary(): CheckpointSummary {
    return summarise(this, this.#opened.shards.files)
  }

  /** Writes the checkpoint under its decision into a directory: see `saveCheckpoint`. @throws TwofourError */
  async save(directory: string, options: SaveOptions = {}): Promise<SaveResult> {
    return saveCheckpoint(this, directory, options)
  }
}
