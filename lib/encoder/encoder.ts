import type { EncoderHandle, LinearReport, RunRequest, RunResult } from '../../binding.js'
import { addon, native } from '../addon.js'
import type { EncoderSpec } from '../architecture/spec.js'
import { checkOneOf, expected } from '../check.js'
import { Checkpoint } from '../checkpoint/checkpoint.js'
import { weightSources } from '../checkpoint/decision.js'
import { readSentenceConfig, type SentenceConfig } from '../sentence-config.js'
import type { PackedTexts } from '../tokenizer/packed.js'
import { Tokenizer, type TokenizerOptions } from '../tokenizer.js'
import { packBatch, type Sequence } from './batch.js'
import { packCalibration } from './calibration.js'
import { type Classification, type ClassifyOptions, classify } from './classify.js'
import { closing } from './closing.js'
import type { EncoderDevice } from './device.js'
import { type EmbeddedTexts, type Embeddings, type EmbedOptions, embed, embedStream } from './embed.js'
import { type FilledMask, type FillMaskOptions, fillMask } from './fill-mask.js'
import { type EncoderOptions, type LoadSettings, loadSettings } from './options.js'
import { type Lane, Requests } from './requests.js'
import { type RunOptions, type RunOutputs, runOutputs, runRequest } from './run.js'
import { closeSubscription, isSource, type Subscription, subscribe, type TextSource } from './text-chunks.js'
import { reportText, type TextReport } from './text-report.js'
import type { Text } from './texts.js'
import { tokenizerOptions } from './tokenizer-options.js'
import { keepMeasurements, knownMeasurements } from './tuning.js'

/**
 * A checkpoint on a device, ready to run. Runs are queued and computed off the event loop, those that wait together,
 * each with its own promise, signal and error. Everything rejects with ENCODER_DISPOSED after `dispose`.
 */
export class Encoder {
  readonly checkpoint: Checkpoint
  /** What it runs on, and why. */
  readonly device: EncoderDevice
  readonly #settings: LoadSettings
  readonly #requests: Requests
  #tokenizer: Promise<Tokenizer> | undefined
  #sentence: Promise<SentenceConfig> | undefined

  private constructor(checkpoint: Checkpoint, settings: LoadSettings, handle: EncoderHandle) {
    this.checkpoint = checkpoint
    this.device = settings.device
    this.#settings = settings
    this.#requests = new Requests(handle, settings)
  }

  /**
   * Reads the weights (removed heads, neurons and layers are not there at all) and packs them for the device.
   * @param source an open checkpoint, or the path of one
   * @throws TypeError or RangeError on misuse; TwofourError of Checkpoint.open, FILE_CHANGED, OUT_OF_MEMORY,
   *   DEVICE_UNAVAILABLE, DTYPE_UNAVAILABLE, SPARSITY_UNAVAILABLE
   */
  static async load(source: Checkpoint | string, options: EncoderOptions = {}): Promise<Encoder> {
    const settings = loadSettings(options)
    const { signal, onProgress, calibration } = settings
    const checkpoint = await opened(source, settings)
    await checkpoint.checkUnchanged()
    const sample = calibration && (await packCalibration(calibration, checkpoint, settings))
    const weights = weightSources(checkpoint.slots, checkpoint.base, checkpoint.decision, 'remove')

    const request = {
      spec: nativeSpec(checkpoint.spec),
      weights: Object.fromEntries(weights),
      device: settings.backend,
      libraries: settings.libraries,
      dtype: settings.dtype,
      float32: settings.keepFloat32,
      calibration: sample && { ids: sample.ids, types: sample.types, offsets: sample.sequenceOffsets },
      sparsity: settings.sparsity,
      tuning: { budget: settings.tuningBudget, known: await knownMeasurements(settings.tuning) },
      threads: settings.threads,
      maxTokens: settings.maxTokens,
    }
    const handle = await native((control) => addon().loadEncoder(request, control), {
      signal,
      onProgress:
        onProgress && ((done, total) => onProgress({ stage: 'load', done, total, unit: 'matrices' })),
    })
    await keepMeasurements(settings.tuning, addon().measuredByEncoder(handle))
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
    const request = runRequest(this.checkpoint, batch, options)

    const result = await this.submit(request, options.signal)
    return runOutputs(this.spec, batch, request, result)
  }

  /**
   * Sentence vectors, pooled as the model's authors meant: all at once for an array; for anything else that gives
   * texts one by one (a generator, a stream of lines), slices as they are ready, in order. Texts are then asked for
   * only as slices are taken, and leaving the loop stops the work and closes the source.
   * @throws as `run`; TwofourError TOKENIZER_MISSING
   */
  embed(texts: readonly Text[], options?: EmbedOptions): Promise<Embeddings>
  embed(texts: TextSource, options?: EmbedOptions): AsyncGenerator<EmbeddedTexts, void, undefined>
  embed(texts: readonly Text[] | TextSource, options: EmbedOptions = {}) {
    if (!isSource(texts)) return this.#embed(texts, options)
    const subscription = subscribe(texts)
    return closing(this.#embedStream(subscription, options), () => closeSubscription(subscription))
  }

  async #embed(texts: readonly Text[], options: EmbedOptions): Promise<Embeddings> {
    this.#open()
    return embed(this, texts, options)
  }

  async *#embedStream(texts: Subscription, options: EmbedOptions) {
    try {
      this.#open()
    } catch (error) {
      await closeSubscription(texts)
      throw error
    }
    yield* embedStream(this, texts, options)
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
    this.#tokenizer ??= Tokenizer.open(this.checkpoint.directory, this.#tokenizerOptions())
    return this.#tokenizer
  }

  /** What sentence-transformers' files beside the model say of prompts, pooling and vectors, read once. */
  sentenceConfig(): Promise<SentenceConfig> {
    this.#sentence ??= readSentenceConfig(this.checkpoint.root)
    return this.#sentence
  }

  /**
   * Per linear: the forms held, what runs for how many tokens, and why; how 8-bit inputs are scaled, where calibrated.
   * Of 'text': limit and who set it, prompt, pooling and activation, and the files that said so.
   */
  explain(what: 'text'): Promise<TextReport>
  explain(what?: 'linears'): LinearReport[]
  explain(what: 'linears' | 'text' = 'linears'): LinearReport[] | Promise<TextReport> {
    const handle = this.#open()
    return checkOneOf('what', what, ['linears', 'text']) === 'text'
      ? reportText(this.checkpoint, this.#settings.maxLength)
      : addon().explainEncoder(handle)
  }

  /** Bytes on the device, by owner. */
  memory(): { owner: string; bytes: number }[] {
    return addon().memoryOfEncoder(this.#open())
  }

  /** Gives the weights back when the runs in flight have ended. Idempotent. */
  dispose(): void {
    this.#requests.dispose()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose()
  }

  /** Queues a checked request: what every task of this room ends in. @internal */
  submit(request: RunRequest, signal: AbortSignal | undefined, lane?: Lane): Promise<RunResult> {
    return this.#requests.submit(request, signal, lane)
  }

  /** Tokenises without holding up the event loop. @internal */
  async tokenize(texts: readonly Text[], signal: AbortSignal | undefined): Promise<PackedTexts> {
    const tokenizer = await this.tokenizer()
    this.#open()
    return tokenizer.pack(texts, signal)
  }

  #tokenizerOptions(): TokenizerOptions {
    const { maxLength } = this.#settings
    return { ...tokenizerOptions(this.checkpoint), ...(maxLength !== undefined && { maxLength }) }
  }

  #open(): EncoderHandle {
    return this.#requests.handle
  }
}

/** @throws TypeError where a head is chosen for a checkpoint that is open */
async function opened(source: Checkpoint | string, { head, signal }: LoadSettings): Promise<Checkpoint> {
  if (!(source instanceof Checkpoint)) return Checkpoint.open(source, { head, signal })
  if (head === undefined) return source
  throw new TypeError(
    expected('head', 'absent for an open checkpoint', head, 'Pass it to `Checkpoint.open`.'),
  )
}

function nativeSpec(spec: EncoderSpec) {
  return { ...spec, layers: spec.layers.map((layer) => ({ ...layer, heads: [...layer.heads] })) }
}
