import { type PackedTexts, type Text, tokenizeTexts } from '../tokenizer/packed.js'
import { charactersOf, TokenizerWorkers } from '../tokenizer/workers.js'
import type { Tokenizer, TokenizerOptions } from '../tokenizer.js'

/**
 * Characters that are tokenised in place in one turn of the event loop: half a millisecond to one, at the 0.5 to 1 µs
 * a character that were measured with BERT's WordPiece. A text takes some time of its own, as much as `perText` more.
 */
const mostInPlace = 1024
const perText = 8

/** An encoder's tokenizer: at once for a few short texts, else in threads of its own. */
export class Tokenizing {
  readonly #tokenizer: Tokenizer
  readonly #workers: TokenizerWorkers
  #left = mostInPlace
  #renewing = false

  constructor(tokenizer: Tokenizer, directory: string, options: TokenizerOptions) {
    this.#tokenizer = tokenizer
    this.#workers = new TokenizerWorkers({ directory, options })
  }

  /** @throws what the tokenizer throws for the first text that it refuses; `signal.reason` */
  tokenize(texts: readonly Text[], signal?: AbortSignal): PackedTexts | Promise<PackedTexts> {
    if (!this.#affords(texts.length * perText + charactersOf(texts)))
      return this.#workers.tokenize(texts, signal)
    const { packed, failures } = tokenizeTexts(this.#tokenizer, texts)
    if (failures.length > 0) throw failures[0]![1]
    return packed
  }

  end(reason: unknown): void {
    this.#workers.end(reason)
  }

  #affords(cost: number): boolean {
    if (cost > this.#left) return false
    this.#left -= cost
    if (this.#renewing) return true
    this.#renewing = true
    setImmediate(() => {
      this.#left = mostInPlace
      this.#renewing = false
    })
    return true
  }
}
