import type { Command } from './command.js'
import { encodeIds } from './encode-ids.js'
import { encodeTexts } from './encode-texts.js'
import { encoderOptions } from './with-encoder.js'

/** Options that only texts have. */
const ofTexts = [
  ...['file', 'pooling', 'normalize', 'no-normalize', 'max-length'],
  ...['prompt', 'no-prompt', 'prefix', 'dimensions'],
]

export const encode: Command = {
  name: 'encode',
  summary: 'turns texts or token ids into vectors',
  usage:
    'encode MODEL [TEXT…] [--file FILE] [--out FILE.safetensors] | encode MODEL --ids FILE.json --out FILE.safetensors',
  example:
    "twofour encode models/demo/model 'A man is playing a guitar.' 'Someone plays music.'\n" +
    'twofour encode models/demo/model --file texts.txt --out vectors.safetensors',
  options: {
    file: { value: 'FILE', help: 'texts, one a line (- for stdin, also the default without TEXT)' },
    out: { value: 'FILE', help: 'write a safetensors file in place of lines of JSON' },
    pooling: {
      value: 'NAME',
      help: "'mean', 'cls', 'max', 'meanSqrtLength', 'lastToken', 'weightedMean', or several with commas side by side (default: the model's own, else mean)",
    },
    normalize: { help: "divide each vector by its length (default: the model's own)" },
    'no-normalize': { help: 'do not' },
    prompt: {
      value: 'NAME',
      help: "the model's prompt of this name before each text (default: its default)",
    },
    'no-prompt': { help: "not even the model's default prompt" },
    prefix: { value: 'TEXT', help: 'this text before each text, in place of a prompt' },
    dimensions: {
      value: 'N',
      help: "keep the first N numbers of each vector (default: the model's truncate_dim, else all)",
    },
    'max-length': { value: 'N', help: "cut texts after so many tokens (default: the model's own)" },
    ids: { value: 'FILE', help: 'token ids as JSON in place of texts; needs --out' },
    'hidden-states': { help: 'with --ids: also the inputs and the state after each layer' },
    ...encoderOptions,
  },
  notes:
    'Lines are {"text", "vector"}; with --json they are one array. --out writes `embeddings` F32 [texts, width].\n' +
    '--ids takes [[101, 7592, 102], …] or [{"input_ids": […], "token_type_ids": […]}, …] and writes last_hidden_state\n' +
    '[tokens, hidden], sequence_offsets, and pooler_output and logits where the model has them.',
  arguments: { name: 'MODEL', least: 1, most: Number.POSITIVE_INFINITY },
  async run(invocation) {
    const { args, options } = invocation
    const [model, ...texts] = args as [string, ...string[]]
    const ids = options.text('ids')
    if (ids === undefined) {
      if (options.flag('hidden-states')) throw new TypeError('--hidden-states goes with --ids.')
      return encodeTexts(model, texts, invocation)
    }
    const stray = ofTexts.find((name) => options.has(name))
    if (stray !== undefined) throw new TypeError(`--${stray} is for texts, and does not go with --ids.`)
    if (texts.length > 0) throw new TypeError('Expected texts or --ids, got both.')
    return encodeIds(model, ids, invocation)
  },
}
