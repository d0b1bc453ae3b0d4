// One pruning, for pruning-process.mjs.
import { Calibration, Checkpoint, prune } from 'twofour'
import { peakMemory, resetPeakMemory } from '../../dist/bench/peak-memory.js'

// Nobody waits any more.
process.once('disconnect', () => process.exit())
process.once('message', async (request) => {
  const answer = await cost(request).catch((error) =>
    isUnknown(error) ? { skipped: error.message } : { failed: error.stack },
  )
  process.send(answer, () => process.disconnect())
})

async function cost({ model, recipe, plan: file, texts, ids, threads }) {
  const checkpoint = await Checkpoint.open(model)
  // The base's hash is for the plan, whatever the method.
  await checkpoint.hash()
  const calibration = await calibrationOf(checkpoint, { texts, ids })
  resetPeakMemory()
  const restBytes = process.memoryUsage.rss()
  const [begin, cpu] = [performance.now(), process.cpuUsage()]
  const plan = await prune(checkpoint, recipe, { calibration, threads })
  const seconds = (performance.now() - begin) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const peakBytes = peakMemory()
  await plan.save(file)
  const summary = plan.summary()
  return {
    seconds,
    cpuSeconds: (user + system) / 1e6,
    peakBytes,
    restBytes,
    sequences: calibration?.sequences ?? 0,
    tokens: calibration?.tokens ?? 0,
    density: summary.prunable.density,
    notes: summary.steps.flatMap(({ notes }) => notes ?? []),
  }
}

async function calibrationOf(checkpoint, { texts, ids }) {
  const options = { limit: Number.POSITIVE_INFINITY }
  if (texts !== undefined) return Calibration.fromTexts(checkpoint, texts, options)
  return ids === undefined ? undefined : Calibration.fromIds(checkpoint, ids, options)
}

/** What a checkout says of a recipe that an older or newer one knows. */
function isUnknown(error) {
  const { message } = error
  const refused = error instanceof TypeError || error instanceof RangeError
  return refused && /^(Unknown (key|pattern)|Expected `recipe\.)/.test(message)
}
