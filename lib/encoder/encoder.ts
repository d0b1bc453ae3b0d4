import type { EncoderHandle, LinearReport, RunRequest, RunResult } from '../../binding.js'
import { addon, native } from '../addon.js'
import { type EncoderSpec, maxTokens } from '../architecture/spec.js'
import { Checkpoint } from '../checkpoint/checkpoint.js'
import { weightSources } from '../checkpoint/decision.js'
import { TwofourError } from '../errors.js'
import { readSentenceConfig, type SentenceConfig } from '../sentence-config.js'
import { Tokenizer } from '../tokenizer.js'
import { packBatch, type Sequence } from './batch.js'
import { type Classification, type ClassifyOptions, classify } from './classify.js'
import { type Embeddings, type EmbedOptions, embed } from './embed.js'
import { type FilledMask, type FillMaskOptions, fillMask } from './fill-mask.js'
import { type EncoderDevice, type EncoderOptions, type LoadSettings, loadSettings } from './options.js'
import { type RunOptions, type RunOutputs, runOutputs, runRequest } from './run.js'
import type { Text } from './texts.js'
import { keepMeasurements, knownMeasurements, machineKey } from './tuning.js'

/**
 * A checkpoint on a device, ready to run. Runs are queued and computed off the event loop, each with its own
 * promise and signal. Everything rejects with ENCODER_DISPOSED after `dispose`.
 */
export class Encoder {
  readonly checkpoint: Checkpoint
  /** What it runs on, and why. */
  readonly device: EncoderDevice
  readonly #settings: LoadSettings
  #handle: EncoderHandle | undefined
  #running = 0
  #tokenizer: Promise<Tokenizer> | undefined
  #sentence: Promise<SentenceConfig> | undefined

  private constructor(checkpoint: Checkpoint, settings: LoadSettings, handle: EncoderHandle) {
    this.checkpoint = checkpoint
    this.device = settings.device
    this.#settings = settings
    this.#handle = handle
  }

  /**
   * Reads the weights (removed heads, neurons and layers are not there at all) and packs them for the device.
   * @param source an open checkpoint, or the path of one
   * @throws TypeError or RangeError on misuse; TwofourError of Checkpoint.open, FILE_CHANGED, OUT_OF_MEMORY,
   *   DEVICE_UNAVAILABLE, DTYPE_UNAVAILABLE, SPARSITY_UNAVAILABLE
   */
  static async load(source: Checkpoint | string, options: EncoderOptions = {}): Promise<Encoder> {
    const settings = loadSettings(options)
    const { signal, onProgress } = settings
    const checkpoint = source instanceof Checkpoint ? source : await Checkpoint.open(source, { signal })
    await checkpoint.checkUnchanged()
    const weights = weightSources(checkpoint.slots, checkpoint.base, checkpoint.decision, 'remove')

    const machine = machineKey(settings.threads)
    const tuned = settings.sparsity === 'auto' && settings.device.kind === 'cpu'
    const request = {
      spec: nativeSpec(checkpoint.spec),
      weights: Object.fromEntries(weights),
      device: settings.backend,
      dtype: settings.dtype,
      float32: settings.keepFloat32,
      sparsity: settings.sparsity,
      tuning: { budget: settings.tuningBudget, known: tuned ? await knownMeasurements(machine) : [] },
      threads: settings.threads,
      maxTokens: settings.maxTokens,
    }
    const handle = await native((control) => addon().loadEncoder(request, control), {
      signal,
      onProgress:
        onProgress && ((done, total) => onProgress({ stage: 'load', done, total, unit: 'matrices' })),
    })
    await keepMeasurements(machine, addon().measuredByEncoder(handle))
    return new Encoder(checkpoint, settings, handle)
  }

  get spec(): EncoderSpec {
    return this.checkpoint.spec
  }

  /** Tokens of one forward pass; what the tasks cut their texts into. */
  get maxTokens(): number {
    return this.#settings.maxTokens
  }

  /** Runs token ids. @throws TypeError or RangeError naming the sequence; TwofourError TASK_UNSUPPORTED, QUEUE_FULL */
  async run(sequences: readonly Sequence[], options: RunOptions = {}): Promise<RunOutputs> {
    const batch = packBatch(sequences, this.spec)
    const request = runRequest(this.spec, batch, options)

    const result = await this.submit(request, options.signal)
    return runOutputs(this.spec, batch, request, result)
  }

  /** Sentence vectors, pooled as the model's authors meant. @throws as `run`; TwofourError TOKENIZER_MISSING */
  async embed(texts: readonly Text[], options: EmbedOptions = {}): Promise<Embeddings> {
    this.#open()
    return embed(this, texts, options)
  }

  /** Labels of whole texts. @throws as `run`; TwofourError TASK_UNSUPPORTED without a sequence classifier */
  async classify(texts: readonly Text[], options: ClassifyOptions = {}): Promise<Classification[]> {
    this.#open()
    return classify(this, texts, options)
  }

  /** The likeliest tokens for each mask token. @throws as `run`; TASK_UNSUPPORTED without a masked language head */
  async fillMask(texts: readonly Text[], options: FillMaskOptions = {}): Promise<FilledMask[][]> {
    this.#open()
    return fillMask(this, texts, options)
  }

  /** The model's tokenizer, opened once. @throws TwofourError TOKENIZER_MISSING, TOKENIZER_INVALID */
  tokenizer(): Promise<Tokenizer> {
    const { maxLength } = this.#settings
    this.#tokenizer ??= Tokenizer.open(this.checkpoint.directory, {
      modelLimit: maxTokens(this.spec),
      modelVocab: this.spec.vocab,
      ...(maxLength !== undefined && { maxLength }),
    })
    return this.#tokenizer
  }

  /** What sentence-transformers' files beside the model say of pooling, read once. */
  sentenceConfig(): Promise<SentenceConfig> {
    this.#sentence ??= readSentenceConfig(this.checkpoint.directory)
    return this.#sentence
  }

  /** Per linear: the forms held, what runs for how many tokens, and why. */
  explain(): LinearReport[] {
    return addon().explainEncoder(this.#open())
  }

  /** Bytes on the device, by owner. */
  memory(): { owner: string; bytes: number }[] {
    return addon().memoryOfEncoder(this.#open())
  }

  /** Gives the weights back when the runs in flight have ended. Idempotent. */
  dispose(): void {
    if (this.#handle !== undefined) addon().disposeEncoder(this.#handle)
    this.#handle = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose()
  }

  /** Queues a checked request: what every task of this room ends in. @internal */
  async submit(request: RunRequest, signal: AbortSignal | undefined): Promise<RunResult> {
    const handle = this.#open()
    if (this.#running >= this.#settings.maxQueue) {
      throw new TwofourError(
        'QUEUE_FULL',
        `${this.#running} runs are waiting already (maxQueue). Wait for some, or raise maxQueue.`,
        {
          maxQueue: this.#settings.maxQueue,
        },
      )
    }
    this.#running++
    try {
      return await native((control) => addon().runEncoder(handle, request, control), { signal })
    } finally {
      this.#running--
    }
  }

  #open(): EncoderHandle {
    if (this.#handle === undefined) {
      throw new TwofourError('ENCODER_DISPOSED', 'This encoder was disposed. Load it again to use it.')
    }
    return this.#handle
  }
}

function nativeSpec(spec: EncoderSpec) {
  return { ...spec, layers: spec.layers.map((layer) => ({ ...layer, heads: [...layer.heads] })) }
}
