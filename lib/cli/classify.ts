import type { Classification, ClassifyOptions } from '../index.js'
import type { Command } from './command.js'
import { noteTruncated } from './encode-texts.js'
import { readTexts } from './texts.js'
import { encoderOptions, withEncoder } from './with-encoder.js'

const atOnce = 512

export const classify: Command = {
  name: 'classify',
  summary: 'gives texts the labels of a sequence classifier, with scores',
  usage: 'classify MODEL [TEXT…] [--file FILE]',
  example: "twofour classify ./sst2-model 'A joy from start to end.'",
  options: {
    file: { value: 'FILE', help: 'texts, one a line (- for stdin, also the default without TEXT)' },
    'max-length': { value: 'N', help: "cut texts after so many tokens (default: the model's own)" },
    activation: {
      value: 'NAME',
      help: "what makes scores of logits: 'none', 'sigmoid', 'softmax' or 'auto' (default auto: as the model's makers meant)",
    },
    ...encoderOptions,
  },
  notes: 'Lines are {"text", "label", "score", "scores", "activation"}; with --json they are one array.',
  arguments: { name: 'MODEL', least: 1, most: Number.POSITIVE_INFINITY },
  async run(invocation) {
    const { args, options, output, signal, onProgress } = invocation
    // The library names what it refuses.
    const activation = options.text('activation') as ClassifyOptions['activation']
    const [model, ...words] = args as [string, ...string[]]
    const texts = await readTexts(words, invocation)

    await withEncoder(model, invocation, async (encoder) => {
      const all: object[] = []
      let truncated = 0
      for (let first = 0; first < texts.length; first += atOnce) {
        const slice = texts.slice(first, first + atOnce)
        const found = await encoder.classify(slice, { activation, signal })
        truncated += found.filter((each) => each.truncated).length
        const rows = found.map((each, at) => result(slice[at]!, each))
        if (output.json) all.push(...rows)
        else await output.print(rows.map((row) => JSON.stringify(row)).join('\n'))
        onProgress({ stage: 'classify', done: first + slice.length, total: texts.length, unit: 'texts' })
      }
      if (output.json) await output.value(all)
      noteTruncated(truncated, texts.length, output)
    })
  },
}

function result(text: string, { label, score, scores, activation }: Classification) {
  return { text, label, score, scores, activation }
}
