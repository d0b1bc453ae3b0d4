// Speed of pruned checkpoints beside the dense one: interleaved rounds, each checkpoint in a process of its own.
import { compare } from '../../dist/bench/compare.js'
import { encoderSubject } from '../../dist/bench/encoder-subject.js'
import { textWork } from '../../dist/bench/works.js'

const batchSize = 32

/**
 * @param checkpoints by name, the dense one first: directories
 * @returns for each name tokens a second, speed as a multiple of the dense one's, and what ran
 */
export async function speeds(checkpoints, texts, { rounds, threads, budget }) {
  const load = { dtype: 'float32', sparsity: 'auto', threads, tuning: { budget } }
  const { timings } = await compare({
    subjects: checkpoints.map(({ name, directory }) =>
      encoderSubject(name, { model: directory, recipe: null, load }, true),
    ),
    works: async (tokenise) => [textWork('arrival order', await tokenise(texts), batchSize)],
    rounds,
    onProgress: ({ stage, done, total }) => console.error(`${stage} ${done} of ${total}`),
  })
  return new Map(
    timings.map(({ subject, texts, tokens, seconds, ratio, interval, ran, rounds }) => [
      subject,
      { tokensPerSecond: tokens / seconds, textsPerSecond: texts / seconds, ratio, interval, ran, rounds },
    ]),
  )
}
