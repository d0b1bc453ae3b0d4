import type { EncoderSpec, Slot } from '../architecture/spec.js'
import { checkKeys, checkOneOf, checkSignal, checkString } from '../check.js'
import type { FileRead } from '../reading.js'
import { assemble, type Opened } from './assemble.js'
import type { IgnoredKey } from './config-keys.js'
import { type Decision, specOf } from './decision.js'
import { type ExtraTensor, keptExtras } from './extras.js'
import { checkUnchanged, hashTensors } from './hash.js'
import { unwrapped } from './prefixes.js'
import { type HeadChoice, headChoices, type UnopenedHead } from './read-head.js'
import { type SaveOptions, type SaveResult, saveCheckpoint } from './save.js'
import type { StoredTensor } from './stored.js'
import { type CheckpointSummary, summarise } from './summary.js'

export type CheckpointOptions = {
  /** Rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  /**
   * The task head that `architectures` of config.json names. 'auto' opens the encoder alone where twofour does not know
   * the head or the file lacks its tensors, and notes it; 'none' always does; 'require' refuses such a checkpoint,
   * and so does a kind, such as 'sequenceClassification', which is opened whatever `architectures` says.
   * @default 'auto'
   */
  readonly head?: HeadChoice | undefined
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
  /** The task head that config.json asks for and that was left out, with the reason; null where none was. */
  readonly unopenedHead: UnopenedHead | null
  /** Tensors that are there and not used. `save` keeps those of heads and buffers. */
  readonly ignored: readonly string[]
  /** Sentences on what was not obvious. */
  readonly notes: readonly string[]
  /** The files that were read, and of config.json each key that decides a number. */
  readonly reads: readonly FileRead[]
  /** The other keys of config.json, with reasons. */
  readonly ignoredKeys: readonly IgnoredKey[]
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
    this.unopenedHead = opened.unopenedHead
    this.ignored = opened.ignored
    this.notes = opened.notes
    this.reads = opened.reads
    this.ignoredKeys = opened.ignoredKeys
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
    const head = checkOneOf('head', options.head ?? 'auto', headChoices)
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

  /** A tensor's name without the prefix of a wrapper. @internal */
  unwrapped(name: string): string {
    return unwrapped(name, this.#opened.naming)
  }

  /** Tensors that are not used and that a saved checkpoint keeps as they are. @internal */
  keptExtras(): ExtraTensor[] {
    return keptExtras(this.#opened)
  }

  /** Writes the checkpoint under its decision into a directory: see `saveCheckpoint`. @throws TwofourError */
  async save(directory: string, options: SaveOptions = {}): Promise<SaveResult> {
    return saveCheckpoint(this, directory, options)
  }
}
